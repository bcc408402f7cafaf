"""The outcome of a check."""

from __future__ import annotations

from typing import NamedTuple

from ..report import FAIL, OK, WARN, Measure, status_of_check


class Outcome(NamedTuple):
    """The outcome of a check; `part` distinguishes several outcomes of a check (an alias, a directory).

    `code` is the stable word for the problem, if it has one.
    """

    status: str
    message: str
    hint: str = ""
    part: str = ""
    measure: Measure | None = None
    code: str = ""

    def doubting_the_clock(self, reason: str, hint: str) -> Outcome:
        """Return the outcome with the entries that were ignored for a future date; it is at best a warning."""
        both = f"{self.hint}; {hint}" if self.hint else hint
        status = self.status if self.status == FAIL else WARN
        return self._replace(status=status, message=f"{self.message}; {reason}", hint=both, code="ahead_of_clock")


class CheckResult(NamedTuple):
    """The outcome of a check with its full name and duration."""

    name: str
    status: str
    message: str
    duration_seconds: float
    hint: str = ""
    measure: Measure | None = None
    code: str = ""

    @property
    def is_well(self) -> bool:
        """Return whether no action is needed."""
        return status_of_check(self.status).name == OK

    def as_dict(self) -> dict[str, object]:
        """Return the result as plain data; with a hint only if action is needed."""
        shown: dict[str, object] = {
            "name": self.name,
            "status": self.status,
            "message": self.message,
            "duration_seconds": round(self.duration_seconds, 3),
        }
        if self.hint and not self.is_well:
            shown["hint"] = self.hint
        if self.code:
            shown["code"] = self.code
        if self.measure is not None:
            # Without its name, which is that of the check.
            shown["measured"] = {name: part for name, part in self.measure.as_dict().items() if name != "name"}
        return shown
