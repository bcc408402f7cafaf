"""Try the collection with other versions of ansible-core: sanity, units of one folder, the demo, one run of the role.

`python tests/tools/matrix.py 2.17 2.21`; without versions all that README.md names. Each has an environment of its own
in `.cache`. Exit status: 0 or 1, or 77 with the reason as the last line if no Python for a version is here.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache"
# The Pythons that a controller may have, by version of ansible-core, the newest first.
PYTHONS = {
    "2.17": ("3.12", "3.11", "3.10"),
    "2.18": ("3.13", "3.12", "3.11"),
    "2.19": ("3.13", "3.12", "3.11"),
    "2.20": ("3.14", "3.13", "3.12"),
    "2.21": ("3.14", "3.13", "3.12"),
}
NEWEST = list(PYTHONS)[-1]
# Of the development environment, pinned there, as far as the demo needs them.
SHARED = ("Django", "PyMySQL")
# One folder is enough to prove that `ansible-test units` runs; all of them are the stage `unit`.
UNITS = "tests/unit/archive/"
IMAGE = "iact-host:bookworm"
# As the scenarios of Molecule start their hosts.
HOST_OPTIONS = [
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cgroupns=host", "--stop-signal", "SIGRTMIN+3"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs", "/run", "--tmpfs", "/run/lock"),
]
SKIPPED = 77


def main(versions: list[str]) -> int:
    """Return 0 if every step of every version went well."""
    statuses = [_try(version) for version in versions or PYTHONS]
    return max(statuses) if set(statuses) <= {0, 1} else SKIPPED if max(statuses) == SKIPPED else 1


def _try(version: str) -> int:
    python = _python(PYTHONS[version])
    if python is None:
        names = ", ".join(PYTHONS[version])
        sys.stdout.write(f"ansible-core {version} needs Python {names}, which is not here\n")
        return SKIPPED
    programs = _environment(version, python) / "bin"
    failed = [name for name, passed in _steps(version, programs) if not passed]
    sys.stdout.write(f"ansible-core {version}: {', '.join(failed) + ' failed' if failed else 'all passed'}\n")
    return 1 if failed else 0


def _steps(version: str, programs: Path) -> list[tuple[str, bool]]:
    python = str(programs / "python")
    demo = {"IACT_DEMO_FOLDER": str(CACHE / f"demo-{version}")}
    return [
        ("sanity", all(_run([python, "tests/tools/sanity.py", *words], {}) for words in _sanity(version, python))),
        ("units", _run([python, "tests/tools/sanity.py", "units", UNITS], {})),
        ("demo", _run([python, "tests/demo.py"], demo)),
        ("role", _role(version, programs)),
    ]


def _sanity(version: str, python: str) -> list[list[str]]:
    """Return the arguments of each run of the sanity tests.

    The newest version tests everything. For the others it is what is shipped, because pylint takes minutes for the
    tests' own files, and imports under one Python, because each has an environment of its own to be made.
    """
    if version == NEWEST:
        return [[]]
    name = _run_for_text([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    return [["shipped", "--skip-test", "import"], ["shipped", "--test", "import", "--python", name]]


def _run_for_text(argv: list[str]) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def _python(names: tuple[str, ...]) -> str | None:
    """Return a Python of one of these versions that runs; a shim on PATH may start nothing."""
    root = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    for name in names:
        for path in (*glob.glob(f"{root}/versions/{name}.*/bin/python"), shutil.which(f"python{name}")):
            if path and subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
                return path
    return None


def _environment(version: str, python: str) -> Path:
    """Return the folder of a virtual environment with that ansible-core, made once."""
    folder = CACHE / f"ansible-{version}"
    if not (folder / ".ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        pinned = (CHECKOUT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
        packages = [f"ansible-core=={version}.*", *(line for line in pinned if line.split("==")[0] in SHARED)]
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
        (folder / ".ready").touch()
    return folder


def _run(argv: list[str], environment: dict[str, str]) -> bool:
    sys.stdout.write(f"+ {' '.join(argv)}\n")
    sys.stdout.flush()
    path = f"{Path(argv[0]).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, **environment}
    return subprocess.run(argv, cwd=CHECKOUT, env=variables, stdin=subprocess.DEVNULL, check=False).returncode == 0


def _role(version: str, programs: Path) -> bool:
    """Return whether the role provisions a bare Debian twice, the second time without a change."""
    if not _run([sys.executable, "tests/hosts/prepare.py"], {}):
        return False
    name = f"{os.environ.get('IACT_TEST_PREFIX', 'iact')}-core-{version}"
    subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
    started = _run(["docker", "run", "--detach", "--name", name, *HOST_OPTIONS, IMAGE, "/lib/systemd/systemd"], {})
    try:
        return started and _provisions(name, programs)
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


def _provisions(name: str, programs: Path) -> bool:
    # The connection to a container comes from the development environment's collections.
    collections = f"{CHECKOUT / '.collections'}{os.pathsep}{sysconfig.get_paths()['purelib']}"
    with tempfile.TemporaryDirectory() as folder:
        inventory = Path(folder) / "inventory.yml"
        host = {"ansible_connection": "community.docker.docker", "ansible_python_interpreter": "/usr/bin/python3"}
        lines = "".join(f"          {key}: {value}\n" for key, value in host.items())
        inventory.write_text(f"all:\n  children:\n    iact:\n      hosts:\n        {name}:\n{lines}")
        argv = [str(programs / "ansible-playbook"), "-i", str(inventory), "site.yml"]
        environment = {"ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_HOME": folder, "ANSIBLE_NOCOLOR": "1"}
        if not _run(argv, environment):
            return False
        variables = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", **environment}
        done = subprocess.run(argv, cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False)
        sys.stdout.write(done.stdout + done.stderr)
        return done.returncode == 0 and " changed=0 " in done.stdout


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
