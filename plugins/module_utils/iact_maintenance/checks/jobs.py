"""Check the last run of each scheduled job in the history: that it is not late and did not fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from .. import history
from ..errors import Refused
from ..formatting import span
from ..limits import raise_shortage
from ..permissions import advice
from ..report import FAIL, PASS, SKIP, WARN, Measure
from ..secret import printable
from ..sections.jobs import SCHEDULED_JOBS, JobRow
from ..settings import Scheduled, Settings
from ..timestamps import is_ahead, parse_iso
from .context import Context
from .outcome import Outcome

_LONGEST_NAME = 64
# How a run was started, for people; missing in lines of earlier versions.
_HOW = {"cron": "by cron", "ansible": "by Ansible"}


def jobs(context: Context) -> list[Outcome]:
    """Check that each job's scheduled runs take place and succeed. Raise Refused."""
    settings = context.settings
    try:
        return [_judge(context, row, job) for row, job in _scheduled(settings)]
    except OSError as error:
        raise_shortage(error)
        message = f"the history in {settings.state_directory} cannot be read: {error.strerror}"
        directory = settings.state_directory
        hint = advice(os.path.join(directory, history.FILE), error, within=directory)
        raise Refused("not_permitted", message, hint=hint) from None


def _scheduled(settings: Settings) -> list[tuple[JobRow, Scheduled]]:
    sections: dict[str, Scheduled] = {
        "session_cleanup": settings.session_cleanup,
        "health": settings.health,
        "backup": settings.backup,
    }
    rows = [row for row in SCHEDULED_JOBS if row.name != "backup" or settings.backup.is_configured]
    return [(row, sections[row.section]) for row in rows]


class _Run:
    """A run in the history."""

    def __init__(self, entry: history.Entry, job: str) -> None:
        self.exit_status = entry.get("exit_status")
        self.ending = history.ending(self.exit_status)
        self.scheduled = entry.get("scheduled") is True
        self.started_by = str(entry.get("started_by"))
        self.user = printable(str(entry.get("user", "")), _LONGEST_NAME)
        self.time = printable(str(entry.get("time")), _LONGEST_NAME)
        # A health check that found a problem did its work; an unhealthy host has no late health job.
        self.worked = self.exit_status == 0 or (job == "health" and self.exit_status == 1)

    @property
    def counts(self) -> bool:
        """Return whether the run counts: it was neither busy nor refused because of a wrong option."""
        return self.ending != history.BUSY and (self.scheduled or self.ending != history.REFUSED)

    @property
    def how(self) -> str:
        """Return how the run was started, for people."""
        if self.started_by == "hand":
            return f"by hand ({self.user})" if self.user else "by hand"
        return _HOW.get(self.started_by, "by cron" if self.scheduled else "by hand or by Ansible")

    def age_seconds(self, now: datetime) -> float | None:
        """Return the seconds since its start; None if the entry is damaged."""
        began = self._began()
        return None if began is None else max(0.0, (now - began).total_seconds())

    def is_ahead(self, now: datetime) -> bool:
        """Return whether its start is after the present time, so that its age is unknown."""
        began = self._began()
        return began is not None and is_ahead(began, now)

    def _began(self) -> datetime | None:
        try:
            return parse_iso(self.time)
        except ValueError:
            return None


class _Seen(NamedTuple):
    """The runs of a job: the newest; the last and the last good one of those not dated in the future."""

    newest: _Run | None = None
    last: _Run | None = None
    last_good: _Run | None = None


def _look(runs: Iterator[_Run], now: datetime) -> _Seen:
    """Return what `runs`, newest first, contain; no more of them are read than necessary."""
    seen = _Seen()
    for run in runs:
        seen = seen._replace(newest=seen.newest or run)
        if run.is_ahead(now):
            continue
        if seen.last is None and run.counts:
            seen = seen._replace(last=run)
        if run.worked and run.scheduled:
            return seen._replace(last_good=run)
    return seen


def _judge(context: Context, row: JobRow, job: Scheduled) -> Outcome:
    if not job.enabled:
        return Outcome(SKIP, "is disabled on this host", part=row.name)
    now = context.host.now()
    entries = history.newest_first(context.settings.state_directory, row.name)
    seen = _look((_Run(entry, row.name) for entry in entries), now)
    outcome = _judge_believed(context, row, job, seen)
    if seen.newest is None or not seen.newest.is_ahead(now):
        return outcome
    reason = f"its last run, of {seen.newest.time}, is later than this host's clock and is not counted"
    return outcome.doubting_the_clock(reason, "check the clock with timedatectl")


def _judge_believed(context: Context, row: JobRow, job: Scheduled, seen: _Seen) -> Outcome:
    name, last = row.name, seen.last
    age = seen.last_good.age_seconds(context.host.now()) if seen.last_good else None
    hint = f"read {row.log}, crontab -l and journalctl -t CRON"
    if age is None:
        return _never(context, name, job, hint)
    measure = Measure(f"job_{name}", round(age), "s", "", str(job.max_age_seconds))
    if age > job.max_age_seconds:
        message = f"late: its last scheduled success began {span(age)} ago, more than {span(job.max_age_seconds)}"
        return Outcome(FAIL, message, hint, name, measure)
    if last is not None and not last.worked:
        # Without `error` and `fail`, for which operators grep, because this run may end with 0.
        message = f"its last run, started {last.how} at {last.time}, ended with exit status {last.exit_status}; "
        message += f"its last scheduled success began {span(age)} ago"
        return Outcome(WARN, message, hint if last.scheduled else _where(row, last), name, measure)
    return Outcome(PASS, f"its last scheduled success began {span(age)} ago", part=name, measure=measure)


def _where(row: JobRow, run: _Run) -> str:
    """Return where the output of a run is that cron did not start: it is not in the job's log."""
    places = {"ansible": "in the output of that play", "hand": "on that person's terminal"}
    place = places.get(run.started_by, "on that person's terminal, or in the output of that play")
    return f"its output is {place}, not in {row.log}; run `iact-maintenance {row.command}` to check that it works now"


def _never(context: Context, name: str, job: Scheduled, hint: str) -> Outcome:
    """Return the outcome for a job without any scheduled success; its limit counts from the first provisioning."""
    waited = context.waited_seconds()
    if waited is None:
        return Outcome(SKIP, "never ran as scheduled, and no config file schedules it", part=name)
    if waited > job.max_age_seconds:
        message = f"late: no scheduled success since the host was provisioned {span(waited)} ago"
        return Outcome(FAIL, message, hint, name)
    allowed = span(job.max_age_seconds)
    return Outcome(SKIP, f"has not run as scheduled yet; late {allowed} after the host was provisioned", part=name)
