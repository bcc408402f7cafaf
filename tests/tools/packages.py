"""The system packages that the tests use: installed as root on Debian, otherwise only named."""

from __future__ import annotations

import glob
import os
import shutil
from pathlib import Path

from processes import Command, Processes

APT = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
# package -> a program of it (a pattern where it lies outside of PATH). Docker and what the hosts' images need is
# looked after by tests/hosts/prepare.py.
PACKAGES = {
    "unit": {"zstd": "zstd", "strace": "strace"},
    "sanity": {"shellcheck": "shellcheck"},
    "integration": {
        "zstd": "zstd",
        "mariadb-server": "mariadbd",
        "iptables": "iptables",
        "pgbouncer": "pgbouncer",
        "postgresql": "/usr/lib/postgresql/*/bin/initdb",
    },
}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing(stages: set[str]) -> list[str]:
    """Return the packages of these stages whose programs the machine lacks."""
    wanted = {package: program for stage in stages for package, program in PACKAGES.get(stage, {}).items()}
    return sorted(package for package, program in wanted.items() if not _has_program(program))


def can_install() -> bool:
    """Return whether this is a process of root on Debian."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: list[str], processes: Processes, log: Path) -> int:
    """Return apt-get's exit status; only missing packages are requested."""
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    commands = [[*APT, "update"], [*APT, "install", "-y", "--no-install-recommends", *packages]]
    for argv in commands:
        status = processes.run(Command(argv, 900, environment), log)
        if status != 0:
            return status
    return 0


def _has_program(program: str) -> bool:
    if "/" in program:
        return bool(glob.glob(program))
    return shutil.which(program, path=f"{os.environ['PATH']}:{SYSTEM_PATH}") is not None
