"""Run checks concurrently, each in a daemon thread that is abandoned at its deadline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from ..errors import MaintenanceError
from ..limits import shortage
from ..report import FAIL, location_of
from ..settings import Settings
from ..timeouts import BackgroundCall, GaveUp
from .context import Context
from .outcome import CheckResult, Outcome


class Check(NamedTuple):
    """A row of the table of checks.

    `applies` returns whether the site has what is checked; `deadline_share` is the check's share of the run's time.
    """

    name: str
    function: Callable[[Context], list[Outcome]]
    applies: Callable[[Settings], bool]
    deadline_share: float = 1.0


class _Running:
    """A check that runs in its thread."""

    def __init__(self, check: Check, context: Context) -> None:
        self._check, self._context = check, context
        self._began = context.host.monotonic()
        self._call = BackgroundCall(check.name, partial(_timed, check, context))

    def results(self) -> list[CheckResult]:
        """Return the results of the check, or that it did not answer in time."""
        limit = self._context.limit_seconds * self._check.deadline_share
        left = limit - (self._context.host.monotonic() - self._began)
        try:
            outcomes, took_seconds = self._call.result(max(0.0, left))
        except GaveUp:
            hint = "check whether it hangs: run the health check again by hand"
            message = f"gave no answer within {limit:.1f} s"
            return [CheckResult(self._check.name, FAIL, message, limit, hint, code="timeout")]
        except MaintenanceError as error:
            return [CheckResult(self._check.name, FAIL, error.message, 0.0, error.hint, code=error.code)]
        return [_result(self._check, outcome, took_seconds) for outcome in outcomes]


def _timed(check: Check, context: Context) -> tuple[list[Outcome], float]:
    """Return the outcomes of a check, whatever it raises, and its duration in seconds."""
    began = context.host.monotonic()
    try:
        outcomes = check.function(context)
    except MaintenanceError as error:
        outcomes = [Outcome(FAIL, error.message, error.hint, code=error.code)]
    except Exception as fault:
        trouble = shortage(fault)
        if trouble is not None:
            return [Outcome(FAIL, trouble.message, trouble.hint, code=trouble.code)], context.host.monotonic() - began
        message = f"internal fault: {location_of(fault)}"
        outcomes = [Outcome(FAIL, message, "report this line", code="internal_fault")]
    return outcomes, context.host.monotonic() - began


def _result(check: Check, outcome: Outcome, took_seconds: float) -> CheckResult:
    name = f"{check.name}_{outcome.part}" if outcome.part else check.name
    return CheckResult(name, outcome.status, outcome.message, took_seconds, outcome.hint, outcome.measure, outcome.code)


def run_checks(checks: Sequence[Check], context: Context) -> list[CheckResult]:
    """Return the results of the checks in their order, within `context.limit_seconds`."""
    running = [_Running(check, context) for check in checks]
    return [result for each in running for result in each.results()]
