"""The events of the runner and their listeners.

No listener can fail a run, or lengthen it beyond the job's `recording_seconds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .. import history, identity
from ..errors import Interrupted, LockHeld, MaintenanceError
from ..host import Host
from ..limits import shortage
from ..report import Finding, Report, location_of
from ..settings import Settings
from ..timeouts import GaveUp, call_with_timeout
from .model import Job, Mode

STARTED, FINISHED, INTERRUPTED = "started", "finished", "interrupted"
_ENDS = (FINISHED, INTERRUPTED)


class Event(NamedTuple):
    """An event of a run: `kind` is STARTED, FINISHED or INTERRUPTED, the last two with the report."""

    kind: str
    job: Job
    settings: Settings
    host: Host
    mode: Mode
    report: Report | None = None


class Listener(NamedTuple):
    """A listener to the events of `kinds`; `loss` describes what is missing if it fails."""

    subject: str
    loss: str
    kinds: tuple[str, ...]
    hear: Callable[[Event], Iterable[Finding]]


def emit(event: Event) -> list[Finding]:
    """Return what the listeners add to the report, and a warning for what could not be recorded."""
    listeners = [listener for listener in LISTENERS if event.kind in listener.kinds]
    if not listeners:
        return []
    findings: list[Finding] = []
    waiting = list(listeners)

    def tell_each() -> None:
        for listener in listeners:
            heard = _heard(listener, event)
            findings.extend(heard)
            waiting.remove(listener)

    seconds = event.job.recording_seconds
    try:
        # With a timeout, because a lock or a hanging disk must not lengthen a run beyond its deadline.
        call_with_timeout(seconds, "listeners", tell_each)
        late = []
    except GaveUp:
        hint = f"check the disk of {event.settings.state_directory}, and which process holds its locks"
        late = [_lost(waiting[0], f"the state directory took longer than {seconds:g} s", hint)]
    except Interrupted as ended:
        # The work is done and reported; only the recording is abandoned.
        late = [_lost(waiting[0], str(ended), "what the run did is kept")] if waiting else []
    except MaintenanceError as error:
        late = [_lost(waiting[0], error.message, error.hint)]
    return _each_once([*findings, *late])


def _heard(listener: Listener, event: Event) -> list[Finding]:
    """Return what a listener adds to the report, or a warning that it failed."""
    try:
        return list(listener.hear(event))
    except MaintenanceError as error:
        hint = "" if isinstance(error, LockHeld) else error.hint
        hint = (
            hint or f"check which process holds the locks in {event.settings.state_directory}; what the run did is kept"
        )
        return [_lost(listener, error.message, hint)]
    except Exception as fault:
        trouble = shortage(fault)
        if trouble is not None:
            return [_lost(listener, trouble.message, trouble.hint)]
        # Without its type, because most end in `Error`, which no line of a good run may contain.
        place = location_of(fault).rpartition(" at ")[2]
        return [_lost(listener, f"internal fault at {place}", "report this line; what the run did is kept")]


def _lost(listener: Listener, reason: str, hint: str) -> Finding:
    message = f"{listener.loss}: {reason}"
    return Finding("warning", "not_recorded", subject=listener.subject, message=message, hint=hint)


def _each_once(findings: list[Finding]) -> list[Finding]:
    """Return the findings, only the first of those with one cause, such as a missing directory."""
    causes: dict[object, Finding] = {}
    for finding in findings:
        cause = (finding.code, finding.hint) if finding.code == "not_recorded" else finding
        causes.setdefault(cause, finding)
    return list(causes.values())


def _write_history(event: Event) -> list[Finding]:
    if event.report is not None:
        mode = event.mode
        starter = history.Starter(mode.scheduled, mode.started_by, mode.user)
        history.record(event.host, event.settings.state_directory, event.report, starter)
    return []


def _remember(event: Event) -> list[Finding]:
    if event.report is not None and event.job.remember is not None:
        event.job.remember(event.report, event.settings, event.host)
    return []


def _make_identity(event: Event) -> list[Finding]:
    return list(identity.ensure(event.host, event.settings.state_directory)[1])


# The history first, because health calls a job late if its run is missing there.
LISTENERS = (
    Listener("history", "this run is not in the history", _ENDS, _write_history),
    Listener("memory", "the time since which each check fails was not saved", _ENDS, _remember),
    Listener("identity", "this host's identity could not be verified", _ENDS, _make_identity),
)
