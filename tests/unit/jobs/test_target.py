"""Which database holds the sessions: said by the settings, or asked of the project, never guessed."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.target import session_target
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    Layer,
    Server,
    SQLiteFile,
    build,
)
from tests.unit.fakes import FakeHost

SQLITE = {"sqlite": {"path": "/srv/db.sqlite3"}}
MYSQL = {"mysql": {"login_host": "db"}}
POSTGRESQL = {"postgresql": {"login_host": "pg"}}
READ_ONLY = {"mysql": {"login_host": "replica", "read_only": True}}


def target(**options: object) -> tuple[str, str]:
    found = session_target(build([Layer("site.json", options, is_file=True)]), FakeHost())
    connection = found.connection
    return found.engine, connection.path if isinstance(connection, SQLiteFile) else str(connection.login_host)


def refusal(**options: object) -> Refused:
    with pytest.raises(Refused) as caught:
        target(**options)
    assert (caught.value.code, caught.value.exit_status) == ("not_configured", 2)
    assert caught.value.hint
    return caught.value


def test_the_one_configured_database_is_taken() -> None:
    assert target(**SQLITE) == ("sqlite", "/srv/db.sqlite3")
    assert target(**MYSQL) == ("mysql", "db")
    assert target(**POSTGRESQL) == ("postgresql", "pg")


def test_a_database_that_may_never_be_written_to_is_no_candidate() -> None:
    assert target(**READ_ONLY, **POSTGRESQL) == ("postgresql", "pg")
    assert "may be written" in refusal(**READ_ONLY).message


def test_of_several_none_is_guessed() -> None:
    assert "mysql, postgresql" in refusal(**POSTGRESQL, **MYSQL).message
    assert target(**POSTGRESQL, **MYSQL, session_cleanup={"engine": "mysql"}) == ("mysql", "db")


def test_an_engine_without_its_section_is_refused() -> None:
    assert "there is no section mysql" in refusal(**SQLITE, session_cleanup={"engine": "mysql"}).message


def test_nothing_to_take_says_what_to_set() -> None:
    assert "sqlite.path" in refusal(session_cleanup={"days": 3}).hint


def test_a_connection_of_the_job_s_own_is_used() -> None:
    found = session_target(
        build([Layer("site.json", {**MYSQL, "session_cleanup": {"mysql": {"login_user": "cleaner"}}}, is_file=True)]),
        FakeHost(),
    )
    assert isinstance(found.connection, Server)
    assert (found.connection.login_host, found.connection.login_user) == ("db", "cleaner")


def test_table_and_time_convention_come_from_the_options() -> None:
    options = {"table": "sessions", "use_tz": False, "time_zone": "America/Lima"}
    found = session_target(build([Layer("site.json", {**SQLITE, "session_cleanup": options}, True)]), FakeHost())
    assert found.table == "sessions"
    assert (found.convention.use_tz, found.convention.time_zone) == (False, "America/Lima")


def test_fd34_a_read_only_target_is_opened_for_reading_alone() -> None:
    options = {"mysql": {"read_only": True}, "session_cleanup": {"engine": "mysql"}}
    found = session_target(build([Layer("site.json", options, is_file=True)]), FakeHost())
    with pytest.raises(Refused) as caught:
        found.open(FakeHost(), writable=True)
    assert caught.value.code == "read_only"
