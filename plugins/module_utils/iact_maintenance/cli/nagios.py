"""Render a report as the output of a Nagios plugin, with its exit status."""

from __future__ import annotations

from ..report import STATUSES, UNKNOWN, Finding, Measure, Report, Status, status_named, status_of_severity
from ..secret import printable

_REFUSED = 2
_LONGEST_LINE = 1000


def exit_status(report: Report) -> int:
    """Return 0, 1, 2 or 3; a refused run says nothing about the site, so it is UNKNOWN (3)."""
    return _status(report).nagios


def render(report: Report) -> str:
    """Return `STATUS text | performance data`, then a line per finding and hint, the worst first.

    The first line names every check that does not pass. Messages may be cut, but no lines or names.
    """
    by_status = [(row, [each for each in report.findings if _row(each) is row]) for row in reversed(STATUSES[1:])]
    findings = [finding for _status_row, alike in by_status for finding in alike]
    text = "; ".join(_names(row, alike) for row, alike in by_status if alike)
    if len(findings) < 2:
        text = _line(findings[0].message if findings else report.summary)
    figures = [Measure("time", round(report.duration_seconds, 3), "s"), *report.measures]
    first = f"{_status(report).name.upper()} {text} | {' '.join(map(_figure, figures))}"
    return "\n".join([first, *(line for finding in findings for line in _details(finding))]) + "\n"


def _status(report: Report) -> Status:
    return status_named(UNKNOWN if report.exit_status == _REFUSED else report.status)


def _row(finding: Finding) -> Status:
    return status_of_severity(finding.severity)


def _names(row: Status, findings: list[Finding]) -> str:
    """Return a severity with its subjects, each once."""
    subjects = dict.fromkeys(_line(finding.subject) for finding in findings)
    return f"{row.severity}: {', '.join(subjects)}"


def _details(finding: Finding) -> list[str]:
    lines = [f"{finding.severity}: {_line(finding.message)}"]
    return lines + ([f"  -> {_line(finding.hint)}"] if finding.hint else [])


def _line(text: str) -> str:
    """Return foreign text without the characters that begin performance data or a new line."""
    return printable(text, _LONGEST_LINE).replace("|", "/")


def _figure(measure: Measure) -> str:
    label = measure.name.replace("'", "''").replace("=", "_")
    lowest, highest = ("0", "100") if measure.unit == "%" else ("0", "")
    limits = ";".join([measure.warning, measure.critical, lowest, highest])
    return f"'{label}'={measure.value}{measure.unit};{limits}".rstrip(";")
