"""Run one job, from settings to a report: lock, plan, apply, record."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import history, identity
from ..errors import Interrupted, LockHeld, MaintenanceError, Refused, StorageFault
from ..host import HeldLock, Host
from ..report import Finding, Report, report_of, report_of_fault
from ..settings import Settings
from ..timeouts import GaveUp, call_with_timeout
from ..timestamps import iso

Progress = Callable[[str], None]
# A refused or busy run did nothing, and an interrupted one says less of its time than of who ended it.
_WORKED = (0, 1)


class Job(NamedTuple):
    """A job: `plan` reads, `preview` reports a plan, `apply` executes it. `lock` names its lock file, if it takes one.

    `always_runs`: the job changes nothing but its own state, so that check mode runs it whole. `remember` writes that
    state, and is not called then. `recording_seconds` is the time that writing all this down may take.
    """

    name: str
    plan: Callable[[Settings, Host], Any]
    apply: Callable[[Any, Host, Progress], Report]
    preview: Callable[[Any, Host], Report]
    lock: str = ""
    shared: bool = False
    always_runs: bool = False
    remember: Callable[[Report, Settings, Host], None] | None = None
    recording_seconds: float = 20.0


class Mode(NamedTuple):
    """How a run was asked for: `confirm` is called with the dry run's report and raises Refused for a no."""

    dry_run: bool = False
    scheduled: bool = False
    confirm: Callable[[Report], None] | None = None
    progress: Progress = lambda text: None


@dataclass
class _Watch:
    """When the work began: anew after a question, because a person's time is not the run's."""

    began: float


def run(job: Job, settings: Settings, host: Host, mode: Mode) -> Report:
    """The report of one run, whatever happened; it is in the history unless it was a dry run or refused at once."""
    watch, started_at = _Watch(host.monotonic()), iso(host.now())
    try:
        report = _run(job, settings, host, mode, watch)
    except MaintenanceError as error:
        report = report_of(job.name, error)
    except Interrupted as signal:
        finding = Finding(
            "critical",
            "interrupted",
            subject=job.name,
            message=str(signal),
            hint="run it again; what was committed stays",
        )
        report = Report(
            job.name,
            str(signal),
            (finding,),
            signal.facts,
            changed=signal.changed,
            exit_status=signal.exit_status,
            error_code="interrupted",
        )
    except Exception as fault:
        report = report_of_fault(job.name, fault)
    report = report._replace(started_at=started_at, host=host.name(), duration_seconds=host.monotonic() - watch.began)
    return report if mode.dry_run else _recorded(job, _with_slowness(report, settings), settings, host, mode)


def _with_slowness(report: Report, settings: Settings) -> Report:
    """Return the report, with a warning if the run worked and took longer than a run of this job may take."""
    expected = getattr(getattr(settings, report.job, None), "expected_seconds", None)
    if expected is None or report.exit_status not in _WORKED or report.duration_seconds <= expected:
        return report
    option = f"{report.job}.expected_seconds"
    message = f"the run took {report.duration_seconds:.1f} s, longer than {option} ({expected:g} s)"
    hint = f"see what else the host and its databases did then; set {option} if runs are to take so long here"
    return report.with_findings([Finding("warning", "slow", subject=report.job, message=message, hint=hint)])


def _run(job: Job, settings: Settings, host: Host, mode: Mode, watch: _Watch) -> Report:
    if settings.is_empty:
        hint = "the role writes /etc/iact/maintenance.json; --config or the module's parameters do as well"
        raise Refused("not_configured", f"nothing is configured for {job.name}", hint=hint)
    if mode.dry_run and not job.always_runs:
        return job.preview(job.plan(settings, host), host)
    if mode.confirm is not None:
        # Without the lock, because a forgotten question must not keep cron from working; planned anew after the answer.
        mode.confirm(job.preview(job.plan(settings, host), host))
        watch.began = host.monotonic()
    with _locked(job, settings, host) as held:
        try:
            report = job.apply(job.plan(settings, host), host, mode.progress)
        finally:
            mode.progress("")
        return report.with_findings([_lock_replaced(held)] if held is not None and held.was_replaced() else [])


def _lock_replaced(held: HeldLock) -> Finding:
    message = f"the lock {held.path} was deleted or replaced during this run: another run may have worked beside it"
    return Finding(
        "warning",
        "lock_replaced",
        subject=held.path,
        message=message,
        hint="leave the files of the state directory alone",
    )


@contextlib.contextmanager
def _locked(job: Job, settings: Settings, host: Host) -> Iterator[HeldLock | None]:
    if not job.lock:
        yield None
        return
    with host.lock(os.path.join(settings.state_directory, job.lock), job.name, shared=job.shared) as held:
        yield held


def _recorded(job: Job, report: Report, settings: Settings, host: Host, mode: Mode) -> Report:
    """The report, with a warning where it could not be written to the history: health would miss this run."""
    troubles: list[MaintenanceError] = []
    faults: list[Exception] = []
    findings: list[Finding] = []

    def record() -> None:
        try:
            findings.extend(identity.ensure(host, settings.state_directory)[1])
            if job.remember is not None:
                job.remember(report, settings, host)
            history.record(host, settings.state_directory, report, scheduled=mode.scheduled)
        except MaintenanceError as error:
            troubles.append(error)
        except Exception as fault:
            faults.append(fault)

    # With a timeout, because neither a lock nor a disk that hangs may keep a run beyond its deadline.
    try:
        call_with_timeout(job.recording_seconds, "recording", record)
    except GaveUp:
        hint = f"look at the disk of {settings.state_directory}, and at what holds its locks"
        said = f"the state directory took longer than {job.recording_seconds:g} s"
        troubles.append(StorageFault("storage", said, hint=hint))
    if faults:
        return report_of_fault(job.name, faults[0])._replace(
            changed=report.changed,
            started_at=report.started_at,
            host=report.host,
            duration_seconds=report.duration_seconds,
        )
    report = report.with_findings(tuple(findings))
    if not troubles or report.exit_status != 0:
        return report
    hint = troubles[0].hint if not isinstance(troubles[0], LockHeld) else ""
    hint = hint or f"see what holds the locks in {settings.state_directory}; the run's own work stands"
    message = f"this run is not in the history: {troubles[0].message}"
    return report.with_findings([Finding("warning", "not_recorded", subject="history", message=message, hint=hint)])


def stamped(report: Report, host: Host) -> Report:
    """The report with the present moment and this host's name, where a run ended before it had them."""
    return report if report.started_at else report._replace(started_at=iso(host.now()), host=host.name())
