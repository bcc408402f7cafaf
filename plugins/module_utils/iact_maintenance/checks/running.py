"""Runs checks at the same time, each in a daemon thread that is abandoned at its deadline.

Never an executor: it joins its threads when the interpreter ends, and would hang with the server that hangs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..errors import MaintenanceError
from ..report import FAIL, place_of
from ..settings import Settings
from .context import Context
from .outcome import CheckResult, Outcome


class Check(NamedTuple):
    """A row of the table of checks.

    `applies` says whether the site has what is checked; `deadline_share` is the part of the run's time it may take.
    """

    name: str
    function: Callable[[Context], list[Outcome]]
    applies: Callable[[Settings], bool]
    deadline_share: float = 1.0


class _Running:
    """One check in its thread."""

    def __init__(self, check: Check, context: Context) -> None:
        self._check, self._context = check, context
        self._began = context.host.monotonic()
        self._ended = threading.Event()
        self._outcomes: list[Outcome] = []
        self._took_seconds = 0.0
        threading.Thread(target=self._run, name=check.name, daemon=True).start()

    def _run(self) -> None:
        try:
            outcomes = self._check.function(self._context)
        except MaintenanceError as error:
            outcomes = [Outcome(FAIL, error.message, error.hint, code=error.code)]
        except Exception as fault:
            message = f"internal fault: {place_of(fault)}"
            outcomes = [Outcome(FAIL, message, "please report this line", code="internal_fault")]
        self._took_seconds = self._context.host.monotonic() - self._began
        self._outcomes = outcomes
        self._ended.set()

    def results(self) -> list[CheckResult]:
        """What the check found, or that it gave no answer in time."""
        limit = self._context.limit_seconds * self._check.deadline_share
        left = limit - (self._context.host.monotonic() - self._began)
        if not self._ended.wait(max(0.0, left)):
            hint = "see whether it hangs; another run by hand shows whether it still does"
            message = f"gave no answer within {limit:.1f} s"
            return [CheckResult(self._check.name, FAIL, message, limit, hint, code="timeout")]
        return [self._result(outcome) for outcome in self._outcomes]

    def _result(self, outcome: Outcome) -> CheckResult:
        name = f"{self._check.name}_{outcome.part}" if outcome.part else self._check.name
        return CheckResult(
            name,
            outcome.status,
            outcome.message,
            self._took_seconds,
            outcome.hint,
            outcome.measure,
            outcome.code,
        )


def run_checks(checks: Sequence[Check], context: Context) -> list[CheckResult]:
    """The results of the checks in their order, all of them within `context.limit_seconds`."""
    running = [_Running(check, context) for check in checks]
    return [result for each in running for result in each.results()]
