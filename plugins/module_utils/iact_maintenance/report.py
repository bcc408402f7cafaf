"""The report of a run: one immutable value, from which module result, log line and text are rendered."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .errors import Interrupted, MaintenanceError
from .limits import shortage

OK, WARNING, CRITICAL, UNKNOWN = "ok", "warning", "critical", "unknown"
PASS, WARN, FAIL, SKIP = "pass", "warn", "fail", "skip"
REPORT_HINT = "report this line; do not count this run as done"


class Status(NamedTuple):
    """A status of a report, with the severity of findings and the statuses of checks that lead to it.

    `nagios` is the plugin's exit status; `fail_on` are the values of that module option with which the task fails.
    """

    name: str
    severity: str
    checks: tuple[str, ...]
    nagios: int
    fail_on: tuple[str, ...] = ()


# The only table of statuses, from the best to the worst.
STATUSES = (
    Status(OK, "info", (PASS, SKIP), 0),
    Status(WARNING, "warning", (WARN,), 1, ("warning",)),
    Status(UNKNOWN, "unknown", (), 3, ("warning", "critical")),
    Status(CRITICAL, "critical", (FAIL,), 2, ("warning", "critical")),
)
_BY_NAME = {row.name: row for row in STATUSES}
_BY_SEVERITY = {row.severity: row for row in STATUSES}
_BY_CHECK = {word: row for row in STATUSES for word in row.checks}


def status_named(name: str) -> Status:
    """Return the row of a report's status."""
    return _BY_NAME[name]


def status_of_severity(severity: str) -> Status:
    """Return the row for a finding's severity."""
    return _BY_SEVERITY[severity]


def status_of_check(word: str) -> Status:
    """Return the row for a check's status."""
    return _BY_CHECK[word]


def rank(status: Status) -> int:
    """Return the rank of a status; 0 is the best."""
    return STATUSES.index(status)


class Measure(NamedTuple):
    """A figure of a run: `unit` is empty for a count, or `s`, `%`, `B`; `warning` and `critical` are Nagios ranges."""

    name: str
    value: float
    unit: str = ""
    warning: str = ""
    critical: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the figure as plain data, without unknown values."""
        return {name: part for name, part in self._asdict().items() if part != ""}


def counts(**figures: float | None) -> tuple[Measure, ...]:
    """Return figures without limits as measures, without unknown ones; `size_bytes` is in bytes."""
    known = ((name, value) for name, value in figures.items() if value is not None)
    return tuple(Measure(name, value, "B" if name.endswith("_bytes") else "") for name, value in known)


class Finding(NamedTuple):
    """A fact that needs attention.

    `severity` is info, warning, critical or unknown; `code` a stable word for what happened; `subject` the check,
    component, table, archive or job that it is about, so that messages need not be parsed.
    """

    severity: str
    code: str
    subject: str
    message: str
    hint: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the finding as plain data, without an empty hint."""
        return {name: value for name, value in self._asdict().items() if value or name != "hint"}


class Report(NamedTuple):
    """The outcome of a run of a job.

    `exit_status` is that of the command; `error_code` a stable word for it if it is not 0. `facts` are the job's own
    keys of the result; `measures` its figures, for performance data and the history. `diff` holds the texts `before`
    and `after` if a change can be shown.
    """

    job: str
    summary: str
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, object] = {}
    changed: bool = False
    exit_status: int = 0
    error_code: str = ""
    diff: Mapping[str, str] | None = None
    started_at: str = ""
    host: str = ""
    duration_seconds: float = 0.0
    measures: tuple[Measure, ...] = ()

    @property
    def status(self) -> str:
        """Return the worst severity of the findings as ok, warning, critical or unknown."""
        return worst(status_of_severity(finding.severity).name for finding in self.findings)

    @property
    def outcome(self) -> str:
        """Return `done` or `failed with error CODE`, so that `grep -i error` matches exactly the failed runs."""
        return "done" if self.exit_status == 0 else f"failed with error {self.error_code or 'unknown'}"

    def as_dict(self) -> dict[str, object]:
        """Return the report as plain data: a module's result and, as a JSON line, the log entry."""
        return {
            "time": self.started_at,
            "host": self.host,
            "job": self.job,
            "outcome": self.outcome,
            "status": self.status,
            "changed": self.changed,
            "summary": self.summary,
            "duration_seconds": round(self.duration_seconds, 3),
            "findings": [finding.as_dict() for finding in self.findings],
            "measures": [measure.as_dict() for measure in self.measures],
            **self.facts,
        }

    def with_findings(self, findings: Iterable[Finding]) -> Report:
        """Return the report with further findings appended."""
        return self._replace(findings=self.findings + tuple(findings))


def worst(statuses: Iterable[str]) -> str:
    """Return the worst of the given statuses; `ok` if there are none."""
    return max(statuses, key=lambda name: rank(status_named(name)), default=OK)


def report_of(job: str, ending: BaseException) -> Report:
    """Return the report of a run that ended by an expected error, a signal or an internal fault."""
    if isinstance(ending, MaintenanceError):
        finding = Finding(
            "critical", ending.code, subject=ending.subject or job, message=ending.message, hint=ending.hint
        )
        return _broken_off(job, finding, ending)
    if isinstance(ending, Interrupted):
        hint = "run it again; what was committed is kept"
        return _broken_off(job, Finding("critical", "interrupted", subject=job, message=str(ending), hint=hint), ending)
    trouble = shortage(ending)
    if trouble is not None:
        return report_of(job, trouble)
    message = f"internal fault: {location_of(ending)}"
    finding = Finding("unknown", "internal_fault", subject=job, message=message, hint=REPORT_HINT)
    return Report(job, message, (finding,), exit_status=1, error_code="internal_fault")


def _broken_off(job: str, finding: Finding, ending: MaintenanceError | Interrupted) -> Report:
    """Return the report of a run that ended early, with what it had done until then."""
    report = Report(job, finding.message, (finding,), ending.facts, ending.changed)
    return report._replace(exit_status=ending.exit_status, error_code=finding.code, measures=_figures_of(ending.facts))


def stamped(report: Report, started_at: str, host: str) -> Report:
    """Return the report with a time and the host's name, if its run ended before it had them."""
    return report if report.started_at else report._replace(started_at=started_at, host=host)


def _figures_of(facts: Mapping[str, object]) -> tuple[Measure, ...]:
    """Return the numbers among the facts of a run that ended early, as measures."""
    numbers = {
        name: fact for name, fact in facts.items() if isinstance(fact, (int, float)) and not isinstance(fact, bool)
    }
    return counts(**numbers)


def location_of(fault: BaseException) -> str:
    """Return the type and location of an exception, without its text, which might contain a secret."""
    traceback = fault.__traceback__
    if traceback is None:
        return type(fault).__name__
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{type(fault).__name__} at {os.path.basename(traceback.tb_frame.f_code.co_filename)}:{traceback.tb_lineno}"
