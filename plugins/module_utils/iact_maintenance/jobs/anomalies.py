"""Compare the manifests of an archive and the previous good one, and report what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..archive.manifest import Component, Manifest
from ..formatting import plural
from ..report import Finding
from ..secret import printable

_SHOWN_TABLES = 10
_GONE_HINT = "check whether a setting of the section backup was changed, or its database was dropped, on purpose"
_TABLES_HINT = (
    "find out who dropped or renamed them; the archives that hold them are kept until you delete them by hand"
)
_EMPTIED_HINT = "find out who emptied them; the archives that hold their rows are kept until you delete them by hand"


def compare(
    last: Manifest | None, saved: Iterable[Component], missing: Iterable[str], sessions: str = ""
) -> list[Finding]:
    """Return a warning for each component that is missing, has fewer tables, or has tables without rows now.

    The table `sessions` may be empty, because the cleanup empties it. `missing` names the components that this run
    could not save, which it reports already. A table without a number in the previous archive is not judged.
    """
    if last is None:
        return []
    now, reported = {component.name: component for component in saved}, set(missing)
    findings: list[Finding] = []
    for before in last.components:
        # One that could not be asked is reported under the name of its engine.
        if before.name in reported or before.engine in reported:
            continue
        after = now.get(before.name)
        findings += _component(before, after, sessions) if after is not None else _missing(before)
    return findings


def _missing(before: Component) -> list[Finding]:
    if before.files:
        what = f"{len(before.files)} log files"
    else:
        what = f"{before.name} ({plural(len(before.rows), 'table')})"
    message = f"the last archive held {what}; this one does not"
    return [Finding("warning", "component_missing", subject=before.name, message=printable(message), hint=_GONE_HINT)]


def _component(before: Component, after: Component, sessions: str) -> list[Finding]:
    findings = []
    missing = [table for table in before.rows if table not in after.rows]
    if missing and after.tables and not before.tables:
        message = f"{before.name} held all {len(before.rows)} tables of its database in the last archive, "
        message += f"and holds {len(after.rows)} now: only the tables that backup.tables names"
        findings.append(Finding("warning", "component_missing", subject=before.name, message=message, hint=_GONE_HINT))
    elif missing:
        message = f"{before.name} lacks tables that the last archive held: {_shown(missing)}"
        findings.append(Finding("warning", "tables_missing", subject=before.name, message=message, hint=_TABLES_HINT))
    emptied = [table for table, rows in before.rows.items() if rows and after.rows.get(table) == 0]
    emptied = [table for table in emptied if not sessions or table.rpartition(".")[2] != sessions]
    if emptied:
        message = (
            f"tables of {before.name} that had rows in the last archive are empty now: {_shown(emptied, before.rows)}"
        )
        findings.append(Finding("warning", "tables_emptied", subject=before.name, message=message, hint=_EMPTIED_HINT))
    return findings


def _shown(tables: list[str], rows: Mapping[str, int | None] | None = None) -> str:
    named = [
        f"{table} ({plural(rows[table] or 0, 'row')})" if rows is not None else table
        for table in tables[:_SHOWN_TABLES]
    ]
    others = f" and {len(tables) - _SHOWN_TABLES} more" if len(tables) > _SHOWN_TABLES else ""
    return printable(", ".join(named)) + others
