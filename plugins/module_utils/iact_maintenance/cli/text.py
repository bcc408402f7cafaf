"""Render a report as text for people: status first, then findings, then figures."""

from __future__ import annotations

from collections.abc import Mapping

from ..formatting import simplified, size
from ..report import CRITICAL, OK, PASS, SKIP, UNKNOWN, WARNING, Measure, Report, status_of_check, status_of_severity
from ..secret import printable

# Long columns that would not fit on a terminal.
_VERBOSE_COLUMNS = ("retention",)
# Lists that a dry run is asked for.
_ALWAYS = ("would_delete",)
# Names, and no figures.
_PLAIN = ("port", "pid")
_COLOURS = {OK: "32", WARNING: "33", CRITICAL: "31", UNKNOWN: "35", SKIP: "90"}


def render(report: Report, *, verbose: bool = False, colour: bool = False) -> str:
    """Return the report as lines of text; with `verbose` every message and figure. Control characters are escaped."""
    document = report.facts.get("document")
    if document is not None:
        # Imported here to keep other commands fast.
        import json

        return json.dumps(document, indent=2) + "\n"
    statements = report.facts.get("statements")
    if isinstance(statements, list) and statements:
        # Unchanged, because they are copied or passed to the server's client.
        return "".join(f"{printable(line)}\n" for line in [f"-- {report.summary}", *statements])
    lines = [f"{_paint(report.status.upper(), report.status, colour)}  {report.job}: {printable(report.summary)}"]
    checks = report.facts.get("checks")
    rows = [check for check in checks if isinstance(check, Mapping)] if isinstance(checks, list) else []
    lines += _checks(rows, verbose, colour)
    shown = {check["name"] for check in rows}
    others = [finding for finding in report.findings if finding.subject not in shown]
    lines += [line for finding in others for line in _finding(finding.as_dict(), colour)]
    figures = {measure.name: _measured(measure) for measure in report.measures if not rows}
    lines += _facts({**report.facts, **figures}, verbose)
    if verbose:
        lines.append(f"  took {report.duration_seconds:.2f} s")
    return "\n".join(lines) + "\n"


def _paint(word: str, status: str, colour: bool) -> str:
    return f"\033[{_COLOURS[status]}m{word}\033[0m" if colour else word


def _finding(finding: Mapping[str, object], colour: bool) -> list[str]:
    severity = str(finding["severity"])
    word = _paint(severity, status_of_severity(severity).name, colour)
    lines = [f"  {word}: {printable(str(finding['message']))} [{finding['code']}]"]
    return lines + ([f"    -> {printable(str(finding['hint']))}"] if finding.get("hint") else [])


def _checks(rows: list[Mapping[str, object]], verbose: bool, colour: bool) -> list[str]:
    width = max((len(str(check["name"])) for check in rows), default=0)
    lines = []
    for check in rows:
        status = str(check["status"])
        row = status_of_check(status)
        word = {PASS: "ok", SKIP: "skip"}.get(status, status.upper())
        mark = _paint(f"{word:4}", SKIP if status == SKIP else row.name, colour)
        took = f" ({check['duration_seconds']:.2f} s)" if verbose else ""
        since = f" (since {check['since_at']})" if "since_at" in check else ""
        lines.append(f"  {mark}  {check['name']!s:{width}}  {printable(str(check['message']))}{since}{took}")
        if check.get("hint") and row.name != OK:
            lines.append(f"        {'':{width}}  -> {printable(str(check['hint']))}")
    return lines


def _measured(measure: Measure) -> object:
    """Return a figure as a fact, with its limits, if any."""
    limits = [
        f"{word} {limit}" for word, limit in (("warning", measure.warning), ("critical", measure.critical)) if limit
    ]
    value = size(int(measure.value)) if measure.unit == "B" else f"{measure.value:,}{measure.unit}"
    return f"{value} (limits: {', '.join(limits)})" if limits else value


def _facts(facts: Mapping[str, object], verbose: bool) -> list[str]:
    """Return tables and what would be deleted always, because they were requested; other figures with `verbose`."""
    facts = {name: fact for name, fact in facts.items() if name != "checks"}
    lines: list[str] = []
    plain = {name: fact for name, fact in facts.items() if not _is_table(fact) and (verbose or name in _ALWAYS)}
    if plain:
        width = max(map(len, plain))
        lines += [f"  {name:{width}}  {_shown(name, fact)}" for name, fact in plain.items()]
    for name, fact in facts.items():
        if _is_table(fact) and isinstance(fact, list) and fact:
            lines += ["", f"  {name}"] + _table(fact, verbose)
    return lines


def _is_table(fact: object) -> bool:
    return isinstance(fact, list) and bool(fact) and all(isinstance(row, Mapping) for row in fact)


def _table(rows: list[Mapping[str, object]], verbose: bool) -> list[str]:
    columns = list(dict.fromkeys(name for row in rows for name in row if verbose or name not in _VERBOSE_COLUMNS))
    cells = [columns] + [[_cell(name, row) for name in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    return ["  " + "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths)).rstrip() for line in cells]


def _cell(name: str, row: Mapping[str, object]) -> str:
    """Return a cell; the value of an option is shown as that option's."""
    option = str(row.get("option", ""))
    return _shown(option if name == "value" and option.endswith(_PLAIN) else name, row.get(name, ""))


def _shown(name: str, fact: object) -> str:
    if fact is None:
        return "-"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, int) and name.endswith("_bytes"):
        return size(fact)
    if isinstance(fact, float):
        return f"{simplified(fact):,}"
    if isinstance(fact, int):
        return str(fact) if name.endswith(_PLAIN) else f"{fact:,}"
    if isinstance(fact, Mapping):
        return ", ".join(f"{key} {_shown(key, inner)}" for key, inner in fact.items() if inner not in (None, ""))
    if isinstance(fact, (list, tuple)):
        return ", ".join(_shown(name, inner) for inner in fact) or "-"
    return printable(str(fact))
