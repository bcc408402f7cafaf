"""Each scheduled job's last run, from the history: whether it is late, and whether it ended well."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .. import history
from ..errors import Refused
from ..formatting import span
from ..report import FAIL, PASS, SKIP, WARN, Measure
from ..settings import Scheduled, Settings
from ..timestamps import is_ahead, parse_iso
from .context import Context
from .outcome import Outcome

_BUSY, _REFUSED = 75, 2
_LOGS = {"session_cleanup": "cleanup.log", "health": "health.log", "backup": "backup.log"}


def jobs(context: Context) -> list[Outcome]:
    """For each job that this site has, whether its scheduled runs come and end well. Raises Refused."""
    settings = context.settings
    try:
        runs = history.runs(settings.state_directory)
    except OSError as error:
        raise Refused(
            "not_permitted",
            f"the history in {settings.state_directory} cannot be read: {error.strerror}",
            hint="run this with sudo, or with -b in Ansible",
        ) from None
    return [
        _judge(context, name, job, [_Run(run, name) for run in runs if run.get("job") == name])
        for name, job in _scheduled(settings).items()
    ]


def _scheduled(settings: Settings) -> dict[str, Scheduled]:
    found: dict[str, Scheduled] = {"session_cleanup": settings.session_cleanup, "health": settings.health}
    return {**found, "backup": settings.backup} if settings.backup.is_configured else found


class _Run:
    """One remembered run."""

    def __init__(self, entry: Mapping[str, object], job: str) -> None:
        self.exit_status = entry.get("exit_status")
        self.scheduled = entry.get("scheduled") is True
        self.time = str(entry.get("time"))
        # A health check that found something has done its work; else one bad hour would call it late for ever.
        self.worked = self.exit_status == 0 or (job == "health" and self.exit_status == 1)

    @property
    def counts(self) -> bool:
        """Whether it was a run at all: not one that found another running, nor a typing mistake of a person."""
        return self.exit_status != _BUSY and (self.scheduled or self.exit_status != _REFUSED)

    def age_seconds(self, now: datetime) -> float | None:
        """Seconds since it began; None where the entry is damaged."""
        began = self._began()
        return None if began is None else max(0.0, (now - began).total_seconds())

    def is_ahead(self, now: datetime) -> bool:
        """Whether it began, as it says, ahead of the present moment, so that nobody knows when."""
        began = self._began()
        return began is not None and is_ahead(began, now)

    def _began(self) -> datetime | None:
        try:
            return parse_iso(self.time)
        except ValueError:
            return None


def _judge(context: Context, name: str, job: Scheduled, runs: list[_Run]) -> Outcome:
    if not job.enabled:
        return Outcome(SKIP, "is disabled on this host", part=name)
    now = context.host.now()
    believed = [run for run in runs if not run.is_ahead(now)]
    outcome = _judge_believed(context, name, job, believed, now)
    if believed[-1:] == runs[-1:]:
        return outcome
    said = f"its last run, of {runs[-1].time}, is ahead of this host's clock and does not count"
    return outcome.doubting_the_clock(said, "check the clock with timedatectl")


def _judge_believed(context: Context, name: str, job: Scheduled, runs: list[_Run], now: datetime) -> Outcome:
    last_good = next((run for run in reversed(runs) if run.worked and run.scheduled), None)
    age = last_good.age_seconds(now) if last_good else None
    hint = f"look at {_LOGS[name]}, at crontab -l and at journalctl -t CRON"
    if age is None:
        return _never(context, name, job, hint)
    measure = Measure(f"job_{name}", round(age), "s", "", str(job.max_age_seconds))
    if age > job.max_age_seconds:
        message = f"late: its last scheduled success began {span(age)} ago, more than {span(job.max_age_seconds)}"
        return Outcome(FAIL, message, hint, name, measure)
    last = next((run for run in reversed(runs) if run.counts), None)
    if last is not None and not last.worked:
        message = (
            f"its last run, begun at {last.time}, did not do its work; the one before that did began {span(age)} ago"
        )
        return Outcome(WARN, message, hint, name, measure)
    return Outcome(PASS, f"its last scheduled success began {span(age)} ago", part=name, measure=measure)


def _never(context: Context, name: str, job: Scheduled, hint: str) -> Outcome:
    """Return the verdict on a job that never succeeded as scheduled: its time counts from the first provisioning."""
    waited = context.waited_seconds()
    if waited is None:
        return Outcome(SKIP, "never ran as scheduled, and no config file says that it should", part=name)
    if waited > job.max_age_seconds:
        message = f"late: no scheduled success since the host was provisioned {span(waited)} ago"
        return Outcome(FAIL, message, hint, name)
    allowed = span(job.max_age_seconds)
    return Outcome(SKIP, f"has not run as scheduled yet; late {allowed} after the host was provisioned", part=name)
