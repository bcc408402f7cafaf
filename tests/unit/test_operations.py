"""The operator's handbook names every code that the product can say, and every section that a hint sends people to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import logs
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import (
    mysql_connection,
    postgresql_faults,
    sqlite,
)
from tests import documents

CORE = documents.CHECKOUT / "plugins" / "module_utils"
# Where a call takes its code: after the severity in a finding, else first.
POSITIONS = {
    "Finding": 1,
    "Note": 1,
    **dict.fromkeys(("MaintenanceError", "Refused", "StorageFault", "ProcessFault", "DatabaseFault"), 0),
    "__init__": 0,
}
# The files that hand on a code as a value: from a table that is read below, or from trouble that was named before.
HANDED_ON = {
    "backup.py",
    "check_host.py",
    "components.py",
    "errors.py",
    "health.py",
    "limits.py",
    "logs.py",
    "mysql_connection.py",
    "packing.py",
    "planning.py",
    "postgresql_faults.py",
    "processes.py",
    "report.py",
    "restore.py",
    "running.py",
    "sqlite.py",
}
TABLES = [
    *mysql_connection._CODES.values(),
    *postgresql_faults._STATES.values(),
    *postgresql_faults._CLASSES.values(),
    *(found for _words, found in postgresql_faults._WORDS),
    *(found for _words, found in sqlite._CODES),
    *logs._SENTENCES.items(),
    # What these fall back to.
    ("db_refused", ""),
    ("database", ""),
]


def codes_of(call: ast.Call) -> Iterator[ast.expr]:
    """Return the expressions of a call that are a code."""
    position = POSITIONS.get(ast.unparse(call.func).rpartition(".")[2])
    if position is not None and len(call.args) > position:
        yield call.args[position]
    yield from (keyword.value for keyword in call.keywords if keyword.arg in ("code", "error_code"))


def spoken() -> tuple[set[str], set[str]]:
    """Return the codes that stand in the source, and the files in which one is computed."""
    codes, files = {code for code, _hint in TABLES}, set()
    for path in CORE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for code in (code for node in ast.walk(tree) if isinstance(node, ast.Call) for code in codes_of(node)):
            for part in (code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,):
                if isinstance(part, ast.Constant):
                    codes.add(str(part.value))
                else:
                    files.add(path.name)
    return codes - {""}, files


def documented() -> set[str]:
    """Return the codes in the first columns of the tables under "Error codes"."""
    rows = re.findall(r"^\| (`[^|]+) \|", documents.section("## Error codes"), re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}


def test_the_handbook_explains_every_code_and_no_other() -> None:
    codes, _files = spoken()
    assert len(codes) > 80
    assert (sorted(codes - documented()), sorted(documented() - codes)) == ([], [])


def test_a_code_is_computed_only_where_its_table_is_read_here() -> None:
    _codes, files = spoken()
    assert files <= HANDED_ON
