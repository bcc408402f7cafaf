"""A site whose backup runs as the command does, under strace where a test wants a system call to go wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import (
    names,
    reading,
    verify,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.model import Mode
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.runner import run
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Limits
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Report
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, build

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = CHECKOUT / "plugins" / "module_utils"
CALLS = (
    "write",
    "pwrite64",
    "fsync",
    "link",
    "linkat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "ftruncate",
)
_CALL = re.compile(r"^(\w+)\(")


@dataclass(frozen=True)
class Call:
    """The number-th call of one system call that a run makes."""

    name: str
    number: int


@dataclass
class Rig:
    """A site with an SQLite file and logs of random bytes, which no compressor makes small."""

    root: Path
    log_bytes: int = 3000
    tools: str = ""

    def __post_init__(self) -> None:
        for name in ("backups", "state", "logs"):
            (self.root / name).mkdir(mode=0o700)
        with sqlite3.connect(self.database) as connection:
            connection.execute("CREATE TABLE dora_metrics (id INTEGER PRIMARY KEY, value TEXT)")
            connection.executemany("INSERT INTO dora_metrics (value) VALUES (?)", [("x" * 20,)] * 100)
        connection.close()
        (self.root / "logs" / "a_json.log").write_bytes(os.urandom(self.log_bytes))
        self.configure()

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def database(self) -> Path:
        return self.root / "site.sqlite3"

    def configure(self, sections: Mapping[str, object] | None = None, **backup: object) -> None:
        """Write the config file: further sections, and options laid over the backup's."""
        section = {
            "directory": str(self.backups),
            "sqlite_files": [str(self.database)],
            "log_directory": str(self.root / "logs"),
            **backup,
        }
        config = {"state_directory": str(self.root / "state"), "backup": section, **(sections or {})}
        path = self.root / "maintenance.json"
        path.write_text(json.dumps(config))
        path.chmod(0o644)

    def fake_tool(self, name: str, script: str) -> None:
        """Put a program of that name in front of the real one."""
        self.tools = str(self.root / "tools")
        os.makedirs(self.tools, exist_ok=True)
        path = Path(self.tools) / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def argv(self, *words: str) -> list[str]:
        """Return the command line of the command itself."""
        config = str(self.root / "maintenance.json")
        return [
            sys.executable,
            "-m",
            "iact_maintenance.cli.start",
            *(words or ("backup",)),
            "--config",
            config,
            "--json",
        ]

    def start(self, prefix: Sequence[str] = (), *words: str) -> subprocess.Popen[str]:
        """Return the command, started."""
        return subprocess.Popen(
            [*prefix, *self.argv(*words)],
            cwd=PACKAGES,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": f"{self.tools}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def run(self, prefix: Sequence[str] = (), *words: str) -> tuple[int, dict[str, object]]:
        """Return the exit status and the report; an empty one where the run was killed."""
        process = self.start(prefix, *words)
        output, _errors = process.communicate(timeout=60)
        return process.returncode, json.loads(output) if output.strip() else {}

    def run_here(self) -> Report:
        """Return the report of a run in this process, which starts faster."""
        options = json.loads((self.root / "maintenance.json").read_text())
        return run(table.job("backup"), build([Layer("test", options)]), Host(), Mode())

    def calls(self, traced: Sequence[str] = CALLS) -> list[Call]:
        """Return the calls of these kinds that a whole run makes on files of the site, in their order."""
        trace = self.root / "trace"
        # Else an archive of this very second would make the run try a second name.
        while any(f"{datetime.now(timezone.utc):%Y%m%d_%H%M%S}" in path.name for path in self.archives()):
            time.sleep(0.05)
        status, _report = self.run([*_strace(trace), "-y", "-e", f"trace={','.join(traced)}"])
        if status != 0:
            raise RuntimeError(trace.read_text())
        numbers: dict[str, int] = {}
        matching = []
        for line in trace.read_text().splitlines():
            call = _CALL.match(line)
            if call:
                numbers[call.group(1)] = numbers.get(call.group(1), 0) + 1
                if str(self.root) in line or names.STEM in line:
                    matching.append(Call(call.group(1), numbers[call.group(1)]))
        return matching

    def run_with(self, call: Call, fault: str) -> tuple[int, dict[str, object]]:
        """Return what a run comes to in which one call meets a fault: `signal=KILL`, `error=EIO`, `error=ENOSPC`."""
        inject = f"inject={call.name}:{fault}:when={call.number}"
        return self.run([*_strace(self.root / "trace"), "-e", f"trace={call.name}", "-e", inject])

    def archives(self) -> list[Path]:
        """Return the files that bear an archive's name."""
        return sorted(path for path in self.backups.iterdir() if names.parse_archive_name(path.name))

    def leftovers(self) -> list[str]:
        """Whatever else lies in the backup directory."""
        return sorted(path.name for path in self.backups.iterdir() if not names.parse_archive_name(path.name))


def _strace(trace: Path) -> list[str]:
    # Without -f, so that the job alone is watched and counted, and not the compressor.
    return [shutil.which("strace") or "strace", "-qq", "-s", "0", "-o", str(trace)]


def verifies(path: Path) -> bool:
    """Return whether every byte of an archive is what was written, and it is as complete as its name says."""
    archive = reading.open_archive(str(path))
    try:
        manifest = verify.verify(Host(), archive, Limits(600)).manifest
        return manifest.complete is not path.name.endswith(".partial.tar")
    finally:
        archive.close()
