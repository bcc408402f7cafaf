"""Dumps of real servers when something goes wrong meanwhile, and of what has hostile names (FAULTS 4.1)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.faults import tarpit
from tests.hostile import PASSWORDS
from tests.integration import dumping, sites
from tests.integration.engines import Engine

LARGE = {
    "mysql": "CREATE TABLE big AS SELECT seq AS id, REPEAT('x', 1000) AS filler FROM seq_1_to_30000",
    "postgresql": "CREATE TABLE big AS SELECT n AS id, repeat('x', 1000) AS filler FROM generate_series(1, 30000) n",
}
NAMES = ["a b", "a-b", "a`b", 'a"b', "%2e", "x" * 63, "-rf", "--all-databases", "--help", "☎"]
NAMES += ["host=evil user=x", "postgres://x"]


@pytest.fixture
def database(engine: Engine) -> Iterator[str]:
    """Return a database with one empty table, `nothing`."""
    name = engine.server.create_database()
    engine.server.execute("CREATE TABLE nothing (id int)", database=name)
    yield name
    engine.server.drop_database(name)


@pytest.fixture
def large(engine: Engine, database: str) -> str:
    """Return the database with a table of 30 MB more."""
    engine.server.execute(LARGE[engine.name], database=database)
    return database


def whole(engine: Engine, database: str) -> Source:
    return Source(f"{engine.name}.{database}", engine.name, database, ())


def dumped(engine: Engine, login: Login, source: Source) -> dict[str, int | None]:
    return dict(engine.dump(sites.HOST, login, source, dumping.backup(), dumping.Kept()).rows)


def test_fd04_a_server_that_never_speaks_ends_the_dump_before_it_began(engine: Engine) -> None:
    began = time.monotonic()
    with tarpit() as port:
        login = Login(login_host="127.0.0.1", login_port=port, login_user="iact", connect_timeout=1.0)
        with pytest.raises(errors.MaintenanceError) as caught:
            dumped(engine, login, whole(engine, "site"))
    assert caught.value.code == "timeout" and time.monotonic() - began < 3


def test_fd06_a_server_suspended_while_dumping_is_stalled(engine: Engine, large: str) -> None:
    options = dumping.backup(stall_timeout_seconds=1.0)
    login = sites.login(engine.server, engine.home)
    try:
        with pytest.raises(errors.ProcessFault) as caught:
            engine.dump(sites.HOST, login, whole(engine, large), options, dumping.Acting(engine.server.suspend))
    finally:
        engine.server.resume()
    assert caught.value.code == "stalled"


def test_fd07_a_server_killed_while_dumping_fails_the_dump(engine: Engine, large: str) -> None:
    killing = dumping.Acting(engine.server.kill)
    login = sites.login(engine.server, engine.home)
    with pytest.raises(errors.DatabaseFault) as caught:
        engine.dump(sites.HOST, login, whole(engine, large), dumping.backup(), killing)
    engine.server.ensure_running()
    assert killing.acted.is_set() and caught.value.code == "dump_failed"
    assert engine.name != "mysql" or "status 3" in caught.value.message and "Lost connection" in caught.value.message


@pytest.mark.parametrize("name", NAMES)
def test_fd23_a_database_and_a_table_of_a_hostile_name_are_dumped(engine: Engine, name: str) -> None:
    engine.server.create_database(name)
    engine.server.execute(f"CREATE TABLE {engine.server.quote(name)} (id int)", database=name)
    try:
        login = sites.login(engine.server, None)
        assert dumped(engine, login, whole(engine, name)) == {name: 0}
        assert dumped(engine, login, Source("x", engine.name, name, (name,))) == {name: 0}
    finally:
        engine.server.drop_database(name)


@pytest.mark.parametrize("mode", ["require", "verify"])
def test_fd28_where_tls_is_demanded_of_a_server_without_it_nothing_is_dumped(
    engine: Engine, database: str, mode: str
) -> None:
    with pytest.raises(errors.MaintenanceError) as caught:
        dumped(engine, sites.login(engine.server, None, tls=mode), whole(engine, database))
    assert caught.value.code == "tls"


@pytest.mark.parametrize("password", [word for word in PASSWORDS if "\n" not in word and "\r" not in word])
def test_fi11_a_hostile_password_logs_the_dump_program_in(engine: Engine, database: str, password: str) -> None:
    user, _password = engine.server.create_account(password=password)
    engine.grant("backup_database", database, user)
    login = sites.account(engine.server, user, password, None)
    assert dumped(engine, login, whole(engine, database)) == {"nothing": 0}
