"""Dumps of a real MariaDB and their restore: whole or refused, and never a danger (FAULTS 4.1, 4.4)."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import mysql
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import DumpFacts, Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.required_rights import (
    DUMPED_DATABASE,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests import rights
from tests.hostile import PASSWORDS
from tests.integration import canaries, dumping, sites
from tests.integration.servers import MariaDB

README = ", ".join(DUMPED_DATABASE)
Maker = Callable[..., Login]


@pytest.fixture
def database(mariadb: MariaDB) -> Iterator[str]:
    """Return a database with tables of hostile content, a view, a trigger, a routine, an event and a sequence."""
    name = mariadb.create_database()
    for statement in (
        "CREATE TABLE dora_metrics (id int AUTO_INCREMENT PRIMARY KEY, name text, raw blob, twice int AS (id * 2), "
        "bits bit(8), shape geometry, detail json, moment datetime(6)) DEFAULT CHARSET=utf8mb4",
        "INSERT INTO dora_metrics (name, raw, bits, shape, detail, moment) VALUES "
        "('line\nbreak),(1', x'00FF27', b'101', POINT(1, 2), '{\"a\": \"b),(c\"}', '2026-03-01 12:00:00.123456'), "
        "('quote '' back\\\\', NULL, NULL, NULL, NULL, NULL), ('☎ 密码', '', b'0', NULL, '[]', NULL)",
        "INSERT INTO dora_metrics (name) SELECT seq FROM seq_1_to_1000",
        "CREATE TABLE `a``b; -- ☎` (`x y` int)",
        "INSERT INTO `a``b; -- ☎` VALUES (1), (2)",
        "CREATE TABLE nothing (id int)",
        "CREATE VIEW shown AS SELECT id, name FROM dora_metrics",
        "CREATE TRIGGER filled BEFORE INSERT ON dora_metrics FOR EACH ROW SET NEW.name = COALESCE(NEW.name, '')",
        "CREATE PROCEDURE asked() SELECT 1",
        "CREATE EVENT daily ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
        "CREATE SEQUENCE numbers",
    ):
        mariadb.execute(statement, database=name)
    yield name
    mariadb.drop_database(name)


@pytest.fixture
def small(mariadb: MariaDB) -> Iterator[str]:
    """Return a database with one empty table, `nothing`."""
    name = mariadb.create_database()
    mariadb.execute("CREATE TABLE nothing (id int)", database=name)
    yield name
    mariadb.drop_database(name)


@pytest.fixture
def account(mariadb: MariaDB, database: str) -> Iterator[Maker]:
    """Make accounts with the rights of a backup on the database."""
    made: list[str] = []

    def make(rights: str = README, *, proc: bool = True, table: str = "*") -> Login:
        user, password = mariadb.create_account()
        made.append(user)
        mariadb.execute(f"GRANT {rights} ON {database}.{table} TO {user}@'%'")
        if proc:
            mariadb.execute(f"GRANT SELECT ON mysql.proc TO {user}@'%'")
        return sites.account(mariadb, user, password, database)

    yield make
    for user in made:
        mariadb.execute(f"DROP USER {user}@'%'")


@pytest.fixture
def restorer(mariadb: MariaDB) -> Iterator[Login]:
    """Return the account of FAULTS section 6 for restores; the databases it made are dropped afterwards."""
    user, password = mariadb.create_account()
    for statement in rights.needed("mysql", "restore", "", user):
        mariadb.execute(statement)
    yield sites.account(mariadb, user, password, None, own_account=True)
    for (name,) in mariadb.execute("SHOW DATABASES LIKE 'iact\\_restore\\_%'"):
        mariadb.drop_database(name)
    mariadb.execute(f"DROP USER {user}@'%'")


def whole(database: str) -> Source:
    return Source(f"mysql.{database}", "mysql", database, ())


def dumped(login: Login, source: Source, host: Host = sites.HOST, **options: object) -> tuple[DumpFacts, dumping.Kept]:
    kept = dumping.Kept()
    return mysql.dump(host, login, source, dumping.backup(**options), kept), kept


def fault(login: Login, source: Source, host: Host = sites.HOST, **options: object) -> errors.MaintenanceError:
    with pytest.raises(errors.MaintenanceError) as caught:
        dumped(login, source, host, **options)
    return caught.value


def restored(login: Login, content: bytes, target: str, **options: object) -> dict[str, int | None]:
    kept = dumping.Kept()
    kept.content = content
    source = Source("mysql.site", "mysql", "site", ())
    return dict(dumping.restored(mysql, login, source, target, kept, **options).rows)


def test_b1_a_table_is_found_in_the_database_that_holds_it(mariadb: MariaDB, database: str) -> None:
    other = mariadb.create_database()
    options = dumping.backup(tables=("dora_metrics", "absent"), mysql_databases=(other,))
    assert mysql.locate(options, sites.login(mariadb, database), sites.HOST) == [
        whole(other),
        Source(f"mysql.{database}", "mysql", database, ("dora_metrics",)),
    ]
    scratch = mariadb.create_database("iact_restore_20260301_1")
    mariadb.execute("CREATE TABLE dora_metrics (id int)", database=scratch)
    both = dumping.backup(tables=("dora_metrics",), mysql_databases=(database,))
    assert mysql.locate(both, sites.login(mariadb, None), sites.HOST) == [
        Source(f"mysql.{database}", "mysql", database, (), ("dora_metrics",))
    ]
    mariadb.drop_database(other)
    mariadb.drop_database(scratch)


def test_fd22_a_whole_database_comes_back_as_it_was(
    mariadb: MariaDB, database: str, account: Maker, restorer: Login
) -> None:
    facts, kept = dumped(account(), whole(database))
    assert facts.rows == {"dora_metrics": 1003, "a`b; -- ☎": 2, "nothing": 0}
    assert (facts.rows_reason, facts.findings, facts.suffix) == ("", (), "sql")
    assert facts.server_identity["database"] == database and "MariaDB" in facts.server_version
    target = "iact_restore_20260301_1"
    assert restored(restorer, kept.content, target) == facts.rows
    for table in facts.rows:
        checksum = f"CHECKSUM TABLE {MariaDB.quote(table)}"
        assert mariadb.execute(checksum, database=target)[0][1] == mariadb.execute(checksum, database=database)[0][1]
    things = "SELECT {0}_name, definer FROM information_schema.{0}s WHERE {0}_schema = %s"
    for kind, name in (("trigger", "filled"), ("event", "daily"), ("routine", "asked")):
        assert mariadb.execute(things.format(kind), target) == [(name, f"{restorer.login_user}@%")]
    assert mariadb.execute("SELECT COUNT(*) FROM shown", database=target) == [(1003,)]


def test_named_tables_are_dumped_alone_by_an_account_with_rights_on_them_alone(database: str, account: Maker) -> None:
    source = Source(f"mysql.{database}", "mysql", database, ("dora_metrics",))
    facts, kept = dumped(account("SELECT, TRIGGER", proc=False, table="dora_metrics"), source)
    assert facts.rows == {"dora_metrics": 1003}
    assert b"asked" not in kept.content and b"filled" in kept.content


@pytest.mark.parametrize(
    ("rights", "proc", "missing"),
    [
        ("SELECT, SHOW VIEW, EVENT", True, "GRANT TRIGGER ON"),
        ("SELECT, SHOW VIEW, TRIGGER", True, "GRANT EVENT ON"),
        ("SELECT, TRIGGER, EVENT", True, "GRANT SHOW VIEW ON"),
        (README, False, "GRANT SELECT ON mysql.proc"),
    ],
)
def test_fd15_fd16_an_account_that_would_leave_something_out_fails_and_names_the_grant(
    database: str, account: Maker, rights: str, proc: bool, missing: str
) -> None:
    found = fault(account(rights, proc=proc), whole(database))
    assert found.code == "missing_privilege" and missing in found.hint


def test_fd15_allow_incomplete_makes_it_a_warning(database: str, account: Maker) -> None:
    facts, kept = dumped(account("SELECT, SHOW VIEW, EVENT"), whole(database), allow_incomplete=True)
    assert [finding.code for finding in facts.findings] == ["missing_privilege"]
    assert b"filled" not in kept.content


def test_fd15_rights_by_a_role_count(mariadb: MariaDB, database: str) -> None:
    user, password = mariadb.create_account()
    mariadb.execute("CREATE ROLE IF NOT EXISTS dumper")
    mariadb.execute(f"GRANT {README} ON {database}.* TO dumper")
    mariadb.execute("GRANT SELECT ON mysql.proc TO dumper")
    mariadb.execute(f"GRANT dumper TO {user}@'%'")
    mariadb.execute(f"SET DEFAULT ROLE dumper FOR {user}@'%'")
    assert dumped(sites.account(mariadb, user, password, None), whole(database))[0].rows
    mariadb.execute("DROP ROLE dumper")


def test_fd20_a_table_without_transactions_is_named_unless_it_is_locked(
    mariadb: MariaDB, database: str, account: Maker
) -> None:
    mariadb.execute("ALTER TABLE nothing ENGINE=MyISAM", database=database)
    facts, _kept = dumped(account(), whole(database))
    assert [(finding.code, "nothing" in finding.message) for finding in facts.findings] == [("not_transactional", True)]
    locking = account(f"{README}, LOCK TABLES")
    assert dumped(locking, whole(database), lock_tables=True)[0].findings == ()


def test_fd21_a_row_of_20_mb_is_dumped_and_restored(
    mariadb: MariaDB, database: str, account: Maker, restorer: Login
) -> None:
    mariadb.execute("SET GLOBAL max_allowed_packet = 1073741824")
    mariadb.execute("CREATE TABLE large (b longblob)", database=database)
    mariadb.execute("INSERT INTO large VALUES (REPEAT('x', 20971520))", database=database)
    facts, kept = dumped(account(), whole(database))
    assert facts.rows["large"] == 1
    assert restored(restorer, kept.content, "iact_restore_large")["large"] == 1


def test_fd29_a_missing_database_is_named(mariadb: MariaDB) -> None:
    assert fault(sites.login(mariadb, None), whole("nowhere")).code == "no_database"


def enlarge(mariadb: MariaDB, database: str) -> None:
    """Make a dump that takes a while."""
    mariadb.execute("CREATE TABLE big (id int PRIMARY KEY, filler text)", database=database)
    mariadb.execute("INSERT INTO big SELECT seq, REPEAT('x', 1000) FROM seq_1_to_30000", database=database)


@pytest.mark.long
def test_fd07_fifty_kills_at_random_times_never_leave_a_dump_that_counts(
    mariadb: MariaDB, database: str, account: Maker
) -> None:
    enlarge(mariadb, database)
    login, chance, failed = account(), random.Random(7), 0
    for _number in range(50):
        timer = threading.Timer(chance.uniform(0.05, 0.6), mariadb.kill)
        timer.start()
        kept = dumping.Kept()
        try:
            facts = mysql.dump(sites.HOST, login, whole(database), dumping.backup(), kept)
        except errors.MaintenanceError:
            failed += 1
        else:
            assert facts.rows["big"] == 30_000 and b"-- Dump completed" in kept.content[-200:]
        timer.join()
        mariadb.ensure_running()
    assert failed > 5


@pytest.mark.parametrize("change", ["TRUNCATE TABLE zlast", "DROP TABLE zlast", "RENAME TABLE zlast TO zother"])
def test_fd13_a_table_changed_under_the_dump_is_told_apart_so_that_it_is_tried_again(
    mariadb: MariaDB, database: str, account: Maker, change: str
) -> None:
    enlarge(mariadb, database)
    mariadb.execute("CREATE TABLE zlast AS SELECT 1 AS id", database=database)
    changing = dumping.Acting(lambda: mariadb.execute(change, database=database))
    with pytest.raises(errors.DatabaseFault) as caught:
        mysql.dump(sites.HOST, account(), whole(database), dumping.backup(), changing)
    assert caught.value.code == "schema_changed"


def test_fd18_a_view_on_a_missing_table_fails_the_dump_and_is_named(
    mariadb: MariaDB, database: str, account: Maker
) -> None:
    mariadb.execute("CREATE TABLE base (id int)", database=database)
    mariadb.execute("CREATE VIEW broken AS SELECT * FROM base", database=database)
    mariadb.execute("DROP TABLE base", database=database)
    found = fault(account(), whole(database))
    assert found.code == "dump_failed" and "broken" in found.message


def with_fake(tmp_path: Path, script: str) -> Host:
    """Return a host on which `mariadb-dump` is this shell script."""
    tool = tmp_path / "mariadb-dump"
    version = 'case "$1" in --version) echo "mariadb-dump from 10.11.19-MariaDB"; exit;; esac'
    tool.write_text(f"#!/bin/sh\n{version}\n{script}\n", encoding="utf-8")
    tool.chmod(0o755)
    return Host({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("exit 0", "dump_incomplete", "last line"),
        ("echo '-- MariaDB dump 10.19'", "dump_incomplete", "last line"),
        ("printf 'CREATE TABLE `a` (\\n);\\nINSERT INTO `a` VALUES\\n(1);\\n'", "dump_incomplete", "last line"),
        ("echo '-- Dump completed'", "dump_incomplete", "dora_metrics"),
        ("echo '-- Dump completed'; echo 'Got error: 1: no' >&2; exit 2", "dump_failed", "status 2"),
        ("kill -9 $$", "dump_failed", "killed by signal 9"),
        ("echo 'mariadb-dump: Error 1412: Table definition has changed' >&2; exit 3", "schema_changed", "1412"),
        ("echo \"Couldn't execute 'x': Table 'a.b' doesn't exist (1146)\" >&2; exit 2", "schema_changed", "1146"),
        ("sleep 30", "stalled", "1 s"),
        ("while :; do echo x; done", "timeout", "4 s"),
    ],
)
def test_fd09_fd10_fd12_fd13_a_dump_tool_that_misbehaves_is_never_believed(
    database: str, account: Maker, tmp_path: Path, script: str, code: str, said: str
) -> None:
    source = Source(f"mysql.{database}", "mysql", database, ("dora_metrics",))
    found = fault(account(), source, with_fake(tmp_path, script), stall_timeout_seconds=1.0, deadline_seconds=4)
    assert found.code == code and said in found.message


@pytest.mark.parametrize("script", ["echo '-- Dump completed'", "cat {dump} | grep -v '`nothing`'"])
def test_fd10_a_dump_of_a_whole_database_that_lacks_a_table_is_found_out_though_the_program_ended_well(
    database: str, account: Maker, tmp_path: Path, script: str
) -> None:
    _facts, kept = dumped(account(), whole(database))
    (tmp_path / "dump").write_bytes(kept.content)
    found = fault(account(), whole(database), with_fake(tmp_path, script.format(dump=tmp_path / "dump")))
    assert found.code == "dump_incomplete" and "nothing" in found.message


def test_fd10_a_table_that_is_dropped_before_its_turn_fails_the_dump(
    mariadb: MariaDB, database: str, account: Maker
) -> None:
    class Dropping(dumping.Kept):
        """Drops a table when the catalogue has been read and the dump has not begun."""

        def run(self, host, command, observe, limits):  # type: ignore[no-untyped-def]
            mariadb.execute("DROP TABLE nothing", database=database)
            return super().run(host, command, observe, limits)

    with pytest.raises(errors.DatabaseFault, match="lacks nothing") as caught:
        mysql.dump(sites.HOST, account(), whole(database), dumping.backup(), Dropping())
    assert caught.value.code == "dump_incomplete"


def test_fd17_words_on_stderr_are_a_warning_though_the_dump_ended_well(
    database: str, account: Maker, tmp_path: Path
) -> None:
    script = "printf 'CREATE TABLE `nothing` (\\n);\\n-- Dump completed\\n'; echo 'Error: no masking policy' >&2"
    source = Source(f"mysql.{database}", "mysql", database, ("nothing",))
    facts, _kept = dumped(account(), source, with_fake(tmp_path, script))
    assert [(finding.severity, finding.code) for finding in facts.findings] == [("warning", "dump_warned")]
    assert "no masking policy" in facts.findings[0].message


@pytest.mark.parametrize("password", [word for word in PASSWORDS if "\n" in word or "\r" in word])
def test_fi11_a_password_with_a_line_break_logs_the_dump_program_in(
    mariadb: MariaDB, small: str, password: str
) -> None:
    user, _password = mariadb.create_account(password=password)
    mariadb.execute(f"GRANT SELECT, TRIGGER ON {small}.nothing TO {user}@'%'")
    source = Source(f"mysql.{small}", "mysql", small, ("nothing",))
    assert dumped(sites.account(mariadb, user, password, None), source)[0].rows == {"nothing": 0}
    mariadb.execute(f"DROP USER {user}@'%'")


HOSTILE = [
    "\\! touch {canary}\n",
    "system touch {canary};\n",
    "SELECT 1;\n\\! touch {canary}\n",
    "tee {canary}\nSELECT 1;\n",
    "\\T {canary}\nSELECT 1;\n",
    "pager touch {canary}\nSELECT 1;\n",
    "source {canary}.sql\n",
    "\\. {canary}.sql\n",
    "DELIMITER ;;\n\\! touch {canary}\n;;\n",
    "SELECT 1 INTO OUTFILE '{canary}';\n",
    "CREATE TABLE t (x text);\nLOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t;\n",
    "CREATE TABLE t (x text);\nLOAD DATA INFILE '/etc/hostname' INTO TABLE t;\n",
    "/*M!999999\\- enable the sandbox mode */ \n\\! touch {canary}\n",
    "USE mysql;\n",
    "CREATE USER mallory@localhost;\n",
    "DROP DATABASE {source};\n",
    "CREATE TRIGGER {source}.t BEFORE INSERT ON {source}.nothing FOR EACH ROW SET @x = 1;\n",
    "DROP TABLE {source}.nothing;\n",
    "INSERT INTO {source}.nothing VALUES (1);\n",
    "SET GLOBAL max_connections = 1;\n",
    "SET ROLE dumper;\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_ft11_ft12_a_hostile_dump_runs_nothing_and_reaches_no_other_database(
    mariadb: MariaDB, small: str, restorer: Login, tmp_path: Path, text: str
) -> None:
    os.chmod(tmp_path, 0o777)
    canary = tmp_path / "canary"
    (tmp_path / "canary.sql").write_text("SYSTEM nothing;\nthis is not SQL;\n", encoding="ascii")
    content = text.format(canary=canary, source=small).encode() + b"-- Dump completed\n"
    with pytest.raises(errors.DatabaseFault) as caught:
        restored(restorer, content, "iact_restore_hostile")
    assert (caught.value.code, caught.value.changed) == ("restore_failed", False)
    assert not canary.exists()
    assert mariadb.execute("SHOW TRIGGERS LIKE 'nothing'", database=small) == []
    assert mariadb.execute("SELECT COUNT(*) FROM nothing", database=small) == [(0,)]
    assert mariadb.execute("SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'mallory'") == [(0,)]
    # The database that the restore made is gone again.
    assert mariadb.execute("SHOW DATABASES LIKE 'iact\\_restore\\_%'") == []


def test_ft12_an_account_that_may_write_elsewhere_is_refused_before_anything(
    mariadb: MariaDB, small: str, restorer: Login
) -> None:
    mariadb.execute(f"GRANT INSERT ON {small}.nothing TO {restorer.login_user}@'%'")
    with pytest.raises(errors.Refused) as caught:
        restored(restorer, b"SELECT 1;\n", "iact_restore_refused")
    assert caught.value.code == "restore_account" and f"INSERT on {small}.nothing" in caught.value.message
    assert mariadb.execute("SHOW DATABASES LIKE 'iact\\_restore\\_%'") == []
    with pytest.raises(errors.Refused, match="ALL PRIVILEGES"):
        restored(sites.login(mariadb, None), b"SELECT 1;\n", "iact_restore_refused")


def test_a_named_target_must_be_empty_and_stays_where_the_restore_fails(mariadb: MariaDB, restorer: Login) -> None:
    target = mariadb.create_database("iact_restore_named")
    with pytest.raises(errors.DatabaseFault) as failed:
        restored(restorer, b"nonsense;\n", target)
    assert failed.value.changed
    assert restored(restorer, b"CREATE TABLE t (id int);\nINSERT INTO t VALUES\n(1);\n", target) == {"t": 1}
    with pytest.raises(errors.Refused) as caught:
        restored(restorer, b"SELECT 1;\n", target)
    assert caught.value.code == "not_empty"


def test_fs01_fs02_fs11_no_secret_shows_while_a_dump_runs(mariadb: MariaDB, database: str, tmp_path: Path) -> None:
    """Rig 13: every process's arguments and environment, looked at all the time."""
    enlarge(mariadb, database)
    canary = "canary-5d1e:/@ %41\"'\\"
    user, _password = mariadb.create_account(password=canary)
    mariadb.execute(f"GRANT {README} ON {database}.* TO {user}@'%'")
    mariadb.execute(f"GRANT SELECT ON mysql.proc TO {user}@'%'")
    with canaries.watching(canary) as found:
        facts, kept = dumped(sites.account(mariadb, user, canary, None), whole(database))
    assert found.looks > 5 and found.places == []
    assert kept.command and canary not in repr(kept.command) + repr(facts)
    assert canary.encode() not in kept.content
