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


def test_fd40_a_session_renewed_after_it_was_found_is_not_deleted(mariadb: MariaDB, database: str) -> None:
    with sessions(sites.login(mariadb, database)) as opened:
        found = opened.expired_keys(TABLE, sites.NOW, 10)
        renewed = (sites.NOW + HOUR).replace(tzinfo=None)
        mariadb.execute(f"UPDATE {TABLE} SET expire_date = %s WHERE session_key = 'old'", renewed, database=database)
        assert opened.delete_expired(TABLE, found, sites.NOW) == 1
    assert sites.keys(mariadb, database) == ["live", "old"]


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


def test_fd31_a_timestamp_which_ends_in_2038_is_no_expire_date(mariadb: MariaDB, database: str) -> None:
    columns = "session_key varchar(40) PRIMARY KEY, expire_date timestamp"
    mariadb.execute(f"CREATE TABLE auth_user ({columns})", database=database)
    with sessions(sites.login(mariadb, database)) as opened, pytest.raises(errors.Refused) as caught:
        opened.describe("auth_user")
    assert caught.value.code == "not_a_session_table"


def test_fd31_a_view_is_not_a_session_table(mariadb: MariaDB, database: str) -> None:
    mariadb.execute(f"CREATE VIEW sessions AS SELECT * FROM {TABLE}", database=database)
    with sessions(sites.login(mariadb, database)) as opened, pytest.raises(errors.DatabaseFault):
        opened.describe("sessions")


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
