"""The size of the session table, on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import Context
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.outcome import Outcome
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.sessions import sessions
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import DatabaseFault

Make = Callable[..., Context]
Fact = dict[str, object]
THRESHOLDS = {"warning_rows": 5, "critical_rows": 10}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "site.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text, expire_date datetime)"
        )
    return path


def fill(path: Path, rows: int, table: str = "django_session") -> None:
    with sqlite3.connect(path) as connection:
        data = [(str(number), "2026-01-01 00:00:00") for number in range(rows)]
        connection.executemany(f"INSERT INTO {table} VALUES (?, 'x', ?)", data)


def project(path: Path, table: str = "django_session") -> list[Fact]:
    """Return what a project on that file tells."""
    return [
        {"fact": "database", "alias": "default", "engine": "django.db.backends.sqlite3", "name": str(path)},
        {"fact": "driver", "alias": "default", "vendor": "sqlite", "driver": "sqlite3", "time_zone": "UTC"},
        {"fact": "applications"},
        {"fact": "session_engine", "name": "e", "ancestry": ["e.SessionStore"]},
        {"fact": "sessions", "alias": "default", "table": table},
        {"fact": "connection", "alias": "default", "parameters": {"database": str(path)}},
        {"fact": "end"},
    ]


def judge(make_context: Make, path: Path | None, *facts: Fact) -> Outcome:
    options: dict[str, object] = {"session_cleanup": dict(THRESHOLDS)}
    if path is not None:
        options["sqlite"] = {"path": str(path)}
    (outcome,) = sessions(make_context(options, *facts))
    return outcome


@pytest.mark.parametrize(("rows", "status"), [(0, "pass"), (5, "pass"), (6, "warn"), (10, "warn"), (11, "fail")])
def test_h7_the_number_of_sessions_is_judged_by_the_thresholds(
    database: Path, make_context: Make, rows: int, status: str
) -> None:
    fill(database, rows)
    outcome = judge(make_context, database, *project(database))
    assert outcome.status == status
    assert outcome.measure is not None
    assert outcome.measure.as_dict() == {"name": "sessions", "value": rows, "warning": "5", "critical": "10"}


def test_the_project_alone_is_enough_to_find_the_sessions(database: Path, make_context: Make) -> None:
    assert judge(make_context, None, *project(database)).status == "pass"


def test_a_broken_project_does_not_hide_the_one_configured_database(database: Path, make_context: Make) -> None:
    fill(database, 11)
    assert judge(make_context, database, {"fact": "end"}).status == "fail"


def test_without_project_or_database_nobody_knows(make_context: Make) -> None:
    assert judge(make_context, None, {"fact": "end"}).status == "skip"


def test_a_project_that_keeps_its_sessions_elsewhere_has_no_table_to_count(database: Path, make_context: Make) -> None:
    facts = [fact for fact in project(database) if fact["fact"] != "sessions"]
    assert judge(make_context, database, *facts).status == "skip"


def test_fd30_a_missing_table_is_told_by_name(tmp_path: Path, make_context: Make) -> None:
    sqlite3.connect(tmp_path / "empty.sqlite3").execute("CREATE TABLE other (a)").connection.close()
    with pytest.raises(DatabaseFault, match="no such table: django_session"):
        judge(make_context, tmp_path / "empty.sqlite3", *project(tmp_path / "empty.sqlite3"))
