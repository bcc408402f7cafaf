"""Run `ansible-test sanity` on a copy of the checkout, with suitable home and interpreters.

`python tests/tools/sanity.py shipped` checks only what the built collection holds, and `units tests/unit/archive/`
runs unit tests with `ansible-test units`; further arguments are passed to ansible-test.

Exit status: that of ansible-test, or 77 with the reason as the last line if it cannot run here.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

# The link that makes a checkout look like a collection would lead the copy back into itself.
LEFT_OUT = ".collections/"
# Written as a site is (wildcard imports of settings, a shebang), not as a collection; the unit tests use it.
FIXTURES = "tests/fixtures/"
# What galaxy.yml keeps out of the built collection; ansible-test needs its own settings among it.
NOT_SHIPPED, SETTINGS = ("tests/", "molecule/"), "tests/config.yml"
CHECKOUT = Path(__file__).resolve().parents[2]
VERSION = ".".join(importlib.metadata.version("ansible-core").split(".")[:2])
# Apart for each version, because ansible-test keeps its virtual environments there.
CACHE = CHECKOUT / ".cache" / f"sanity-{VERSION}"
COLLECTION = CACHE / "ansible_collections" / "iact" / "maintenance"
SKIPPED = 77
# ansible-test bootstraps pip by a script from a site that is not reachable everywhere; Python brings its own pip.
GET_PIP = '''\
"""Installs pip from the interpreter's own bundle, then what ansible-test asks for."""

import subprocess
import sys

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
raise SystemExit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
'''


def main(arguments: list[str]) -> int:
    """Return ansible-test's exit status; the arguments are passed to it, such as `--test validate-modules`."""
    kind, rest = (arguments[0], arguments[1:]) if arguments[:1] in (["units"], ["shipped"]) else ("", arguments)
    # One Python is enough for the units, which `make unit` runs anyway: here the way of running them is tried.
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    words = ["units", "--python", python, *rest] if kind == "units" else ["sanity", *rest]
    files = _files()
    if files is None:
        sys.stdout.write("git does not know this folder, so that there is no list of files to check\n")
        return SKIPPED
    without = {"units": (), "shipped": NOT_SHIPPED}.get(kind, (FIXTURES,))
    _copy([name for name in files if name == SETTINGS or not name.startswith(without)])
    home = CACHE / "home"
    _provide_get_pip(home)
    command = ["ansible-test", words[0], "--venv", "--requirements", "--color", "no", *words[1:]]
    environment = {**os.environ, "HOME": str(home), "PATH": _path()}
    return subprocess.run(command, cwd=COLLECTION, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def _files() -> list[str] | None:
    """Return the files of the checkout, new ones too but none that git ignores, or None outside of git."""
    command = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [name for name in done.stdout.split("\0") if name and not name.startswith(LEFT_OUT)]


def _copy(files: list[str]) -> None:
    """Make the copy again, but keep the folder with ansible-test's virtual environment."""
    kept, output = CACHE / "output", COLLECTION / "tests" / "output"
    if output.exists():
        output.rename(kept)
    shutil.rmtree(COLLECTION, ignore_errors=True)
    for name in files:
        source, target = CHECKOUT / name, COLLECTION / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    if kept.exists():
        kept.rename(output)
    # A repository of its own, because ansible-test would walk up to the checkout's, which ignores the cache.
    subprocess.run(["git", "init", "--quiet", str(COLLECTION)], check=True)
    (COLLECTION / ".git/info/exclude").write_text("tests/output/\n", encoding="utf-8")


def _path() -> str:
    """Return a PATH with real interpreters only, because a pyenv shim makes ansible-test fail with status 127."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder).name != "shims"]
    interpreters = sorted(str(folder) for folder in root.glob("versions/3.*/bin"))
    return os.pathsep.join([str(Path(sys.executable).parent), *interpreters, *folders])


def _provide_get_pip(home: Path) -> None:
    """Put our bootstrap script where ansible-test caches the downloaded one, if it cannot be downloaded."""
    address, name = _get_pip_source()
    script = home / ".ansible" / "test" / "cache" / name
    if script.exists() or _reachable(address):
        return
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(GET_PIP, encoding="utf-8")


def _get_pip_source() -> tuple[str, str]:
    """Return the script's address and cached file name as the installed ansible-test has them."""
    import ansible_test

    package = Path(next(iter(ansible_test.__path__)))
    setup = (package / "_util/target/setup/requirements.py").read_text(encoding="utf-8")
    versions = (package / "_internal/python_requirements.py").read_text(encoding="utf-8")
    address = re.search(r"url = '(https://\S+get-pip-%s\.py)'", setup)
    version = re.search(r"\bpip='([0-9.]+)'", versions)
    if not address or not version:
        raise RuntimeError("this ansible-test bootstraps pip in a way that is not known here")
    number = version.group(1)
    return address.group(1) % number, f"get_pip_{number.replace('.', '_')}.py"


def _reachable(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10):
            return True
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
