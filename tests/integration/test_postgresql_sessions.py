"""Sessions in a real PostgreSQL: what is found, what is deleted, and what is refused."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta, timezone

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import (
    postgresql as postgresql_engine,
)
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
from tests.integration.servers import PostgreSQL

HOUR = timedelta(hours=1)
TABLE = "django_session"


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[str]:
    """Return a database with a session table that holds an hour-old, a day-old and a live session."""
    name = postgresql.create_database()
    sites.create_sessions(postgresql, name)
    sites.add_sessions(postgresql, name, {"old": -24 * HOUR, "young": -HOUR, "live": HOUR})
    yield name
    postgresql.drop_database(name)


@contextlib.contextmanager
def sessions(login: Login, convention: Convention | None = None, *, writable: bool = True) -> Iterator[Sessions]:
    opened = postgresql_engine.open_sessions(login, sites.HOST, convention or Convention(), writable=writable)
    try:
        yield opened
    finally:
        opened.close()


def identity_of(login: Login) -> dict[str, object]:
    with sessions(login, writable=False) as opened:
        return opened.identity(TABLE)


def test_expired_sessions_are_counted_found_and_deleted_and_a_live_one_stays(
    postgresql: PostgreSQL, database: str
) -> None:
    with sessions(sites.login(postgresql, database)) as opened:
        assert opened.describe(TABLE) == SessionTable(TABLE, indexed=True, transactional=True)
        assert (opened.count_rows(TABLE), opened.count_rows(TABLE, sites.NOW)) == (3, 2)
        found = opened.expired_keys(TABLE, sites.NOW, 10)
        assert found == ["old", "young"]
        assert opened.expired_keys(TABLE, sites.NOW, 1) == ["old"]
        assert opened.delete_expired(TABLE, [*found, "live"], sites.NOW) == 2
        assert opened.delete_expired(TABLE, [], sites.NOW) == 0
    assert sites.keys(postgresql, database) == ["live"]


def test_fd40_a_session_whose_renewal_the_delete_waits_for_is_not_deleted(
    postgresql: PostgreSQL, database: str
) -> None:
    """Show why the statement tests again: without its second test it deletes the row."""
    with (
        sessions(sites.login(postgresql, database)) as opened,
        contextlib.closing(postgresql.connect(database)) as other,
    ):
        other.autocommit = False
        with other.cursor() as cursor:
            renewed = sites.NOW + HOUR
            cursor.execute(f"UPDATE {TABLE} SET expire_date = %s WHERE session_key = 'old'", (renewed,))
            timer = threading.Timer(0.5, other.commit)
            timer.start()
            assert opened.delete_expired(TABLE, ["old", "young"], sites.NOW) == 1
            timer.join()
    assert sites.keys(postgresql, database) == ["live", "old"]


def test_the_least_privilege_of_the_handbook_is_enough(postgresql: PostgreSQL, database: str) -> None:
    user, password = postgresql.create_account()
    for statement in rights.needed("postgresql", "session_cleanup", database, user):
        postgresql.execute(statement, database=database)
    with sessions(sites.account(postgresql, user, password, database)) as opened:
        assert opened.describe(TABLE) == SessionTable(TABLE, indexed=True, transactional=True)
        assert opened.count_rows(TABLE) == 3
        assert opened.delete_expired(TABLE, opened.expired_keys(TABLE, sites.NOW, 10), sites.NOW) == 2
        assert opened.identity(TABLE)["database"] == database


def test_the_least_privilege_of_health_is_enough_to_count(postgresql: PostgreSQL, database: str) -> None:
    user, password = postgresql.create_account()
    for statement in rights.needed("postgresql", "health", database, user):
        postgresql.execute(statement, database=database)
    with sessions(sites.account(postgresql, user, password, database)) as opened:
        assert opened.count_rows(TABLE) == 3


def test_an_account_without_rights_is_told_which_privilege_is_missing(postgresql: PostgreSQL, database: str) -> None:
    user, password = postgresql.create_account()
    with sessions(sites.account(postgresql, user, password, database)) as opened:
        with pytest.raises(errors.DatabaseFault) as caught:
            opened.count_rows(TABLE)
    assert caught.value.code == "missing_privilege"


def test_x5_the_size_is_what_postgresql_states(postgresql: PostgreSQL, database: str) -> None:
    with sessions(sites.login(postgresql, database)) as opened:
        size = opened.size(TABLE)
    assert size.total_bytes and size.total_bytes >= 16384
    assert size.reusable_bytes is None and "extension" in size.reason


def test_fd32_a_table_without_an_index_is_described_so(postgresql: PostgreSQL, database: str) -> None:
    postgresql.execute(f"DROP INDEX {TABLE}_expire_date_idx", database=database)
    with sessions(sites.login(postgresql, database)) as opened:
        assert opened.describe(TABLE) == SessionTable(TABLE, indexed=False)


def test_fd30_a_missing_table_is_no_table(postgresql: PostgreSQL, database: str) -> None:
    with sessions(sites.login(postgresql, database)) as opened:
        for ask in (opened.describe, opened.count_rows):
            with pytest.raises(errors.DatabaseFault) as caught:
                ask("django_sessions")
            assert caught.value.code == "no_table"


@pytest.mark.parametrize(
    "columns",
    [
        "id int PRIMARY KEY, username varchar(150)",
        "session_key varchar(40), expire_date timestamptz",
        "session_key varchar(40) PRIMARY KEY, expire_date varchar(40)",
        "session_key varchar(40), expire_date timestamptz, PRIMARY KEY (session_key, expire_date)",
        "session_key varchar(40) PRIMARY KEY, expire_date timestamptz, session_data int",
    ],
)
def test_fd31_a_table_that_is_not_a_session_table_is_refused(
    postgresql: PostgreSQL, database: str, columns: str
) -> None:
    postgresql.execute(f"CREATE TABLE auth_user ({columns})", database=database)
    with sessions(sites.login(postgresql, database)) as opened, pytest.raises(errors.Refused) as caught:
        opened.delete_expired("auth_user", ["old"], sites.NOW)
    assert caught.value.code == "not_a_session_table"


@pytest.mark.parametrize("name", [*IDENTIFIERS, "x" * 65, "django_session ", "Django_Session"])
def test_fi05_a_hostile_name_is_one_identifier(postgresql: PostgreSQL, database: str, name: str) -> None:
    postgresql.execute("CREATE TABLE victim (id int)", database=database)
    with sessions(sites.login(postgresql, database)) as opened, pytest.raises(errors.DatabaseFault) as caught:
        opened.count_rows(name)
    assert caught.value.code == "no_table"
    assert postgresql.execute("SELECT COUNT(*) FROM victim", database=database) == [(0,)]


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_fi05_a_table_that_really_has_a_hostile_name_is_cleaned(
    postgresql: PostgreSQL, database: str, name: str
) -> None:
    sites.create_sessions(postgresql, database, name)
    sites.add_sessions(postgresql, database, {"old": -HOUR, "live": HOUR}, name)
    with sessions(sites.login(postgresql, database)) as opened:
        assert opened.describe(name).indexed
        assert opened.delete_expired(name, opened.expired_keys(name, sites.NOW, 10), sites.NOW) == 1
        assert opened.count_rows(name) == 1


@pytest.mark.parametrize(("read_only", "writable"), [(True, True), (False, False)])
def test_a_connection_that_is_not_for_writing_cannot_delete(
    postgresql: PostgreSQL, database: str, read_only: bool, writable: bool
) -> None:
    with sessions(sites.login(postgresql, database, read_only=read_only), writable=writable) as opened:
        with pytest.raises(errors.DatabaseFault) as caught:
            opened.delete_expired(TABLE, ["old"], sites.NOW)
    assert caught.value.code == "read_only"
    assert sites.keys(postgresql, database) == ["live", "old", "young"]


def test_fd37_a_lock_that_is_not_given_back_ends_in_lock_timeout(postgresql: PostgreSQL, database: str) -> None:
    with (
        sessions(sites.login(postgresql, database)) as opened,
        contextlib.closing(postgresql.connect(database)) as other,
    ):
        other.autocommit = False
        with other.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(errors.DatabaseFault) as caught:
                opened.delete_expired(TABLE, ["old"], sites.NOW)
    assert caught.value.code == "lock_timeout"


@pytest.mark.parametrize("server_zone", ["Asia/Tokyo", "America/Mexico_City", "UTC"])
@pytest.mark.parametrize("convention", [Convention(), Convention(False, "America/Mexico_City")], ids=["utc", "local"])
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp"])
def test_fd41_a_session_that_lives_another_hour_stays_in_every_zone(
    postgresql: PostgreSQL, database: str, server_zone: str, convention: Convention, kind: str
) -> None:
    local = timezone(timedelta(hours=0 if convention.use_tz else -6))
    postgresql.execute("SET TimeZone = 'UTC'; TRUNCATE " + TABLE, database=database)
    postgresql.execute(f"ALTER TABLE {TABLE} ALTER expire_date TYPE {kind}", database=database)
    for key, rest in (("dead", -timedelta(minutes=1)), ("live", HOUR)):
        moment = (sites.NOW + rest).astimezone(local)
        stored = moment if kind == "timestamptz" else moment.replace(tzinfo=None)
        postgresql.execute(f"INSERT INTO {TABLE} VALUES (%s, 'x', %s)", key, stored, database=database)
    postgresql.execute(f"ALTER DATABASE {database} SET TimeZone = '{server_zone}'")
    with sessions(sites.login(postgresql, database), convention) as opened:
        assert opened.expired_keys(TABLE, sites.NOW, 10) == ["dead"]
        assert opened.delete_expired(TABLE, ["dead", "live"], sites.NOW) == 1


def test_fd42_the_clock_of_the_server_is_told_in_utc(postgresql: PostgreSQL, database: str) -> None:
    with sessions(sites.login(postgresql, database)) as opened:
        told = opened.server_now()
    assert told is not None and abs((sites.HOST.now() - told).total_seconds()) < 5


def test_the_project_s_search_path_leads_to_the_project_s_table_and_not_to_its_namesake(
    postgresql: PostgreSQL, database: str
) -> None:
    postgresql.execute("CREATE SCHEMA app", database=database)
    postgresql.execute(f"CREATE TABLE app.{TABLE} (LIKE public.{TABLE} INCLUDING ALL)", database=database)
    login = sites.login(postgresql, database)
    of_project = login._replace(libpq_options="-c search_path=app,public")
    with sessions(of_project) as opened:
        assert opened.count_rows(TABLE) == 0
    with sessions(login) as opened:
        assert opened.count_rows(TABLE) == 3
    assert (identity_of(login)["schema"], identity_of(of_project)["schema"]) == ("public", "app")


def test_the_identity_is_the_same_by_socket_and_by_tcp_and_differs_by_database(
    postgresql: PostgreSQL, database: str
) -> None:
    by_tcp = identity_of(sites.login(postgresql, database))
    by_socket = sites.login(postgresql, database, login_host=None, login_unix_socket=str(postgresql.socket))
    assert identity_of(by_socket) == by_tcp
    assert by_tcp["database"] == database
    assert identity_of(sites.login(postgresql, "postgres")) != by_tcp
