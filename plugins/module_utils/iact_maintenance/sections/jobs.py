"""The table of jobs, read by commands, health check, runner and the tests of the role."""

from __future__ import annotations

from typing import NamedTuple


class JobRow(NamedTuple):
    """A job: its command, its section of options, its lock, and the log of its scheduled runs, if any.

    `asks`: a person must confirm, so its crontab line has `--force`.
    """

    name: str
    command: str
    section: str
    lock: str = ""
    log: str = ""
    asks: bool = False

    @property
    def is_scheduled(self) -> bool:
        """Return whether cron starts this job."""
        return bool(self.log)


_ARCHIVES = "archives.lock"
JOBS = (
    JobRow("session_cleanup", "session-cleanup", "session_cleanup", "session-cleanup.lock", "cleanup.log", True),
    JobRow("health", "health", "health", "", "health.log"),
    JobRow("backup", "backup", "backup", _ARCHIVES, "backup.log"),
    JobRow("archives", "archives", "backup", _ARCHIVES),
    JobRow("adopt", "archives --adopt", "backup", _ARCHIVES),
    JobRow("verify", "verify", "backup", _ARCHIVES),
    JobRow("restore", "restore", "restore", _ARCHIVES),
    JobRow("prune", "prune", "backup", _ARCHIVES),
)
SCHEDULED_JOBS = tuple(row for row in JOBS if row.is_scheduled)
_BY_NAME = {row.name: row for row in JOBS}


def job_named(name: str) -> JobRow:
    """Return the row of a job."""
    return _BY_NAME[name]
