"""Odd objects of a real PostgreSQL, each of which costs itself alone at most (FOUND G39, G42, G48, G49)."""

from __future__ import annotations

import contextlib
import glob
import os
import subprocess
from collections.abc import Iterator

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import postgresql as engine
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import (
    DumpFacts,
    RestoreFacts,
    Source,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.faults import free_port
from tests.integration import dumping, sites
from tests.integration.servers import ADMIN_USER, Daemon, PostgreSQL

TARGET = "iact_restore_odd"


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[str]:
    """Return a database with nothing in it."""
    name = postgresql.create_database()
    yield name
    postgresql.drop_database(name)


@pytest.fixture
def restorer(postgresql: PostgreSQL) -> Iterator[Login]:
    """Return the account for restores; what it made is dropped afterwards."""
    user, password = postgresql.create_account()
    postgresql.execute(f"ALTER ROLE {user} CREATEDB")
    yield sites.account(postgresql, user, password, None, own_account=True)
    postgresql.drop_database(TARGET)
    postgresql.execute(f"DROP ROLE {user}")


def whole(database: str) -> Source:
    return Source(f"postgresql.{database}", "postgresql", database, ())


def dumped(login: Login, source: Source) -> tuple[DumpFacts, dumping.Kept]:
    kept = dumping.Kept()
    return engine.dump(sites.HOST, login, source, dumping.backup(), kept), kept


def restored(restorer: Login, source: Source, kept: dumping.Kept) -> RestoreFacts:
    return dumping.restored(engine, restorer, source, TARGET, kept)


def test_g39_rows_behind_a_forced_policy_are_counted_and_the_copy_stays_forced(
    postgresql: PostgreSQL, database: str, restorer: Login
) -> None:
    for statement in (
        'CREATE TABLE "a%s""b" AS SELECT n AS id FROM generate_series(1, 100) n',
        'ALTER TABLE "a%s""b" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
        'CREATE POLICY few ON "a%s""b" USING (id < 10)',
        "CREATE TABLE hidden AS SELECT 1 AS id",
        "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE hidden FORCE ROW LEVEL SECURITY",
    ):
        postgresql.execute(statement, database=database)
    user, password = postgresql.create_account()
    postgresql.execute(f"GRANT pg_read_all_data TO {user}")
    postgresql.execute(f"ALTER ROLE {user} BYPASSRLS")
    facts, kept = dumped(sites.account(postgresql, user, password, None), whole(database))
    assert facts.rows == {'a%s"b': 100, "hidden": 1}
    assert restored(restorer, whole(database), kept).rows == facts.rows
    forced = "SELECT count(*) FROM pg_class WHERE relforcerowsecurity AND relrowsecurity"
    assert postgresql.execute(forced, database=TARGET) == [(2,)]


ODD = ["a\nb", "x\n1; 0 1 TABLE DATA public y z", "tab\tle\r\n", " blank ", "a.b", "☎", "-- x"]


def test_g42_tables_with_line_breaks_in_their_names_come_back(
    postgresql: PostgreSQL, database: str, restorer: Login
) -> None:
    for name in ODD:
        postgresql.execute(f"CREATE TABLE {PostgreSQL.quote(name)} AS SELECT 1 AS id", database=database)
    login = sites.login(postgresql, None)
    facts, kept = dumped(login, whole(database))
    assert facts.rows == dict.fromkeys(ODD, 1)
    assert restored(restorer, whole(database), kept).rows == facts.rows
    named, _kept = dumped(login, Source("x", "postgresql", database, tuple(ODD)))
    assert named.rows == facts.rows


def test_a_foreign_table_is_named_since_its_rows_are_elsewhere(postgresql: PostgreSQL, database: str) -> None:
    for statement in (
        "CREATE FOREIGN DATA WRAPPER nothing",
        "CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing",
        "CREATE FOREIGN TABLE far (id int) SERVER elsewhere",
        "CREATE TABLE near (id int)",
    ):
        postgresql.execute(statement, database=database)
    facts, _kept = dumped(sites.login(postgresql, None), whole(database))
    assert facts.rows == {"far": None, "near": 0} and facts.rows_reason
    assert [(found.severity, found.code) for found in facts.findings] == [("info", "rows_elsewhere")]


@contextlib.contextmanager
def another(postgresql: PostgreSQL, *options: str, copy: bool) -> Iterator[PostgreSQL]:
    """Return a second server: a standby of the first, or a stopped copy's own, started with options."""
    newest = max(glob.glob("/usr/lib/postgresql/*/bin"), default="/usr/bin")
    directory, port = postgresql.daemon.directory / "second", free_port()
    account = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    recovery = ["-R"] if copy else []
    subprocess.run(
        [*account, f"{newest}/pg_basebackup", "-D", str(directory / "data"), "-h", "127.0.0.1", "-p",
         str(postgresql.port), "-U", ADMIN_USER, "-X", "stream", "-c", "fast", "--no-sync", *recovery],
        check=True, timeout=300, cwd="/", env={**os.environ, "PGPASSWORD": postgresql.admin_password},
    )  # fmt: skip
    command = [*account, f"{newest}/postgres", "-D", f"{directory}/data", "-h", "127.0.0.1", "-p", str(port),
               "-k", str(directory), "-c", "fsync=off", *options]  # fmt: skip
    second = PostgreSQL(Daemon(command, directory), port, directory, admin_password=postgresql.admin_password)
    second.start()
    try:
        yield second
    finally:
        second.remove()


def test_g48_an_unlogged_table_is_left_out_on_a_standby_as_the_server_does(
    postgresql: PostgreSQL, database: str
) -> None:
    postgresql.execute("CREATE UNLOGGED TABLE scratch (id int)", database=database)
    postgresql.execute("INSERT INTO scratch VALUES (1)", database=database)
    postgresql.execute("CREATE TABLE kept AS SELECT 1 AS id", database=database)
    assert dumped(sites.login(postgresql, None), whole(database))[0].rows == {"scratch": 1, "kept": 1}
    with another(postgresql, copy=True) as standby:
        for source in (whole(database), Source("x", "postgresql", database, ("kept", "scratch"))):
            facts, _kept = dumped(sites.login(standby, None), source)
            assert facts.rows == {"scratch": None, "kept": 1} and facts.rows_reason
            (found,) = facts.findings
            assert (found.severity, found.code) == ("info", "unlogged") and "scratch" in found.message


def test_g49_more_tables_than_the_server_has_locks_for_are_counted(postgresql: PostgreSQL, database: str) -> None:
    """Give each table indexes, which a count locks as well and a dump does not."""
    keys = ", ".join(f"k{number} int UNIQUE" for number in range(12))
    postgresql.execute(
        f"DO $$ BEGIN FOR n IN 1..120 LOOP EXECUTE 'CREATE TABLE t' || n || ' ({keys})'; IF n %% 20 = 0 THEN COMMIT; "
        "END IF; END LOOP; END $$".replace("%%", "%"),
        database=database,
    )
    limits = ("-c", "max_connections=15", "-c", "max_locks_per_transaction=10", "-c", "max_wal_senders=2")
    with another(postgresql, *limits, copy=False) as small:
        facts, _kept = dumped(sites.login(small, None), whole(database))
    assert len(facts.rows) == 120 and set(facts.rows.values()) == {0}
