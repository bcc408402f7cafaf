"""Hostile session keys and table names under every setting that changes how a server reads a statement (G88, G8F)."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import (
    mysql,
    postgresql,
    sqlite,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.facts import (
    Convention,
    Sessions,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import SQLiteFile
from tests.hostile import IDENTIFIERS
from tests.integration import sites
from tests.integration.servers import MariaDB, PostgreSQL

HOUR = timedelta(hours=1)
LIVE = ["live", "li\\ve", "li've", "l%sive", "livé"]
PIECES = ["'", "\\", "\\'", '"', "`", "%", "%s", "--", "/*", "\x01", "\x1a", "\n", "é", "]) OR true", ") OR 1=1 -- "]
# The first is the one that deleted every live session.
KEYS = ["\\']) OR true --", "\\',1]) OR true --"]
KEYS += ["\\') OR 1=1 #", "a\\b", "\\" * 40, "'" * 40, "é" * 40]
KEYS += sorted({"".join(pair)[:40] for pair in itertools.product(PIECES, PIECES)})


def clean(opened: Sessions, table: str = "django_session") -> None:
    """Delete in batches, as the job does."""
    with contextlib.closing(opened):
        assert opened.describe(table).indexed
        while keys := opened.expired_keys(table, sites.NOW, 100):
            assert opened.count_expired(table, keys, sites.NOW) == len(keys)
            assert opened.delete_expired(table, keys, sites.NOW) == len(keys)
            assert opened.count_expired(table, keys, sites.NOW) == 0
        assert opened.count_rows(table) == len(LIVE)


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[str]:
    """Return an empty database in PostgreSQL."""
    name = postgresql.create_database()
    yield name
    postgresql.drop_database(name)


def fill_postgresql(server: PostgreSQL, database: str, table: str = "django_session") -> None:
    sites.create_sessions(server, database, table)
    quoted = server.quote(table).replace("%", "%%")
    statement = f"INSERT INTO {quoted} SELECT k, 'x', %s FROM unnest(%s) k"
    server.execute(statement, sites.NOW - HOUR, KEYS, database=database)
    server.execute(statement, sites.NOW + HOUR, LIVE, database=database)


@pytest.mark.parametrize("place", ["DATABASE", "ROLE"])
@pytest.mark.parametrize(
    "settings",
    [
        {"standard_conforming_strings": "off"},
        {"standard_conforming_strings": "off", "backslash_quote": "on", "escape_string_warning": "off"},
        {"standard_conforming_strings": "off", "backslash_quote": "off", "client_encoding": "SJIS"},
        {"client_encoding": "GBK", "bytea_output": "escape", "quote_all_identifiers": "on"},
        {"client_encoding": "LATIN1", "DateStyle": "German, DMY", "IntervalStyle": "sql_standard"},
    ],
)
def test_g88_under_every_setting_the_expired_ones_go_and_the_live_ones_stay(
    postgresql: PostgreSQL, database: str, place: str, settings: dict[str, str]
) -> None:
    fill_postgresql(postgresql, database)
    user, password = postgresql.create_account()
    postgresql.execute(f"GRANT ALL ON django_session TO {user}", database=database)
    for name, value in settings.items():
        subject = database if place == "DATABASE" else user
        postgresql.execute(f"ALTER {place} {subject} SET {name} = {value}")
    clean(open_postgresql(sites.account(postgresql, user, password, database)))
    query = "SELECT encode(convert_to(session_key, 'UTF8'), 'hex') FROM django_session"
    found = postgresql.execute(query, database=database)
    assert sorted(bytes.fromhex(key).decode() for (key,) in found) == sorted(LIVE)


def open_postgresql(login: Login) -> Sessions:
    return postgresql.open_sessions(login, sites.HOST, Convention(), writable=True)


def test_g88_the_project_s_own_options_change_nothing_of_ours(postgresql: PostgreSQL, database: str) -> None:
    fill_postgresql(postgresql, database)
    options = "-c standard_conforming_strings=off -c client_encoding=SJIS -c row_security=on"
    clean(open_postgresql(sites.login(postgresql, database, libpq_options=options)))


@pytest.mark.parametrize("table", IDENTIFIERS)
def test_a_hostile_table_is_cleaned_like_any_other_while_quoting_is_odd(
    postgresql: PostgreSQL, database: str, table: str
) -> None:
    postgresql.execute(f"ALTER DATABASE {database} SET standard_conforming_strings = off")
    fill_postgresql(postgresql, database, table)
    clean(open_postgresql(sites.login(postgresql, database)), table)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP", "UTF8"])
def test_g8f_in_every_encoding_a_key_is_the_bytes_that_are_stored(postgresql: PostgreSQL, encoding: str) -> None:
    database = f"enc_{encoding.lower()}"
    postgresql.execute(
        f"CREATE DATABASE {database} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
    try:
        postgresql.execute(f"ALTER DATABASE {database} SET standard_conforming_strings = off")
        sites.create_sessions(postgresql, database)
        raw = {"SQL_ASCII": "ff5c27e9", "LATIN1": "e95c27ff", "EUC_JP": "b0a15c27", "UTF8": "c3a95c27"}[encoding]
        key = f"convert_from(decode('{raw}', 'hex'), '{encoding}')"
        for name, rest in ((f"{key} || 'old'", -HOUR), (f"{key} || 'live'", HOUR), ("'a\\\\b'", -HOUR)):
            moment = (sites.NOW + rest).isoformat()
            postgresql.execute(f"INSERT INTO django_session VALUES ({name}, 'x', '{moment}')", database=database)
        with contextlib.closing(open_postgresql(sites.login(postgresql, database))) as opened:
            keys = opened.expired_keys("django_session", sites.NOW, 10)
            assert opened.delete_expired("django_session", keys, sites.NOW) == len(keys) == 2
        left = postgresql.execute(f"SELECT session_key = {key} || 'live' FROM django_session", database=database)
        assert left == [(True,)]
    finally:
        postgresql.drop_database(database)


@pytest.fixture
def mysql_database(mariadb: MariaDB) -> Iterator[str]:
    """Return an empty database in MariaDB."""
    name = mariadb.create_database()
    yield name
    mariadb.execute("SET GLOBAL init_connect = '', GLOBAL sql_mode = DEFAULT")
    mariadb.drop_database(name)


def fill_mysql(server: MariaDB, database: str, table: str = "django_session", character_set: str = "utf8mb4") -> None:
    server.execute(
        f"CREATE TABLE {server.quote(table)} (session_key varchar(40) PRIMARY KEY, "
        f"session_data longtext NOT NULL, expire_date datetime(6) NOT NULL, KEY expires (expire_date)) "
        f"ENGINE=InnoDB CHARSET={character_set} COLLATE {character_set}_bin",
        database=database,
    )
    for keys, rest in ((KEYS, -HOUR), (LIVE, HOUR)):
        places = ", ".join(["(%s, 'x', %s)"] * len(keys))
        values = [value for key in keys for value in (key, (sites.NOW + rest).replace(tzinfo=None))]
        statement = f"INSERT INTO {server.quote(table).replace('%', '%%')} VALUES {places}"
        server.execute(statement, *values, database=database)


def open_mysql(server: MariaDB, database: str) -> Sessions:
    user, password = server.create_account()
    server.execute(f"GRANT ALL ON `{database}`.* TO {user}@'%'")
    login = sites.account(server, user, password, database)
    return mysql.open_sessions(login, sites.HOST, Convention(), writable=True)


@pytest.mark.parametrize("character_set", ["utf8mb4", "latin1", "gbk", "ucs2"])
@pytest.mark.parametrize(
    "said",
    [
        "SET NAMES gbk, sql_mode = 'NO_BACKSLASH_ESCAPES'",
        "SET NAMES sjis, sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'",
        "SET NAMES latin1, sql_mode = 'ORACLE'",
        "SET character_set_client = big5, character_set_results = NULL, sql_mode = ''",
    ],
)
def test_on_mariadb_under_every_setting_the_expired_ones_go_and_the_live_ones_stay(
    mariadb: MariaDB, mysql_database: str, said: str, character_set: str
) -> None:
    fill_mysql(mariadb, mysql_database, character_set=character_set)
    mariadb.execute("SET GLOBAL init_connect = %s", said)
    clean(open_mysql(mariadb, mysql_database))
    found = mariadb.execute("SELECT session_key FROM django_session", database=mysql_database)
    assert sorted(key for (key,) in found) == sorted(LIVE)


@pytest.mark.parametrize(("character_set", "raw"), [("sjis", "835c27"), ("gbk", "bf5c27"), ("cp932", "fa5c5c27")])
def test_on_mariadb_a_key_is_the_bytes_that_are_stored(
    mariadb: MariaDB, mysql_database: str, character_set: str, raw: str
) -> None:
    """A character whose second byte is a backslash, and the older half of some sets, has no sure way through UTF-8."""
    mariadb.execute(
        sites.MYSQL_TABLE.format("django_session").replace("utf8mb4", character_set), database=mysql_database
    )
    for tail, rest in (("6f", -HOUR), ("6c", HOUR)):
        moment = (sites.NOW + rest).replace(tzinfo=None)
        statement = f"INSERT INTO django_session VALUES (_{character_set} X'{raw}{tail}', 'x', %s)"
        mariadb.execute(statement, moment, database=mysql_database)
    with contextlib.closing(open_mysql(mariadb, mysql_database)) as opened:
        keys = opened.expired_keys("django_session", sites.NOW, 10)
        assert opened.delete_expired("django_session", keys, sites.NOW) == len(keys) == 1
    left = mariadb.execute("SELECT HEX(session_key) FROM django_session", database=mysql_database)
    assert left == [(f"{raw}6c".upper(),)]


@pytest.mark.parametrize("table", IDENTIFIERS)
def test_on_mariadb_a_hostile_table_is_cleaned_like_any_other_while_quoting_is_odd(
    mariadb: MariaDB, mysql_database: str, table: str
) -> None:
    fill_mysql(mariadb, mysql_database, table)
    mariadb.execute("SET GLOBAL init_connect = %s", "SET NAMES gbk, sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
    clean(open_mysql(mariadb, mysql_database), table)


def test_in_sqlite_keys_of_any_bytes_go_and_the_live_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as filled:
        filled.execute("CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, expire_date datetime)")
        filled.execute("CREATE INDEX expires ON django_session (expire_date)")
        add = "INSERT INTO django_session VALUES (?, ?)"
        filled.executemany(add, [(key, "2020-01-01 00:00:00") for key in KEYS])
        filled.executemany(add, [(key, "2100-01-01 00:00:00") for key in LIVE])
        filled.execute("INSERT INTO django_session VALUES (CAST(X'ff5c27' AS TEXT), '2020-01-01 00:00:00')")
    clean(sqlite.open_sessions(SQLiteFile(str(path)), sites.HOST, Convention(), writable=True))
    with contextlib.closing(sqlite3.connect(path)) as left:
        assert sorted(key for (key,) in left.execute("SELECT session_key FROM django_session")) == sorted(LIVE)
