"""Run a job, from settings to a report: lock, plan, apply, and events."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import Interrupted, Refused
from ..host import HeldLock, Host
from ..report import Finding, Report, report_of
from ..settings import Settings
from ..timestamps import iso
from .events import FINISHED, INTERRUPTED, STARTED, Event, emit
from .model import Job, Mode

# Refused and busy runs did nothing; the duration of an interrupted one depends on when it was ended.
_WORKED = (0, 1)


@dataclass
class _Watch:
    """The start of the work; set again after a question, because a person's time does not count."""

    began: float


def run(job: Job, settings: Settings, host: Host, mode: Mode) -> Report:
    """Return the report of a run, whatever happened; its events are emitted unless it was a dry run."""
    watch, started_at = _Watch(host.monotonic()), iso(host.now())
    event = Event(STARTED, job, settings, host, mode)
    try:
        report = _run(event, watch)
    except (Exception, Interrupted) as ending:
        report = report_of(job.name, ending)
    report = report._replace(started_at=started_at, host=host.name(), duration_seconds=host.monotonic() - watch.began)
    return report if mode.dry_run else _ended(event, _with_slowness(report, settings))


def _with_slowness(report: Report, settings: Settings) -> Report:
    """Return the report, with a warning if the run succeeded and took longer than expected."""
    expected = getattr(getattr(settings, report.job, None), "expected_seconds", None)
    if expected is None or report.exit_status not in _WORKED or report.duration_seconds <= expected:
        return report
    option = f"{report.job}.expected_seconds"
    message = f"the run took {report.duration_seconds:.1f} s, longer than {option} ({expected:g} s)"
    hint = f"check the load of the host and its databases at that time; raise {option} if this duration is normal"
    return report.with_findings([Finding("warning", "slow", subject=report.job, message=message, hint=hint)])


def _run(event: Event, watch: _Watch) -> Report:
    job, settings, host, mode = event.job, event.settings, event.host, event.mode
    if settings.is_empty:
        hint = "the role writes /etc/iact/maintenance.json; --config or the module's parameters do as well"
        raise Refused("not_configured", f"nothing is configured for {job.name}", hint=hint)
    if mode.dry_run and not job.always_runs:
        return job.preview(job.plan(settings, host), host)
    if mode.confirm is not None:
        # Without the lock, because an open question must not block cron's runs; planned again after the answer.
        mode.confirm(job.preview(job.plan(settings, host), host))
        watch.began = host.monotonic()
    with _locked(job, settings, host) as held:
        findings = [] if mode.dry_run else emit(event)
        try:
            report = job.apply(job.plan(settings, host), host, mode.progress)
        finally:
            mode.progress("")
        findings += [_lock_replaced(held)] if held is not None and held.was_replaced() else []
        return report.with_findings(findings)


def _lock_replaced(held: HeldLock) -> Finding:
    message = (
        f"the lock {held.path} was deleted or replaced during this run: another run could have worked at the same time"
    )
    return Finding(
        "warning",
        "lock_replaced",
        subject=held.path,
        message=message,
        hint="do not delete or replace files of the state directory",
    )


@contextlib.contextmanager
def _locked(job: Job, settings: Settings, host: Host) -> Iterator[HeldLock | None]:
    if not job.lock:
        yield None
        return
    with host.lock(os.path.join(settings.state_directory, job.lock), job.name, shared=job.shared) as held:
        yield held


def _ended(event: Event, report: Report) -> Report:
    """Return the report with what the listeners add at the end of the run."""
    kind = INTERRUPTED if report.error_code == INTERRUPTED else FINISHED
    findings = emit(event._replace(kind=kind, report=report))
    if report.exit_status != 0:
        # The error comes first, because the one line for people shows only the first finding.
        findings = [finding for finding in findings if finding.code != "not_recorded"]
    return report.with_findings(findings)
