"""What a run came to: one frozen value, from which every output (module result, log line, text) is a pure function."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .errors import MaintenanceError

OK, WARNING, CRITICAL, UNKNOWN = "ok", "warning", "critical", "unknown"
REPORT_HINT = "please report this line; nothing is known to be lost, but do not count this run as done"
_RANK = {OK: 0, WARNING: 1, UNKNOWN: 2, CRITICAL: 3}
_STATUS_OF_SEVERITY = {"info": OK, "warning": WARNING, "critical": CRITICAL, "unknown": UNKNOWN}


class Finding(NamedTuple):
    """One thing that somebody should know.

    `severity` is one of info, warning, critical, unknown; `code` the stable word for what happened; `subject` the
    check, component, table, archive or job that it is about, so that nobody has to parse the message.
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
    """The outcome of one run of one job.

    `exit_status` is what the command ends with; `error_code` the stable word for it where it
    is not 0. `facts` are the job's own figures. `diff` holds `before` and `after` texts where a change can be shown.
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

    @property
    def status(self) -> str:
        """The worst severity among the findings, as one of ok, warning, critical, unknown."""
        return worst(_STATUS_OF_SEVERITY[finding.severity] for finding in self.findings)

    @property
    def outcome(self) -> str:
        """`done`, or `failed with error CODE`: so `grep -i error` over a log finds exactly the runs not ended well."""
        return "done" if self.exit_status == 0 else f"failed with error {self.error_code or 'unknown'}"

    def as_dict(self) -> dict[str, object]:
        """The report as plain data: a module's result and, as one JSON line, the entry in the log."""
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
            **self.facts,
        }

    def with_findings(self, findings: Iterable[Finding]) -> Report:
        """The same report with further findings at its end."""
        return self._replace(findings=self.findings + tuple(findings))


def worst(statuses: Iterable[str]) -> str:
    """The worst of the given statuses; `ok` for none."""
    return max(statuses, key=lambda status: _RANK[status], default=OK)


def report_of(job: str, error: MaintenanceError) -> Report:
    """The report of a run that `error` ended: critical, nothing claimed, the error's facts kept."""
    finding = Finding("critical", error.code, subject=error.subject or job, message=error.message, hint=error.hint)
    return Report(
        job=job,
        summary=error.message,
        findings=(finding,),
        facts=error.facts,
        changed=error.changed,
        exit_status=error.exit_status,
        error_code=error.code,
    )


def place_of(fault: Exception) -> str:
    """What a fault of our own is and where it arose, without its text, since that might hold a secret."""
    found = fault.__traceback__
    if found is None:
        return type(fault).__name__
    while found.tb_next is not None:
        found = found.tb_next
    return f"{type(fault).__name__} at {os.path.basename(found.tb_frame.f_code.co_filename)}:{found.tb_lineno}"


def report_of_fault(job: str, fault: Exception) -> Report:
    """The report of a fault of our own, which names only its kind and place."""
    message = f"internal fault: {place_of(fault)}"
    finding = Finding("unknown", "internal_fault", subject=job, message=message, hint=REPORT_HINT)
    return Report(job=job, summary=message, findings=(finding,), exit_status=1, error_code="internal_fault")
