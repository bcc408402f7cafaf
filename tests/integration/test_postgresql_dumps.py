"""Dumps of a real PostgreSQL and their restore: whole or refused, and never a danger (FAULTS 4.1, 4.4)."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import postgresql as engine
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import DumpFacts, Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests import rights
from tests.integration import canaries, dumping, sites
from tests.integration.servers import PostgreSQL


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[str]:
    """Return a database with hostile content and names, a second schema, partitions, a view and a large object."""
    name = postgresql.create_database()
    for statement in (
        "CREATE TABLE dora_metrics (id serial PRIMARY KEY, name text, raw bytea, detail jsonb, moment timestamptz)",
        "INSERT INTO dora_metrics (name, raw, detail, moment) VALUES (E'line\\nbreak\\t\\\\.', '\\x00ff', "
        "'{\"a\": 1}', now()), ('\\.', NULL, NULL, NULL), ('☎ 密码', '', '[]', NULL)",
        "INSERT INTO dora_metrics (name) SELECT n::text FROM generate_series(1, 1000) n",
        'CREATE TABLE "a""b; -- ☎ %s" ("x y" int)',
        'INSERT INTO "a""b; -- ☎ %s" VALUES (1), (2)',
        "CREATE TABLE nothing (id int)",
        "CREATE SCHEMA other",
        "CREATE TABLE other.inside AS SELECT 1 AS id",
        "CREATE TABLE parted (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (10) TO (20)",
        "INSERT INTO parted SELECT generate_series(5, 14)",
        "CREATE VIEW shown AS SELECT id, name FROM dora_metrics",
        "CREATE FUNCTION asked() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT lo_from_bytea(0, '\\xff00')",
    ):
        postgresql.execute(statement, database=name)
    yield name
    postgresql.drop_database(name)


@pytest.fixture
def small(postgresql: PostgreSQL) -> Iterator[str]:
    """Return a database with one empty table, `nothing`."""
    name = postgresql.create_database()
    postgresql.execute("CREATE TABLE nothing (id int)", database=name)
    yield name
    postgresql.drop_database(name)


@pytest.fixture
def restorer(postgresql: PostgreSQL) -> Iterator[Login]:
    """Return the account of FAULTS section 6 for restores; the databases it made are dropped afterwards."""
    user, password = postgresql.create_account()
    postgresql.execute(f"ALTER ROLE {user} CREATEDB")
    yield sites.account(postgresql, user, password, None, own_account=True)
    for name in restore_databases(postgresql):
        postgresql.drop_database(name)
    postgresql.execute(f"DROP ROLE {user}")


def restore_databases(postgresql: PostgreSQL) -> list[str]:
    """Return the names of the databases that restores made."""
    return [name for (name,) in postgresql.execute("SELECT datname FROM pg_database WHERE datname ~ '^iact_restore_'")]


def whole(database: str) -> Source:
    return Source(f"postgresql.{database}", "postgresql", database, ())


def dumped(login: Login, source: Source, host: Host = sites.HOST, **options: object) -> tuple[DumpFacts, dumping.Kept]:
    kept = dumping.Kept()
    return engine.dump(host, login, source, dumping.backup(**options), kept), kept


def fault(login: Login, source: Source, host: Host = sites.HOST, **options: object) -> errors.MaintenanceError:
    with pytest.raises(errors.MaintenanceError) as caught:
        dumped(login, source, host, **options)
    return caught.value


def restored(login: Login, content: bytes, target: str) -> dict[str, int | None]:
    kept = dumping.Kept()
    kept.content = content
    source = Source("postgresql.site", "postgresql", "site", ())
    return dict(dumping.restored(engine, login, source, target, kept).rows)


ROWS = {
    "dora_metrics": 1003, 'a"b; -- ☎ %s': 2, "nothing": 0, "other.inside": 1, "parted_low": 5, "parted_high": 5,
}  # fmt: skip


def test_b1_a_table_is_found_in_the_database_that_holds_it(postgresql: PostgreSQL, database: str) -> None:
    options = dumping.backup(tables=("dora_metrics", "absent"), postgresql_databases=("elsewhere",))
    assert engine.locate(options, sites.login(postgresql, database), sites.HOST) == [
        whole("elsewhere"),
        Source(f"postgresql.{database}", "postgresql", database, ("dora_metrics",)),
    ]
    both = dumping.backup(tables=("dora_metrics",), postgresql_databases=(database,))
    assert engine.locate(both, sites.login(postgresql, database), sites.HOST) == [
        Source(f"postgresql.{database}", "postgresql", database, (), ("dora_metrics",))
    ]


def test_fd22_a_whole_database_comes_back_as_it_was(postgresql: PostgreSQL, database: str, restorer: Login) -> None:
    facts, kept = dumped(sites.login(postgresql, None), whole(database))
    assert facts.rows == ROWS
    assert (facts.rows_reason, facts.findings, facts.suffix) == ("", (), "pgdump")
    assert facts.server_identity["database"] == database and facts.tool.startswith("pg_dump")
    target = "iact_restore_20260301_1"
    assert restored(restorer, kept.content, target) == facts.rows
    content = "SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM {} t"
    for table in ("dora_metrics", "other.inside", "parted"):
        query = content.format(table)
        assert postgresql.execute(query, database=target) == postgresql.execute(query, database=database)
    assert postgresql.execute("SELECT asked(), count(*) FROM shown", database=target) == [(1, 1003)]
    owner = "SELECT rolname FROM pg_class JOIN pg_roles r ON r.oid = relowner WHERE relname = 'dora_metrics'"
    assert postgresql.execute(owner, database=target) == [(restorer.login_user,)]


def test_the_rights_of_the_readme_are_enough_for_a_dump(postgresql: PostgreSQL, database: str) -> None:
    user, password = postgresql.create_account()
    for statement in rights.needed("postgresql", "backup_database", database, user):
        postgresql.execute(statement)
    assert postgresql.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata", database=database)
    assert dumped(sites.account(postgresql, user, password, None), whole(database))[0].rows == ROWS


def test_fd46_an_account_without_the_right_to_read_fails_and_the_program_says_why(
    postgresql: PostgreSQL, database: str
) -> None:
    user, password = postgresql.create_account()
    found = fault(sites.account(postgresql, user, password, None), whole(database))
    assert found.code == "dump_failed" and "permission denied" in found.message


def test_named_tables_are_dumped_alone_with_their_partitions(postgresql: PostgreSQL, database: str) -> None:
    postgresql.execute("CREATE TABLE other.nothing (id int)", database=database)
    source = Source(f"postgresql.{database}", "postgresql", database, ("nothing", "parted", 'a"b; -- ☎ %s'))
    facts, kept = dumped(sites.login(postgresql, None), source)
    assert facts.rows == {"nothing": 0, "other.nothing": 0, "parted_low": 5, "parted_high": 5, 'a"b; -- ☎ %s': 2}
    assert b"dora_metrics" not in kept.content


def test_the_rows_are_those_of_the_dump_s_own_moment(postgresql: PostgreSQL, small: str, restorer: Login) -> None:
    class Meanwhile(dumping.Kept):
        """Adds a row when the dump begins to flow."""

        def run(self, host, command, observe, limits):  # type: ignore[no-untyped-def]
            postgresql.execute("INSERT INTO nothing VALUES (1)", database=small)
            done = super().run(host, command, observe, limits)
            postgresql.execute("INSERT INTO nothing VALUES (2)", database=small)
            return done

    kept = Meanwhile()
    facts = engine.dump(sites.HOST, sites.login(postgresql, None), whole(small), dumping.backup(), kept)
    assert facts.rows == {"nothing": 0}
    assert restored(restorer, kept.content, "iact_restore_moment") == {"nothing": 0}


def test_a_missing_table_and_a_missing_database_are_named(postgresql: PostgreSQL, small: str) -> None:
    login = sites.login(postgresql, None)
    assert fault(login, Source("x", "postgresql", small, ("absent",))).code == "no_table"
    assert fault(login, whole("nowhere")).code == "no_database"


def enlarge(postgresql: PostgreSQL, database: str) -> None:
    """Make a dump that takes a while."""
    query = "CREATE TABLE big AS SELECT n AS id, repeat('x', 1000) AS filler FROM generate_series(1, 30000) n"
    postgresql.execute(query, database=database)


@pytest.mark.long
def test_fd07_fifty_kills_at_random_times_never_leave_a_dump_that_counts(
    postgresql: PostgreSQL, small: str, restorer: Login
) -> None:
    enlarge(postgresql, small)
    chance, failed, whole_ones = random.Random(7), 0, []
    for _number in range(50):
        timer = threading.Timer(chance.uniform(0.05, 1.0), postgresql.kill)
        timer.start()
        kept = dumping.Kept()
        try:
            facts = engine.dump(sites.HOST, sites.login(postgresql, None), whole(small), dumping.backup(), kept)
        except errors.MaintenanceError:
            failed += 1
        else:
            assert facts.rows["big"] == 30_000
            whole_ones.append(kept.content)
        timer.join()
        postgresql.ensure_running()
    assert failed > 5
    for number, content in enumerate(whole_ones[:5]):
        assert restored(restorer, content, f"iact_restore_kills_{number}")["big"] == 30_000


def with_fake(tmp_path: Path, script: str, version: str = "99.1") -> Host:
    """Return a host on which `pg_dump` is this shell script."""
    fake = tmp_path / "pg_dump"
    told = f'case "$1" in --version) echo "pg_dump (PostgreSQL) {version}"; exit;; esac'
    fake.write_text(f"#!/bin/sh\n{told}\n{script}\n", encoding="utf-8")
    fake.chmod(0o755)
    return Host({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("exit 0", "dump_incomplete", "not complete"),
        ("echo 'PGDMP'", "dump_incomplete", "not complete"),
        ("echo 'CREATE TABLE x ();'", "dump_incomplete", "not complete"),
        ("echo 'pg_dump: error: no' >&2; exit 1", "dump_failed", "status 1"),
        ("kill -9 $$", "dump_failed", "killed by signal 9"),
        ("sleep 30", "stalled", "1 s"),
    ],
)
def test_fd09_fd10_fd12_a_dump_tool_that_misbehaves_is_never_believed(
    postgresql: PostgreSQL, small: str, tmp_path: Path, script: str, code: str, said: str
) -> None:
    host = with_fake(tmp_path, script)
    found = fault(sites.login(postgresql, None), whole(small), host, stall_timeout_seconds=1.0)
    assert found.code == code and said in found.message


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_fd10_a_dump_that_lacks_its_end_is_found_out_though_the_program_ended_well(
    postgresql: PostgreSQL, database: str, tmp_path: Path, part: float
) -> None:
    _facts, kept = dumped(sites.login(postgresql, None), whole(database))
    (tmp_path / "dump").write_bytes(kept.content[: int(len(kept.content) * part)])
    host = with_fake(tmp_path, f"cat {tmp_path}/dump")
    assert fault(sites.login(postgresql, None), whole(database), host).code == "dump_incomplete"


def test_fd10_a_dump_without_its_last_table_s_rows_is_found_out(
    postgresql: PostgreSQL, small: str, tmp_path: Path
) -> None:
    """Cut exactly between two tables' rows, where every block is whole."""
    for name in ("aaa", "zzz"):
        postgresql.execute(f"CREATE TABLE {name} AS SELECT 'row of {name}' AS t", database=small)
    _facts, kept = dumped(sites.login(postgresql, None), whole(small))
    cut = kept.content.rindex(b"row of zzz") - 10
    for end in range(cut - 10, cut + 10):
        (tmp_path / "dump").write_bytes(kept.content[:end])
        found = fault(sites.login(postgresql, None), whole(small), with_fake(tmp_path, f"cat {tmp_path}/dump"))
        assert found.code == "dump_incomplete"


def test_fd10_a_dump_that_is_whole_but_lacks_a_table_is_found_out_though_the_program_ended_well(
    postgresql: PostgreSQL, small: str, tmp_path: Path
) -> None:
    login = sites.login(postgresql, None)
    (tmp_path / "dump").write_bytes(dumped(login, whole(small))[1].content)
    host = with_fake(tmp_path, f"cat {tmp_path}/dump")
    assert dumped(login, whole(small), host)[0].rows == {"nothing": 0}
    postgresql.execute("CREATE TABLE later (id int)", database=small)
    for source in (whole(small), Source(f"postgresql.{small}", "postgresql", small, ("later",))):
        found = fault(login, source, host)
        assert found.code == "dump_incomplete" and "lacks later" in found.message


def test_fd45_a_dump_program_older_than_the_server_fails_before_it_is_started(
    postgresql: PostgreSQL, small: str, tmp_path: Path
) -> None:
    host = with_fake(tmp_path, f"touch {tmp_path}/started", version="11.22")
    found = fault(sites.login(postgresql, None), whole(small), host)
    assert found.code == "version_mismatch" and "postgresql-client-" in found.hint
    assert not (tmp_path / "started").exists()


def test_fd17_words_on_stderr_are_a_warning_though_the_dump_ended_well(
    postgresql: PostgreSQL, small: str, tmp_path: Path
) -> None:
    _facts, kept = dumped(sites.login(postgresql, None), whole(small))
    (tmp_path / "dump").write_bytes(kept.content)
    host = with_fake(tmp_path, f"echo 'pg_dump: warning: circular' >&2; cat {tmp_path}/dump")
    facts, _kept = dumped(sites.login(postgresql, None), whole(small), host)
    assert [(finding.severity, finding.code) for finding in facts.findings] == [("warning", "dump_warned")]


def test_ft11_a_dump_in_words_is_refused_and_runs_nothing(
    restorer: Login, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    for text in (f"\\! touch {canary}\n", f"\\o |touch {canary}\nSELECT 1;\n", f"COPY (SELECT 1) TO '{canary}';\n"):
        with pytest.raises(errors.DatabaseFault) as caught:
            restored(restorer, text.encode(), "iact_restore_hostile")
        assert caught.value.code == "restore_failed" and not canary.exists()
    assert restore_databases(postgresql) == []


@pytest.mark.parametrize(
    "body",
    [
        "COPY (SELECT 1) TO PROGRAM ''touch {canary}''",
        "COPY (SELECT 1) TO ''{canary}''",
        "CREATE ROLE mallory",
        "DROP DATABASE {source}",
        "ALTER SYSTEM SET max_connections = 1",
        "SET ROLE {admin}",
        "SELECT lo_export(1, ''{canary}'')",
    ],
)
def test_ft11_ft12_a_hostile_dump_reaches_neither_the_machine_nor_another_database(
    postgresql: PostgreSQL, small: str, restorer: Login, tmp_path: Path, body: str
) -> None:
    """Hide the hostile statement in a function that an index of the dump calls when the restore builds it."""
    tmp_path.chmod(0o777)
    canary = tmp_path / "canary"
    statement = body.format(canary=canary, source=small, admin=postgresql.admin_user)
    postgresql.execute(
        "CREATE FUNCTION evil(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF current_user <> "
        f"'{postgresql.admin_user}' THEN EXECUTE '{statement}'; END IF; RETURN $1; END $$",
        database=small,
    )
    postgresql.execute("INSERT INTO nothing VALUES (1)", database=small)
    postgresql.execute("CREATE INDEX evil_index ON nothing (evil(id))", database=small)
    _facts, kept = dumped(sites.login(postgresql, None), whole(small))
    with pytest.raises(errors.DatabaseFault) as caught:
        restored(restorer, kept.content, "iact_restore_hostile")
    assert (caught.value.code, caught.value.changed) == ("restore_failed", False) and not canary.exists()
    assert postgresql.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'mallory'") == [(0,)]
    assert restore_databases(postgresql) == []


@pytest.mark.parametrize("power", ["SUPERUSER", "CREATEROLE", "BYPASSRLS", "REPLICATION"])
def test_ft12_an_account_with_more_power_is_refused_before_anything(
    postgresql: PostgreSQL, restorer: Login, power: str
) -> None:
    postgresql.execute(f"ALTER ROLE {restorer.login_user} {power}")
    with pytest.raises(errors.Refused, match=power) as caught:
        restored(restorer, b"", "iact_restore_refused")
    assert caught.value.code == "restore_account"
    assert restore_databases(postgresql) == []


def test_ft12_an_account_that_may_change_another_database_is_refused(
    postgresql: PostgreSQL, small: str, restorer: Login
) -> None:
    postgresql.execute(f"GRANT CREATE ON DATABASE {small} TO {restorer.login_user}")
    with pytest.raises(errors.Refused, match=f"CREATE on the database {small}"):
        restored(restorer, b"", "iact_restore_refused")
    postgresql.execute(f"REVOKE CREATE ON DATABASE {small} FROM {restorer.login_user}")
    postgresql.execute(f"GRANT pg_write_all_data TO {restorer.login_user}")
    with pytest.raises(errors.Refused, match="the role pg_write_all_data"):
        restored(restorer, b"", "iact_restore_refused")


def test_a_named_target_must_be_empty_and_stays_where_the_restore_fails(
    postgresql: PostgreSQL, small: str, restorer: Login
) -> None:
    _facts, kept = dumped(sites.login(postgresql, None), whole(small))
    target = "iact_restore_named"
    postgresql.execute(f"CREATE DATABASE {target} OWNER {restorer.login_user}")
    with pytest.raises(errors.DatabaseFault) as failed:
        restored(restorer, b"nonsense", target)
    assert failed.value.changed
    assert restored(restorer, kept.content, target) == {"nothing": 0}
    with pytest.raises(errors.Refused) as caught:
        restored(restorer, kept.content, target)
    assert caught.value.code == "not_empty"


def test_fs01_fs02_no_secret_shows_while_a_dump_runs(postgresql: PostgreSQL, small: str) -> None:
    """Rig 13: every process's arguments and environment, looked at all the time."""
    enlarge(postgresql, small)
    canary = "canary-5d1e:/@ %41\"'\\"
    user, _password = postgresql.create_account(password=canary)
    postgresql.execute(f"GRANT pg_read_all_data TO {user}")
    with canaries.watching(canary) as found:
        facts, kept = dumped(sites.account(postgresql, user, canary, None), whole(small))
    assert found.looks > 5 and found.places == []
    assert kept.command and canary not in repr(kept.command) + repr(facts)


def test_a_password_with_a_line_break_is_refused_with_the_reason(postgresql: PostgreSQL, small: str) -> None:
    user, password = postgresql.create_account(password="line\nbreak")
    found = fault(sites.account(postgresql, user, password, None), whole(small))
    assert found.code == "bad_password" and "line break" in found.message
