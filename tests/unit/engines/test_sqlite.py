"""SQLite as an engine: what the catalogue shows, what is deleted, and each fault by its stable code."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import sqlite
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.facts import Convention
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    DatabaseFault,
    MaintenanceError,
    Refused,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import SQLiteFile
from tests.unit.fakes import NOON, FakeHost
from tests.unit.session_site import Site

HOUR = timedelta(hours=1)
NAMES = [
    "x; DROP TABLE django_session",
    "a`b",
    '"a"',
    "main.django_session",
    "a" * 65,
    "'",
    "--",
    "%s",
    "sqlite_master",
]


def opened(site: Site, *, writable: bool = True) -> closing[sqlite.SQLiteSessions]:
    target = SQLiteFile(str(site.database))
    return closing(sqlite.open_sessions(target, FakeHost(), Convention(), writable=writable))


def fault(site: Site, table: str = "django_session") -> MaintenanceError:
    with pytest.raises(MaintenanceError) as caught, opened(site) as sessions:
        sessions.describe(table)
    return caught.value


def test_django_s_own_table_is_described(site: Site) -> None:
    with opened(site, writable=False) as sessions:
        table = sessions.describe("django_session")
    assert (table.name, table.indexed, table.transactional) == ("django_session", True, True)


def test_fd32_a_missing_index_is_seen(site: Site) -> None:
    site.sql("DROP INDEX django_session_expire_date_a5c62663")
    site.sql("CREATE INDEX behind ON django_session (session_data, expire_date)")
    with opened(site) as sessions:
        assert not sessions.describe("django_session").indexed


def test_fd30_a_missing_table_has_its_code(site: Site) -> None:
    site.sql("DROP TABLE django_session")
    assert fault(site).code == "no_table"


@pytest.mark.parametrize(
    "columns",
    [
        "id integer primary key, username text, date_joined datetime",
        "session_key text primary key, expire_date text",
        "session_key text primary key, expire_date integer",
        "session_key text, expire_date datetime",
        "session_key text, expire_date datetime, other text, primary key (session_key, other)",
        "session_key text primary key",
        "expire_date datetime primary key",
    ],
)
def test_fd31_a_table_that_holds_no_sessions_is_refused(site: Site, columns: str) -> None:
    site.sql(f"CREATE TABLE auth_user ({columns})")
    found = fault(site, "auth_user")
    assert isinstance(found, Refused)
    assert found.code == "not_a_session_table"


def test_a_view_is_no_session_table(site: Site) -> None:
    site.sql("CREATE VIEW shown AS SELECT * FROM django_session")
    assert fault(site, "shown").code == "no_table"


@pytest.mark.parametrize("name", NAMES)
def test_fi05_a_name_is_one_identifier_whatever_it_holds(site: Site, name: str) -> None:
    assert fault(site, name).code in ("no_table", "not_a_session_table")
    if name != "sqlite_master":
        quoted = sqlite.quote_identifier(name)
        site.sql(f"CREATE TABLE {quoted} (session_key varchar(40) PRIMARY KEY, expire_date datetime)")
        site.sql(f"INSERT INTO {quoted} VALUES ('k', '2020-01-01 00:00:00')")
        with opened(site) as sessions:
            sessions.describe(name)
            assert sessions.count_rows(name) == 1
            assert sessions.expired_keys(name, NOON, 10) == ["k"]
            assert sessions.delete_expired(name, ["k"], NOON) == 1
    assert site.sql("SELECT name FROM sqlite_master WHERE name = 'django_session'")


def test_rows_are_counted_and_keys_come_oldest_first(site: Site) -> None:
    for key, age in (("b", 2), ("a", 3), ("c", 1), ("live", -1)):
        site.add(key, age * HOUR)
    with opened(site) as sessions:
        assert sessions.count_rows("django_session") == 4
        assert sessions.count_rows("django_session", NOON) == 3
        assert sessions.expired_keys("django_session", NOON, 2) == ["a", "b"]
        assert sessions.expired_keys("django_session", NOON - 2 * HOUR, 9) == ["a"]


def test_a_session_at_the_very_cutoff_stays_and_microseconds_count(site: Site) -> None:
    site.add("exactly", timedelta())
    site.add("before", timedelta(microseconds=1))
    site.add("after", timedelta(microseconds=-1))
    with opened(site) as sessions:
        assert sessions.expired_keys("django_session", NOON, 9) == ["before"]
        assert sessions.delete_expired("django_session", ["exactly", "before", "after"], NOON) == 1
    assert site.sessions() == {"exactly", "after"}


def test_fd40_the_delete_tests_the_expiry_again(site: Site) -> None:
    site.add("renewed", HOUR)
    site.add("expired", HOUR)
    with opened(site) as sessions:
        keys = sessions.expired_keys("django_session", NOON, 9)
        site.sql("UPDATE django_session SET expire_date = '2026-03-02 12:00:00' WHERE session_key = 'renewed'")
        assert sessions.delete_expired("django_session", keys, NOON) == 1
    assert site.sessions() == {"renewed"}


def test_fi05_a_key_is_a_value_and_never_sql(site: Site) -> None:
    hostile = "'; DROP TABLE django_session; --"
    site.add(hostile, HOUR)
    site.add("other", HOUR)
    with opened(site) as sessions:
        assert sessions.delete_expired("django_session", [hostile, "missing"], NOON) == 1
    assert site.sessions() == {"other"}


def test_a_batch_that_breaks_is_rolled_back_as_a_whole(site: Site) -> None:
    for key in ("a", "b", "c"):
        site.add(key, HOUR)
    site.sql(
        "CREATE TRIGGER kept BEFORE DELETE ON django_session WHEN old.session_key = 'c' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with opened(site) as sessions, pytest.raises(DatabaseFault):
        sessions.delete_expired("django_session", ["a", "b", "c"], NOON)
    assert site.sessions() == {"a", "b", "c"}


def test_the_size_is_the_server_s_own_and_names_what_is_reusable(site: Site) -> None:
    site.fill(2000, 0)
    with opened(site) as sessions:
        before = sessions.size("django_session")
        keys = sessions.expired_keys("django_session", NOON, 5000)
        sessions.delete_expired("django_session", keys, NOON)
        after = sessions.size("django_session")
    assert before.disk_bytes == os.stat(site.database).st_size
    assert before.total_bytes is None or before.total_bytes > 2000 * 40
    assert (before.total_bytes is None) == bool(before.reason)
    assert before.reusable_bytes == 0
    assert after.reusable_bytes is not None and after.reusable_bytes > 50_000


def test_a_reader_cannot_write(site: Site) -> None:
    site.add("expired", HOUR)
    with opened(site, writable=False) as sessions, pytest.raises(DatabaseFault) as caught:
        sessions.delete_expired("django_session", ["expired"], NOON)
    assert caught.value.code == "read_only"
    assert site.sessions() == {"expired"}


def test_a_missing_file_is_named_and_never_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFault) as caught:
        sqlite.connect(SQLiteFile(str(tmp_path / "none.sqlite3")), writable=True)
    assert caught.value.code == "no_database"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 500])
def test_a_file_that_is_no_database_has_its_code(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "db.sqlite3"
    path.write_bytes(content)
    with pytest.raises(DatabaseFault) as caught:
        sqlite.connect(SQLiteFile(str(path)), writable=True)
    assert caught.value.code in ("no_database", "damaged")
    assert path.read_bytes() == content


def test_a_damaged_page_has_its_code(site: Site) -> None:
    site.fill(2000, 0)
    with site.database.open("r+b") as stream:
        stream.seek(4096 * 3)
        stream.write(b"\xff" * 4096 * 20)
    with opened(site) as sessions, pytest.raises(DatabaseFault) as caught:
        sessions.count_rows("django_session", NOON)
        sessions.expired_keys("django_session", NOON, 5000)
        sessions.count_rows("django_session")
    assert caught.value.code == "damaged"


def test_fd37_a_writer_that_does_not_end_is_a_lock_timeout(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0.05)
    site.add("expired", HOUR)
    with opened(site) as sessions, site.connect() as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseFault) as caught:
            sessions.delete_expired("django_session", ["expired"], NOON)
        other.execute("ROLLBACK")
        assert caught.value.code == "lock_timeout"
        assert sessions.delete_expired("django_session", ["expired"], NOON) == 1


@pytest.mark.parametrize("name", ["a b.sqlite3", "a?mode=rwc.sqlite3", "a#b%41.sqlite3", "é日.sqlite3"])
def test_a_path_is_a_path_whatever_it_holds(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    site = Site(folder)
    os.rename(site.database, tmp_path / "moved")
    path = tmp_path / ("db " + name)
    os.rename(tmp_path / "moved", path)
    sqlite.connect(SQLiteFile(str(path)), writable=False).close()
    assert sorted(os.listdir(tmp_path)) == sorted([name, "db " + name])


def test_the_same_file_by_another_name_is_the_same_database(site: Site, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(site.database)
    with opened(site) as sessions:
        ours = sessions.identity("django_session")
        assert sessions.server_now() is None
    other = sqlite.open_sessions(SQLiteFile(str(tmp_path / "link")), FakeHost(), Convention(), writable=False)
    with closing(other) as sessions:
        assert sessions.identity("django_session") == ours


def test_ping_answers_with_the_version_after_a_query(site: Site, tmp_path: Path) -> None:
    assert sqlite.ping(SQLiteFile(str(site.database)), FakeHost()).startswith("3.")
    with pytest.raises(DatabaseFault):
        sqlite.ping(SQLiteFile(str(tmp_path / "none")), FakeHost())
