"""Find the lines of crontabs that concern the jobs: the old scripts' lines, and others that write into their logs.

Only the number of a line, its schedule and its script are returned, because the rest may contain a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from .. import schedule
from ..sections.jobs import SCHEDULED_JOBS
from .places import Subject, first_lines
from .refusal import Refusal, Remark

# Names that cron reads in its directory (as run-parts does); a name with a dot is ignored.
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]+")
# Copies under similar names too (`my_cleanup_sessions.sh`, `cleanup_sessions.sh.new`), because they do the same job.
_OLD = re.compile(r"[\w.-]*(?:cleanup_sessions|backup_data_centralization)\.sh[\w.-]*", re.IGNORECASE)
# A common name, so that only the application's script counts.
_HEALTH = re.compile(r"[\w.-]*health_check\.sh[\w.-]*", re.IGNORECASE)
_APPLICATION = re.compile("iact", re.IGNORECASE)
_OWN_COMMAND = "/iact-maintenance "


class Line(NamedTuple):
    """A line of a crontab: `script` is the old script, or the log that another job writes."""

    file: str
    number: int
    schedule: str
    script: str
    is_old_job: bool

    @property
    def words(self) -> str:
        """Return the line's description for people."""
        return f"{self.file} line {self.number}: {f'{self.schedule} ' if self.schedule else ''}{self.script}"


def look(subject: Subject) -> list[Line]:
    """Return the lines of all crontabs that cron runs."""
    return [line for path in _files(subject) for line in _lines(subject, path)]


def _files(subject: Subject) -> Iterator[str]:
    places = subject.places
    for name in _names(places.crontabs):
        # A name with a dot is a copy by crontab(1) or an editor, unless there is such an account.
        if "." not in name or (not name.startswith(".") and subject.host.account(name) is not None):
            yield os.path.join(places.crontabs, name)
    yield places.system_crontab
    names = filter(_FILE_NAME.fullmatch, _names(places.cron_folder))
    yield from (os.path.join(places.cron_folder, name) for name in names)


def _names(folder: str) -> list[str]:
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _lines(subject: Subject, path: str) -> Iterator[Line]:
    if not os.path.isfile(path):
        return
    for number, text in enumerate(first_lines(path), start=1):
        if text.lstrip().startswith("#") or _OWN_COMMAND in text:
            continue
        script, is_old_job = _script(text, subject.site.log_directory)
        if script:
            parsed = schedule.at_the_start_of(text)
            yield Line(path, number, parsed.to_cron() if parsed else "", script, is_old_job)


def _script(text: str, folder: str) -> tuple[str, bool]:
    """Return the old script that a line starts, or else the log of ours that it writes into; empty for neither."""
    logs = "|".join(re.escape(job.log) for job in SCHEDULED_JOBS)
    log = re.search(rf">\s*[\"']?{re.escape(folder)}/({logs})\b", text)
    old = _OLD.search(text)
    if old is None and (log or _APPLICATION.search(text)):
        old = _HEALTH.search(text)
    if old:
        return old[0], True
    return (log[1], False) if log else ("", False)


def refusals(lines: list[Line]) -> Iterator[Refusal]:
    """Return the lines of the old scripts, because each job would run twice."""
    for line in lines:
        if line.is_old_job:
            message = (
                "an old script's crontab line is still there, and its job would run twice; remove it (crontab -e -u "
                f"ACCOUNT, or the file): {line.words}"
            )
            yield Refusal("old_script", message)


def remarks(lines: list[Line]) -> Iterator[Remark]:
    """Return the lines of other jobs that write into our logs."""
    for line in lines:
        if not line.is_old_job:
            message = f"another job writes to a log of these jobs, in which every line must be JSON: {line.words}"
            yield Remark("shared_log", message)
