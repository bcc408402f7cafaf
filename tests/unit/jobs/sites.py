"""A small site for the archive's jobs: an SQLite file, JSON logs, a backup directory and a state directory."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import report
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.model import Mode
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.runner import run
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, Settings, build

NIGHT = datetime(2026, 11, 24, 2, 0, 0, tzinfo=timezone.utc)


class ClockHost(Host):
    """A host whose clock the test sets."""

    def __init__(self, moment: datetime = NIGHT) -> None:
        super().__init__()
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


@dataclass
class Site:
    """The paths of the site; `options` override the backup's own."""

    root: Path
    options: dict[str, object] = field(default_factory=dict)
    host: ClockHost = field(default_factory=ClockHost)

    def __post_init__(self) -> None:
        for name in ("backups", "state", "logs"):
            (self.root / name).mkdir(mode=0o700)
        self.add_rows(1000)
        (self.logs / "error_json.log").write_text('{"level": "info"}\n' * 100)
        (self.logs / "app.json.log.1").write_text('{"level": "info"}\n' * 10)

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def database(self) -> Path:
        return self.root / "site.sqlite3"

    def add_rows(self, number: int) -> None:
        with sqlite3.connect(self.database) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS dora_metrics (id INTEGER PRIMARY KEY, value TEXT)")
            connection.executemany("INSERT INTO dora_metrics (value) VALUES (?)", [("x" * 50,)] * number)
        connection.close()

    @property
    def backup(self) -> dict[str, object]:
        """Return the section of the backup."""
        named = {"directory": str(self.backups), "log_directory": str(self.logs)}
        return {**named, "sqlite_files": [str(self.database)], **self.options}

    def settings(self, sections: Mapping[str, object] | None = None) -> Settings:
        site = {"state_directory": str(self.root / "state"), "backup": self.backup, **(sections or {})}
        return build([Layer("test", site)])

    def run(
        self, job: str = "backup", sections: Mapping[str, object] | None = None, *, dry_run: bool = False
    ) -> report.Report:
        return run(table.job(job), self.settings(sections), self.host, Mode(dry_run=dry_run))

    def next_night(self) -> report.Report:
        self.host.moment += timedelta(days=1)
        return self.run()

    def archives(self) -> list[str]:
        return sorted(os.listdir(self.backups))

    def kinds(self) -> list[str]:
        listed = self.run("archives").facts["archives"]
        return [entry["kind"] for entry in listed]  # type: ignore[attr-defined]


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make the archive with that name unreadable from now on, also for root."""
    real = os.open

    def refused(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if os.path.basename(path) == name:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refused)


def codes(result: report.Report) -> set[str]:
    """Return the codes of a report's findings."""
    return {finding.code for finding in result.findings}


def line(result: report.Report) -> str:
    """Return the report as its log line."""
    return json.dumps(result.as_dict())
