"""Import the built collection as Galaxy does, in a separate environment; errors and warnings fail.

Exit status: 0 or 1, or 77 with the reason as the last line if the importer cannot be installed here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache" / "galaxy"
ENVIRONMENT = CHECKOUT / ".cache" / "importer"
REQUIREMENTS = Path(__file__).with_name("requirements-importer.txt")
# ansible-test runs as a stage of its own.
CONFIG = "[galaxy-importer]\nRUN_ANSIBLE_TEST=False\n"
SKIPPED = 77


def main() -> int:
    """Return 0 if Galaxy would import the collection without errors and warnings."""
    if not _install():
        sys.stdout.write("galaxy-importer could not be installed from the package index\n")
        return SKIPPED
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    (CACHE / "importer.cfg").write_text(CONFIG, encoding="utf-8")
    build = [_program("ansible-galaxy"), "collection", "build", str(CHECKOUT), "--output-path", str(CACHE)]
    subprocess.run(build, check=True, stdin=subprocess.DEVNULL)
    (artefact,) = CACHE.glob("*.tar.gz")
    status, text = _import(artefact)
    sys.stdout.write(text)
    listed = remarks(text)
    sys.stdout.write("".join(f"Galaxy remarks: {line}\n" for line in listed))
    return 1 if status != 0 or listed else 0


def remarks(text: str) -> list[str]:
    """Return the importer's errors and warnings, one per line of its output."""
    return re.findall(r"^(?:ERROR|WARNING): .*", text, re.MULTILINE)


def _import(artefact: Path) -> tuple[int, str]:
    """Return the importer's exit status and output."""
    path = f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "GALAXY_IMPORTER_CONFIG": str(CACHE / "importer.cfg")}
    # Its result file goes into the folder in which it runs; ansible.cfg there would be the checkout's.
    done = subprocess.run(
        [_program("python"), "-m", "galaxy_importer.main", str(artefact)],
        cwd=CACHE,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def _install() -> bool:
    """Create the environment if its requirements changed; return whether it exists."""
    wanted, stamp = REQUIREMENTS.read_text(encoding="utf-8"), ENVIRONMENT / ".ready"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return True
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    pip = [
        _program("python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        str(REQUIREMENTS),
    ]
    if subprocess.run(pip, check=False, stdin=subprocess.DEVNULL).returncode != 0:
        return False
    stamp.write_text(wanted, encoding="utf-8")
    return True


def _program(name: str) -> str:
    return str(ENVIRONMENT / "bin" / name)


if __name__ == "__main__":
    raise SystemExit(main())
