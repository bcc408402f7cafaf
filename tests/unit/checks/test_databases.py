"""Whether a database answers, on SQLite; the servers have integration tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks import databases
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import Context
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import DatabaseFault
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import Server

Make = Callable[..., Context]


def test_a_file_that_answers_passes_with_its_version(tmp_path: Path, make_context: Make) -> None:
    sqlite3.connect(tmp_path / "a").execute("CREATE TABLE t (a)").connection.close()
    (outcome,) = databases.answers("sqlite", make_context({"sqlite": {"path": str(tmp_path / "a")}}))
    assert outcome.status == "pass"
    assert sqlite3.sqlite_version in outcome.message


def test_a_missing_file_is_told_and_not_made(tmp_path: Path, make_context: Make) -> None:
    with pytest.raises(DatabaseFault, match="does not exist"):
        databases.answers("sqlite", make_context({"sqlite": {"path": str(tmp_path / "a")}}))
    assert not (tmp_path / "a").exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path, make_context: Make) -> None:
    (tmp_path / "a").write_text("no database at all, but a text that is long enough to be read as one" * 20)
    with pytest.raises(DatabaseFault):
        databases.answers("sqlite", make_context({"sqlite": {"path": str(tmp_path / "a")}}))


def test_the_health_check_s_own_account_is_used(make_context: Make) -> None:
    raw = {"mysql": {"login_user": "iact"}, "health": {"mysql": {"login_user": "iact_health"}}}
    found = databases.connection(make_context(raw).settings, "mysql")
    assert isinstance(found, Server)
    assert found.login_user == "iact_health"


@pytest.mark.parametrize(("timeout", "expected"), [(2, 2), (300, 3.5)])
def test_connecting_ends_before_the_check_does(make_context: Make, timeout: int, expected: float) -> None:
    context = make_context({"mysql": {"login_user": "iact", "connect_timeout": timeout}}, limit_seconds=5)
    found = databases.connection(context.settings, "mysql")
    assert found is not None
    shortened = databases.in_time(found, context)
    assert isinstance(shortened, Server)
    assert shortened.connect_timeout == expected
