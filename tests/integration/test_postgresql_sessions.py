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
