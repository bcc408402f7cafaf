"""The stages of the tests: what each runs, how it counts, and what may run beside what."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import packages
from processes import Command, Processes
from results import Result, from_junit, one, skip

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
LOGS = CHECKOUT / ".cache" / "test"
SKIPPED = 77


@dataclass(frozen=True)
class Stage:
    """One line of the summary: its group is what people name on the command line."""

    group: str
    name: str
    run: Callable[[Processes, Path], Result]
    skips_fail_in_ci: bool = False

    @property
    def log(self) -> Path:
        """Return the file that holds all that the stage printed."""
        return LOGS / f"{self.name.replace(' ', '-')}.log"


def lanes() -> list[list[Stage]]:
    """Return the stages in lanes: within one they follow each other, and the lanes run side by side.

    Two lanes for two cores, of about the same length.
    """
    oldest, newest = _versions()
    return [
        [*_linters(), Stage("unit", "unit", _pytest("unit", 900)), Stage("build", "build", _build),
         Stage("demo", "demo", _single("demo", ["python", "tests/demo.py"])),
         Stage("integration", "integration", _pytest("integration", 2700)), oldest],
        [*_molecule(), Stage("build", "galaxy", _script("galaxy", 600), skips_fail_in_ci=True), newest],
    ]  # fmt: skip


def _linters() -> list[Stage]:
    commands = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy"],
        "yamllint": ["yamllint", "--strict", "."],
        "ansible-lint": ["ansible-lint", "--offline", "--nocolor"],
        "changelog": ["antsibull-changelog", "lint"],
        "licences": ["reuse", "lint", "--quiet"],
    }
    return [Stage("lint", name, _single(name, argv)) for name, argv in commands.items()]


def _single(name: str, argv: list[str]) -> Callable[[Processes, Path], Result]:
    def run(processes: Processes, log: Path) -> Result:
        return one(name, processes.run(_command([str(PROGRAMS / argv[0]), *argv[1:]], 600), log))

    return run


def _pytest(name: str, timeout_seconds: float) -> Callable[[Processes, Path], Result]:
    def run(processes: Processes, log: Path) -> Result:
        report = log.with_suffix(".xml")
        report.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "pytest", f"tests/{name}", f"--junitxml={report}"]
        return from_junit(name, report, processes.run(_command(argv, timeout_seconds), log))

    return run


def _build(processes: Processes, log: Path) -> Result:
    """Count the build, the installation, and the documentation of each module as the installed collection shows it."""
    place = LOGS / "build"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    commands = {
        "build": ["ansible-galaxy", "collection", "build", str(CHECKOUT), "--output-path", str(place)],
        "install": ["ansible-galaxy", "collection", "install", "--no-deps", "-p", str(place), str(place / _tarball())],
    }
    for module in sorted((CHECKOUT / "plugins/modules").glob("[a-z]*.py")):
        name = f"iact.maintenance.{module.stem}"
        commands[f"documentation of {name}"] = ["ansible-doc", "-t", "module", name]
    site = ["--use-current", "--fail-on-error", "--dest-dir", str(place / "site"), "iact.maintenance"]
    commands["documentation as a site"] = ["antsibull-docs", "collection", *site]
    # An empty configuration, so that the installed copy is read and not the checkout that ansible.cfg names.
    (place / "ansible.cfg").touch()
    (place / "site").mkdir()
    environment = {"ANSIBLE_CONFIG": str(place / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(place)}
    failed = []
    for what, argv in commands.items():
        command = _command([str(PROGRAMS / argv[0]), *argv[1:]], 120)
        if processes.run(replace(command, environment={**command.environment, **environment}), log) != 0:
            failed.append(what)
    return Result("build", len(commands) - len(failed), len(failed), reasons=tuple(failed))


def _tarball() -> str:
    for line in (CHECKOUT / "galaxy.yml").read_text(encoding="utf-8").splitlines():
        if line.startswith("version:"):
            return f"iact-maintenance-{line.split(':')[1].strip()}.tar.gz"
    raise RuntimeError("galaxy.yml names no version")


def _versions() -> list[Stage]:
    """Return a stage for the oldest and for the newest ansible-core; `make matrix` tries those between them as well."""
    oldest, newest = "2.17", "2.21"
    return [
        Stage("sanity", f"ansible-core {oldest}", _script("matrix", 1800, oldest), skips_fail_in_ci=True),
        # Whose Python not every Debian has.
        Stage("sanity", f"ansible-core {newest}", _script("matrix", 1800, newest)),
    ]


def _script(name: str, timeout_seconds: float, *words: str) -> Callable[[Processes, Path], Result]:
    """Return what runs a script of this folder, which tells by its exit status that it could not run here."""

    def run(processes: Processes, log: Path) -> Result:
        status = processes.run(_command([sys.executable, f"tests/tools/{name}.py", *words], timeout_seconds), log)
        return skip(name, _last_line(log)) if status == SKIPPED else one(name, status)

    return run


def _molecule() -> list[Stage]:
    names = [path.parent.name for path in sorted((CHECKOUT / "molecule").glob("*/molecule.yml"))]
    if not names:
        return [Stage("molecule", "molecule", lambda _processes, _log: Result("molecule"))]
    return [Stage("molecule", f"molecule {name}", _scenario(name), skips_fail_in_ci=True) for name in names]


def _scenario(scenario: str) -> Callable[[Processes, Path], Result]:
    name = f"molecule {scenario}"

    def run(processes: Processes, log: Path) -> Result:
        status = processes.run(_command([sys.executable, "tests/hosts/prepare.py"], 1500), log)
        if status != 0 and not packages.can_install() and not _engine_answers():
            return skip(name, f"no Docker engine answers, and we are not root on a Debian: {_last_line(log)}")
        if status != 0:
            return Result(name, failed=1, reasons=("tests/hosts/prepare.py could not make the machine ready",))
        return one(name, processes.run(_command([str(PROGRAMS / "molecule"), "test", "-s", scenario], 1800), log))

    return run


def _engine_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _command(argv: list[str], timeout_seconds: float) -> Command:
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    # Of the hosts' names, because several checkouts may run their scenarios on one engine at the same time.
    prefix = os.environ.get("IACT_TEST_PREFIX", f"iact-{hashlib.sha256(bytes(CHECKOUT)).hexdigest()[:6]}")
    return Command(argv, timeout_seconds, {"PATH": path, "NO_COLOR": "1", "IACT_TEST_PREFIX": prefix}, CHECKOUT)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else ""
