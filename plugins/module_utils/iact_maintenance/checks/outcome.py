"""What a check comes to."""

from __future__ import annotations

from typing import NamedTuple

PASS, WARN, FAIL, SKIP = "pass", "warn", "fail", "skip"


class Measure(NamedTuple):
    """The figure that a check judged; `warning` and `critical` are Nagios ranges, `unit` is empty, `s`, `%` or `B`."""

    amount: float
    unit: str = ""
    warning: str = ""
    critical: str = ""

    def as_dict(self) -> dict[str, object]:
        """The figure as plain data, without what is not known of it."""
        shown = {"amount": self.amount, "unit": self.unit, "warning": self.warning, "critical": self.critical}
        return {name: value for name, value in shown.items() if value != ""}


class Outcome(NamedTuple):
    """What a check found; `part` tells several outcomes of one check apart (an alias, a directory).

    `code` is the stable word of the trouble that kept the check from passing, where it has one.
    """

    status: str
    message: str
    hint: str = ""
    part: str = ""
    measure: Measure | None = None
    code: str = ""

    def doubting_the_clock(self, said: str, hint: str) -> Outcome:
        """The outcome, and what it left out since that lies ahead of the clock: at best a warning, as a clock lied."""
        both = f"{self.hint}; {hint}" if self.hint else hint
        status = self.status if self.status == FAIL else WARN
        return self._replace(status=status, message=f"{self.message}; {said}", hint=both, code="ahead_of_clock")


class CheckResult(NamedTuple):
    """A check's outcome under its full name, with the time it took."""

    name: str
    status: str
    message: str
    duration_seconds: float
    hint: str = ""
    measure: Measure | None = None
    code: str = ""

    def as_dict(self) -> dict[str, object]:
        """The result as plain data; the hint only where somebody should act."""
        shown: dict[str, object] = {
            "name": self.name,
            "status": self.status,
            "message": self.message,
            "duration_seconds": round(self.duration_seconds, 3),
        }
        if self.hint and self.status in (WARN, FAIL):
            shown["hint"] = self.hint
        if self.code:
            shown["code"] = self.code
        if self.measure is not None:
            shown["measured"] = self.measure.as_dict()
        return shown
