"""A report as Nagios wants it: one line with performance data, and an exit status of its own."""

from __future__ import annotations

from collections.abc import Mapping

from ..report import CRITICAL, OK, UNKNOWN, WARNING, Report
from ..secret import printable

_EXIT_STATUSES = {OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3}
_REFUSED = 2
_LONGEST_LINE = 1000


def exit_status(report: Report) -> int:
    """0, 1, 2 or 3; a run that was refused tells nothing about the site, so it is UNKNOWN."""
    return _EXIT_STATUSES[_status(report)]


def render(report: Report) -> str:
    """`STATUS text | 'label'=value[unit];warn;crit`, on one line."""
    messages = [finding.message for finding in report.findings] if "checks" in report.facts else []
    # A bar would begin the performance data.
    text = printable("; ".join(messages) or report.summary, _LONGEST_LINE).replace("|", "/")
    figures = [f"'time'={report.duration_seconds:.3f}s"] + _figures(report.facts.get("checks"))
    return f"{_status(report).upper()} {text} | {' '.join(figures)}\n"


def _status(report: Report) -> str:
    return UNKNOWN if report.exit_status == _REFUSED else report.status


def _figures(checks: object) -> list[str]:
    rows = [check for check in checks if isinstance(check, Mapping)] if isinstance(checks, list) else []
    return [_figure(str(row["name"]), row["measured"]) for row in rows if isinstance(row.get("measured"), Mapping)]


def _figure(name: str, measured: Mapping[str, object]) -> str:
    label = name.replace("'", "''").replace("=", "_")
    texts = [str(measured.get(key, "")) for key in ("warning", "critical")]
    lowest, highest = ("0", "100") if measured.get("unit") == "%" else ("0", "")
    return f"'{label}'={measured['amount']}{measured.get('unit', '')};{';'.join([*texts, lowest, highest])}".rstrip(";")
