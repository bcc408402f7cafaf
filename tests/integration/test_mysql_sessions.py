"""Sessions in a real MariaDB: what is found, what is deleted, and what is refused."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta, timezone

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import mysql
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.facts import (
    Convention,
    Sessions,
    SessionTable,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests import rights
from tests.hostile import IDENTIFIERS
from tests.integration import sites
from tests.integration.servers import MariaDB

HOUR = timedelta(hours=1)
TABLE = "django_session"


@pytest.fixture
def database(mariadb: MariaDB) -> Iterator[str]:
    """Return a database with a session table that holds an hour-old, a day-old and a live session."""
    name = mariadb.create_database()
    sites.create_sessions(mariadb, name)
    sites.add_sessions(mariadb, name, {"old": -24 * HOUR, "young": -HOUR, "live": HOUR})
    yield name
    mariadb.drop_database(name)


@contextlib.contextmanager
def sessions(login: Login, convention: Convention | None = None, *, writable: bool = True) -> Iterator[Sessions]:
    opened = mysql.open_sessions(login, sites.HOST, convention or Convention(), writable=writable)
    try:
        yield opened
    finally:
        opened.close()


def identity_of(login: Login) -> dict[str, object]:
    with sessions(login, writable=False) as opened:
        return opened.identity(TABLE)


def test_expired_sessions_are_counted_found_and_deleted_and_a_live_one_stays(mariadb: MariaDB, database: str) -> None:
    with sessions(sites.login(mariadb, database)) as opened:
        assert opened.describe(TABLE) == SessionTable(TABLE, indexed=True, transactional=True)
        assert (opened.count_rows(TABLE), opened.count_rows(TABLE, sites.NOW)) == (3, 2)
        found = opened.expired_keys(TABLE, sites.NOW, 10)
        assert found == ["old", "young"]
        assert opened.expired_keys(TABLE, sites.NOW, 1) == ["old"]
        assert opened.delete_expired(TABLE, [*found, "live"], sites.NOW) == 2
        assert opened.delete_expired(TABLE, [], sites.NOW) == 0
    assert sites.keys(mariadb, database) == ["live"]


def test_fd40_a_session_renewed_after_it_was_found_is_not_deleted(mariadb: MariaDB, database: str) -> None:
    with sessions(sites.login(mariadb, database)) as opened:
        found = opened.expired_keys(TABLE, sites.NOW, 10)
        renewed = (sites.NOW + HOUR).replace(tzinfo=None)
        mariadb.execute(f"UPDATE {TABLE} SET expire_date = %s WHERE session_key = 'old'", renewed, database=database)
        assert opened.delete_expired(TABLE, found, sites.NOW) == 1
    assert sites.keys(mariadb, database) == ["live", "old"]


def test_the_least_privilege_of_the_handbook_is_enough(mariadb: MariaDB, database: str) -> None:
    user, password = mariadb.create_account()
    for statement in rights.needed("mysql", "session_cleanup", database, user):
        mariadb.execute(statement)
    with sessions(sites.account(mariadb, user, password, database)) as opened:
        assert opened.describe(TABLE) == SessionTable(TABLE, indexed=True, transactional=True)
        assert opened.count_rows(TABLE) == 3
        assert opened.delete_expired(TABLE, opened.expired_keys(TABLE, sites.NOW, 10), sites.NOW) == 2
        assert opened.size(TABLE).statistics_at is None


def test_c5_the_size_is_what_the_server_states(mariadb: MariaDB, database: str) -> None:
    mariadb.execute(f"ANALYZE TABLE {TABLE}", database=database)
    with sessions(sites.login(mariadb, database)) as opened:
        size = opened.size(TABLE)
    assert size.total_bytes and size.total_bytes >= 32768
    assert size.statistics_at and size.statistics_at.endswith("Z")


def test_fd32_fd33_a_table_without_index_and_transactions_is_described_so(mariadb: MariaDB, database: str) -> None:
    mariadb.execute(f"ALTER TABLE {TABLE} DROP INDEX expires, ENGINE=MyISAM", database=database)
    with sessions(sites.login(mariadb, database)) as opened:
        assert opened.describe(TABLE) == SessionTable(TABLE, indexed=False, transactional=False)


def test_fd30_a_missing_table_is_no_table(mariadb: MariaDB, database: str) -> None:
    with sessions(sites.login(mariadb, database)) as opened:
        with pytest.raises(errors.DatabaseFault) as caught:
            opened.describe("django_sessions")
        assert caught.value.code == "no_table"
        with pytest.raises(errors.DatabaseFault) as caught:
            opened.count_rows("django_sessions")
        assert caught.value.code == "no_table"


@pytest.mark.parametrize(
    "columns",
    [
        "id int PRIMARY KEY, username varchar(150)",
        "session_key varchar(40), expire_date datetime",
        "session_key varchar(40) PRIMARY KEY, expire_date varchar(40)",
        "session_key varchar(40) PRIMARY KEY, expire_date timestamp",
        "session_key varchar(40) PRIMARY KEY, expire_date datetime, session_data int",
    ],
)
def test_fd31_a_table_that_is_not_a_session_table_is_refused(mariadb: MariaDB, database: str, columns: str) -> None:
    mariadb.execute(f"CREATE TABLE auth_user ({columns})", database=database)
    with sessions(sites.login(mariadb, database)) as opened, pytest.raises(errors.Refused) as caught:
        opened.describe("auth_user")
    assert caught.value.code == "not_a_session_table"


def test_fd31_a_view_is_not_a_session_table(mariadb: MariaDB, database: str) -> None:
    mariadb.execute(f"CREATE VIEW sessions AS SELECT * FROM {TABLE}", database=database)
    with sessions(sites.login(mariadb, database)) as opened, pytest.raises(errors.DatabaseFault):
        opened.describe("sessions")


@pytest.mark.parametrize("name", [*IDENTIFIERS, "x" * 65, "django_session ", "Django_Session"])
def test_fi05_a_hostile_name_is_one_identifier(mariadb: MariaDB, database: str, name: str) -> None:
    mariadb.execute("CREATE TABLE victim (id int)", database=database)
    with sessions(sites.login(mariadb, database)) as opened:
        for ask in (opened.describe, opened.count_rows):
            with pytest.raises(errors.DatabaseFault) as caught:
                ask(name)
            assert caught.value.code in ("no_table", "db_refused")
    assert len(mariadb.execute("SHOW TABLES", database=database)) == 2
    assert mariadb.execute(f"SELECT COUNT(*) FROM {TABLE}", database=database) == [(3,)]


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_fi05_a_table_that_really_has_a_hostile_name_is_cleaned(mariadb: MariaDB, database: str, name: str) -> None:
    sites.create_sessions(mariadb, database, name)
    sites.add_sessions(mariadb, database, {"old": -HOUR, "live": HOUR}, name)
    with sessions(sites.login(mariadb, database)) as opened:
        assert opened.describe(name).indexed
        assert opened.delete_expired(name, opened.expired_keys(name, sites.NOW, 10), sites.NOW) == 1
        assert opened.count_rows(name) == 1


def test_fd34_a_read_only_server_refuses_and_nothing_is_deleted(mariadb: MariaDB, database: str) -> None:
    user, password = mariadb.create_account()
    mariadb.execute(f"GRANT SELECT, DELETE ON {database}.* TO {user}@'%'")
    mariadb.execute("SET GLOBAL read_only = 1")
    try:
        with sessions(sites.account(mariadb, user, password, database)) as opened:
            with pytest.raises(errors.DatabaseFault) as caught:
                opened.delete_expired(TABLE, ["old"], sites.NOW)
    finally:
        mariadb.execute("SET GLOBAL read_only = 0")
    assert caught.value.code == "read_only"
    assert sites.keys(mariadb, database) == ["live", "old", "young"]


@pytest.mark.parametrize(("read_only", "writable"), [(True, True), (False, False)])
def test_a_connection_that_is_not_for_writing_cannot_delete(
    mariadb: MariaDB, database: str, read_only: bool, writable: bool
) -> None:
    with sessions(sites.login(mariadb, database, read_only=read_only), writable=writable) as opened:
        with pytest.raises(errors.DatabaseFault) as caught:
            opened.delete_expired(TABLE, ["old"], sites.NOW)
    assert caught.value.code == "read_only"


def test_fd37_a_lock_that_is_not_given_back_ends_in_lock_timeout(mariadb: MariaDB, database: str) -> None:
    with sessions(sites.login(mariadb, database)) as opened, contextlib.closing(mariadb.connect(database)) as other:
        with other.cursor() as cursor:
            cursor.execute("SET SESSION wait_timeout = 60")
            cursor.execute("BEGIN")
            cursor.execute(f"SELECT * FROM {TABLE} WHERE session_key = 'old' FOR UPDATE")
            with pytest.raises(errors.DatabaseFault) as caught:
                opened.delete_expired(TABLE, ["old"], sites.NOW)
    assert caught.value.code == "lock_timeout"


def test_fd36_a_deadlock_is_named(mariadb: MariaDB, database: str) -> None:
    with sessions(sites.login(mariadb, database)) as opened, contextlib.closing(mariadb.connect(database)) as other:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            # Much undo, so that the server picks the small transaction, ours, as the victim.
            cursor.execute("CREATE TABLE weight (id int AUTO_INCREMENT PRIMARY KEY, t text)")
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO weight (t) SELECT REPEAT('x', 1000) FROM seq_1_to_2000")
            cursor.execute(f"UPDATE {TABLE} SET session_data = 'y' WHERE session_key = 'young'")
            caught: list[errors.DatabaseFault] = []

            def delete() -> None:
                try:
                    opened.delete_expired(TABLE, ["old", "young"], sites.NOW)
                except errors.DatabaseFault as fault:
                    caught.append(fault)

            thread = threading.Thread(target=delete)
            thread.start()
            thread.join(0.7)
            cursor.execute(f"UPDATE {TABLE} SET session_data = 'y' WHERE session_key = 'old'")
            thread.join()
    assert [fault.code for fault in caught] == ["deadlock"]


@pytest.mark.parametrize("server_zone", ["+09:00", "-05:00", "SYSTEM"])
@pytest.mark.parametrize("convention", [Convention(), Convention(False, "America/Mexico_City")], ids=["utc", "local"])
def test_fd41_a_session_that_lives_another_hour_stays_in_every_zone(
    mariadb: MariaDB, database: str, server_zone: str, convention: Convention
) -> None:
    local = timezone(timedelta(hours=0 if convention.use_tz else -6))
    mariadb.execute(f"DELETE FROM {TABLE}", database=database)
    for key, rest in (("dead", -timedelta(minutes=1)), ("live", HOUR)):
        stored = (sites.NOW + rest).astimezone(local).replace(tzinfo=None)
        mariadb.execute(f"INSERT INTO {TABLE} VALUES (%s, 'x', %s)", key, stored, database=database)
    mariadb.execute("SET GLOBAL time_zone = %s", server_zone)
    try:
        with sessions(sites.login(mariadb, database), convention) as opened:
            assert opened.expired_keys(TABLE, sites.NOW, 10) == ["dead"]
            assert opened.delete_expired(TABLE, ["dead", "live"], sites.NOW) == 1
    finally:
        mariadb.execute("SET GLOBAL time_zone = 'SYSTEM'")


def test_fd42_the_clock_of_the_server_is_told_in_utc(mariadb: MariaDB, database: str) -> None:
    with sessions(sites.login(mariadb, database)) as opened:
        told = opened.server_now()
    assert told is not None and abs((sites.HOST.now() - told).total_seconds()) < 5


def test_the_identity_is_the_same_by_socket_and_by_tcp_and_differs_by_database(mariadb: MariaDB, database: str) -> None:
    by_tcp = identity_of(sites.login(mariadb, database))
    by_socket = sites.login(mariadb, database, login_host=None, login_port=None, login_unix_socket=str(mariadb.socket))
    assert identity_of(by_socket) == by_tcp
    assert by_tcp["database"] == database
    assert identity_of(sites.login(mariadb, "mysql")) != by_tcp
