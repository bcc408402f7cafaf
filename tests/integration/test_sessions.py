"""Sessions on real servers: which are listed, which are deleted, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.facts import (
    Convention,
    Sessions,
    SessionTable,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.hostile import IDENTIFIERS
from tests.integration import sites
from tests.integration.engines import Engine

HOUR = timedelta(hours=1)
TABLE = "django_session"
COLUMNS = [
    "id int PRIMARY KEY, username varchar(150)",
    "session_key varchar(40), expire_date {}",
    "session_key varchar(40) PRIMARY KEY, expire_date varchar(40)",
    "session_key varchar(40), expire_date {}, PRIMARY KEY (session_key, expire_date)",
    "session_key varchar(40) PRIMARY KEY, expire_date {}, session_data int",
]


@pytest.fixture
def database(engine: Engine) -> Iterator[str]:
    """Return a database with a session table that holds an hour-old, a day-old and a live session."""
    name = engine.server.create_database()
    sites.create_sessions(engine.server, name)
    sites.add_sessions(engine.server, name, {"old": -24 * HOUR, "young": -HOUR, "live": HOUR})
    yield name
    engine.server.drop_database(name)


@contextlib.contextmanager
def sessions(engine: Engine, login: Login, *, writable: bool = True) -> Iterator[Sessions]:
    opened = engine.open_sessions(login, sites.HOST, Convention(), writable=writable)
    try:
        yield opened
    finally:
        opened.close()


def identity_of(engine: Engine, login: Login) -> dict[str, object]:
    with sessions(engine, login, writable=False) as opened:
        return opened.identity(TABLE)


def test_expired_sessions_are_counted_found_and_deleted_and_a_live_one_stays(engine: Engine, database: str) -> None:
    with sessions(engine, sites.login(engine.server, database)) as opened:
        assert opened.describe(TABLE) == SessionTable(TABLE, indexed=True, transactional=True)
        assert (opened.count_rows(TABLE), opened.count_rows(TABLE, sites.NOW)) == (3, 2)
        expired = opened.expired_keys(TABLE, sites.NOW, 10)
        assert expired == ["old", "young"]
        assert opened.expired_keys(TABLE, sites.NOW, 1) == ["old"]
        assert opened.delete_expired(TABLE, [*expired, "live"], sites.NOW) == 2
        assert opened.delete_expired(TABLE, [], sites.NOW) == 0
    assert sites.keys(engine.server, database) == ["live"]


def test_the_least_privilege_of_the_handbook_is_enough(engine: Engine, database: str) -> None:
    user, password = engine.server.create_account()
    engine.grant("session_cleanup", database, user)
    with sessions(engine, sites.account(engine.server, user, password, database)) as opened:
        assert opened.describe(TABLE) == SessionTable(TABLE, indexed=True, transactional=True)
        assert opened.count_rows(TABLE) == 3
        assert opened.delete_expired(TABLE, opened.expired_keys(TABLE, sites.NOW, 10), sites.NOW) == 2
        assert opened.identity(TABLE)["database"] == database
        # MySQL shows the age of its statistics to administrators only.
        assert engine.name != "mysql" or opened.size(TABLE).statistics_at is None


def test_the_least_privilege_of_health_is_enough_to_count(engine: Engine, database: str) -> None:
    user, password = engine.server.create_account()
    engine.grant("health", database, user)
    with sessions(engine, sites.account(engine.server, user, password, database)) as opened:
        assert opened.count_rows(TABLE) == 3


def test_fd30_a_missing_table_is_no_table(engine: Engine, database: str) -> None:
    with sessions(engine, sites.login(engine.server, database)) as opened:
        for ask in (opened.describe, opened.count_rows):
            with pytest.raises(errors.DatabaseFault) as caught:
                ask("django_sessions")
            assert caught.value.code == "no_table"


@pytest.mark.parametrize("columns", COLUMNS)
def test_fd31_a_table_that_is_not_a_session_table_is_refused(engine: Engine, database: str, columns: str) -> None:
    engine.server.execute(f"CREATE TABLE auth_user ({columns.format(engine.moment)})", database=database)
    with sessions(engine, sites.login(engine.server, database)) as opened, pytest.raises(errors.Refused) as caught:
        opened.describe("auth_user")
    assert caught.value.code == "not_a_session_table"


@pytest.mark.parametrize("name", [*IDENTIFIERS, "x" * 65, "django_session ", "Django_Session"])
def test_fi05_a_hostile_name_is_one_identifier(engine: Engine, database: str, name: str) -> None:
    engine.server.execute("CREATE TABLE victim (id int)", database=database)
    with sessions(engine, sites.login(engine.server, database)) as opened:
        for ask in (opened.describe, opened.count_rows):
            with pytest.raises(errors.DatabaseFault) as caught:
                ask(name)
            assert caught.value.code in ("no_table", "db_refused")
    assert engine.server.execute("SELECT COUNT(*) FROM victim", database=database) == [(0,)]
    assert engine.server.execute(f"SELECT COUNT(*) FROM {TABLE}", database=database) == [(3,)]


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_fi05_a_table_that_really_has_a_hostile_name_is_cleaned(engine: Engine, database: str, name: str) -> None:
    sites.create_sessions(engine.server, database, name)
    sites.add_sessions(engine.server, database, {"old": -HOUR, "live": HOUR}, name)
    with sessions(engine, sites.login(engine.server, database)) as opened:
        assert opened.describe(name).indexed
        assert opened.delete_expired(name, opened.expired_keys(name, sites.NOW, 10), sites.NOW) == 1
        assert opened.count_rows(name) == 1


@pytest.mark.parametrize(("read_only", "writable"), [(True, True), (False, False)])
def test_a_connection_that_is_not_for_writing_cannot_delete(
    engine: Engine, database: str, read_only: bool, writable: bool
) -> None:
    login = sites.login(engine.server, database, read_only=read_only)
    with sessions(engine, login, writable=writable) as opened, pytest.raises(errors.DatabaseFault) as caught:
        opened.delete_expired(TABLE, ["old"], sites.NOW)
    assert caught.value.code == "read_only"
    assert sites.keys(engine.server, database) == ["live", "old", "young"]


def test_fd37_a_lock_that_is_not_given_back_ends_in_lock_timeout(engine: Engine, database: str) -> None:
    other = engine.server.connect(database)
    with sessions(engine, sites.login(engine.server, database)) as opened, contextlib.closing(other):
        with other.cursor() as cursor:
            # On both servers, whatever the driver's own transactions are.
            cursor.execute("BEGIN")
            cursor.execute(f"SELECT * FROM {TABLE} WHERE session_key = 'old' FOR UPDATE")
            with pytest.raises(errors.DatabaseFault) as caught:
                opened.delete_expired(TABLE, ["old"], sites.NOW)
    assert caught.value.code == "lock_timeout"


def test_fd42_the_clock_of_the_server_is_told_in_utc(engine: Engine, database: str) -> None:
    with sessions(engine, sites.login(engine.server, database)) as opened:
        told = opened.server_now()
    assert told is not None and abs((sites.HOST.now() - told).total_seconds()) < 5


def test_the_identity_is_the_same_by_socket_and_by_tcp_and_differs_by_database(engine: Engine, database: str) -> None:
    by_tcp = identity_of(engine, sites.login(engine.server, database))
    socket = {"login_host": None, "login_unix_socket": str(engine.server.socket)}
    assert identity_of(engine, sites.login(engine.server, database, **socket)) == by_tcp
    assert by_tcp["database"] == database
    assert identity_of(engine, sites.login(engine.server, engine.home or "mysql")) != by_tcp
