"""What a dump of a real MariaDB holds, and that its copy stays as it was restored (FOUND G33 to G42)."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import mysql, mysql_rights
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import (
    DumpFacts,
    RestoreFacts,
    Source,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests import rights
from tests.integration import dumping, sites
from tests.integration.servers import MariaDB

TARGET = "iact_restore_copy"
quoted = MariaDB.quote


@pytest.fixture
def database(mariadb: MariaDB) -> Iterator[str]:
    """Return a database with nothing in it."""
    name = mariadb.create_database()
    yield name
    mariadb.drop_database(name)


@pytest.fixture
def restorer(mariadb: MariaDB) -> Iterator[Login]:
    """Return the account for restores; what it made is dropped afterwards."""
    user, password = mariadb.create_account()
    for statement in rights.needed("mysql", "restore", "", user):
        mariadb.execute(statement)
    yield sites.account(mariadb, user, password, None, own_account=True)
    mariadb.drop_database(TARGET)
    mariadb.execute(f"DROP USER {user}@'%'")


def whole(database: str) -> Source:
    return Source(f"mysql.{database}", "mysql", database, ())


def dumped(mariadb: MariaDB, database: str) -> tuple[DumpFacts, dumping.Kept]:
    kept = dumping.Kept()
    return mysql.dump(sites.HOST, sites.login(mariadb, None), whole(database), dumping.backup(), kept), kept


def restored(restorer: Login, database: str, kept: dumping.Kept) -> RestoreFacts:
    return dumping.restored(mysql, restorer, whole(database), TARGET, kept)


def run(mariadb: MariaDB, database: str, *statements: str, mode: str = "") -> None:
    """Run statements in one session, under an sql_mode of its own."""
    with contextlib.closing(mariadb.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET sql_mode = '{mode}'")
        for statement in statements:
            cursor.execute(statement)


DATABASES = ["xa_b", "xaab", "xa%b", "xa\\b", "xaéb", "xa"]
PATTERNS = ["xa_b", r"xa\_b", "xaab", "xa%", "x%", "%", "xa__b", r"xa\%b", "xa%b", "__a%", r"xa\\b", "xa", "x_", "xa_%"]


def test_g40_the_rights_are_what_the_server_lets_an_account_see(mariadb: MariaDB) -> None:
    """Grants by chance on patterns that match several databases, compared with the triggers that are shown."""
    for name in DATABASES:
        mariadb.create_database(name)
        mariadb.execute("CREATE TABLE t (id int)", database=name)
        mariadb.execute("CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = 1", database=name)
    chance, compared = random.Random(40), 0
    for _number in range(40):
        user, password = mariadb.create_account()
        for pattern in chance.sample(PATTERNS, chance.randint(1, 4)):
            rights = chance.choice(["SELECT", "SELECT, TRIGGER"])
            mariadb.execute(f"GRANT {rights} ON {quoted(pattern)}.* TO {user}@'%'")
        with contextlib.closing(mariadb.connect(None, user, password)) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW GRANTS")
            rights_of = mysql_rights.parse("x", [line for (line,) in cursor.fetchall()])
            cursor.execute("SELECT trigger_schema FROM information_schema.triggers WHERE trigger_name = 'tr'")
            shown = {name for (name,) in cursor.fetchall()}
        allowed = {name for name in DATABASES if rights_of.allows("TRIGGER", name)}
        # Of two patterns that are equally specific the server takes either.
        assert allowed <= shown, rights_of.grants
        compared += allowed == shown
        mariadb.execute(f"DROP USER {user}@'%'")
    assert compared >= 35
    for name in DATABASES:
        mariadb.drop_database(name)


@pytest.mark.parametrize(("pattern", "exact"), [("site%", "site_a"), ("s_te_a", r"site\_a")])
def test_g40_a_hidden_trigger_fails_the_dump_and_the_grant_that_is_named_mends_it(
    mariadb: MariaDB, pattern: str, exact: str
) -> None:
    database = mariadb.create_database("site_a")
    user, password = mariadb.create_account()
    run(mariadb, database, "CREATE TABLE t (id int)", "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = 1")
    mariadb.execute(f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {quoted(pattern)}.* TO {user}@'%'")
    mariadb.execute(f"GRANT SELECT, SHOW VIEW, EVENT ON {quoted(exact)}.* TO {user}@'%'")
    mariadb.execute(f"GRANT SELECT ON mysql.proc TO {user}@'%'")
    login, kept = sites.account(mariadb, user, password, None), dumping.Kept()
    with pytest.raises(errors.DatabaseFault) as caught:
        mysql.dump(sites.HOST, login, whole(database), dumping.backup(), kept)
    assert caught.value.code == "missing_privilege" and "TRIGGER" in caught.value.hint
    mariadb.execute(caught.value.hint[caught.value.hint.index("GRANT") :])
    mysql.dump(sites.HOST, login, whole(database), dumping.backup(), kept)
    assert b"TRIGGER tr" in kept.content
    mariadb.execute(f"DROP USER {user}@'%'")
    mariadb.drop_database(database)


def test_g35_the_history_that_is_not_dumped_is_said(mariadb: MariaDB, database: str) -> None:
    run(mariadb, database, "CREATE TABLE kept (id int) WITH SYSTEM VERSIONING", "INSERT INTO kept VALUES (1), (2)",
        "DELETE FROM kept WHERE id = 1", "CREATE TABLE plain (id int)")  # fmt: skip
    facts, _kept = dumped(mariadb, database)
    assert facts.rows == {"kept": 1, "plain": 0}
    (found,) = facts.findings
    assert (found.severity, found.code) == ("warning", "no_history") and found.message.endswith(": kept")


PURGE = "DELETE FROM t"
EVENTS = {
    "": [
        f"CREATE EVENT purger ON SCHEDULE EVERY 1 SECOND COMMENT 'ON COMPLETION PRESERVE ENABLE DO' DO {PURGE}",
        "CREATE EVENT `a``b\nENABLE` ON SCHEDULE EVERY 1 SECOND DO BEGIN /* it's */ DELETE FROM t; "
        "SELECT 'it''s; ENABLE'; END",
        "CREATE EVENT text ON SCHEDULE EVERY 1 DAY DO SET @x = 'x\nDELIMITER ;\n"
        "CREATE EVENT `no` ON SCHEDULE EVERY 1 DAY'",
        "CREATE EVENT off ON SCHEDULE EVERY 1 SECOND DISABLE DO SELECT 1",
    ],
    "ANSI_QUOTES": [f'CREATE EVENT "q""q" ON SCHEDULE EVERY 1 SECOND DO {PURGE}'],
    "ORACLE": [f"CREATE EVENT ora ON SCHEDULE EVERY 1 SECOND DO BEGIN {PURGE}; END"],
    "NO_BACKSLASH_ESCAPES": [
        "CREATE EVENT slash ON SCHEDULE EVERY 1 SECOND DO BEGIN SET @x = 'it\\'; DELETE FROM t; END"
    ],
}
ENABLED = ["a`b\nENABLE", "ora", "purger", 'q"q', "slash", "text"]


def test_g36_events_come_back_disabled_whatever_they_say_and_the_copy_stays(
    mariadb: MariaDB, database: str, restorer: Login
) -> None:
    run(mariadb, database, "CREATE TABLE t (id int)", "INSERT INTO t SELECT seq FROM seq_1_to_1000")
    for mode, statements in EVENTS.items():
        run(mariadb, database, *statements, mode=mode)
    bodies = "SELECT event_name, event_definition, sql_mode FROM information_schema.events WHERE event_schema = %s"
    _facts, kept = dumped(mariadb, database)
    mariadb.execute("CREATE TABLE ticks (id int)", database=database)
    mariadb.execute("CREATE EVENT tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO ticks VALUES (1)", database=database)
    mariadb.execute("SET GLOBAL event_scheduler = ON")
    try:
        facts = restored(restorer, database, kept)
        # Another event shows that the scheduler ran several times meanwhile.
        deadline = time.monotonic() + 20
        while mariadb.execute("SELECT COUNT(*) FROM ticks", database=database)[0][0] < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        mariadb.execute("SET GLOBAL event_scheduler = OFF")
    assert facts.rows == {"t": 1000} and mariadb.execute("SELECT COUNT(*) FROM t", database=TARGET) == [(1000,)]
    copied = set(mariadb.execute(bodies, TARGET))
    mariadb.execute("DROP EVENT tick", database=database)
    assert copied == set(mariadb.execute(bodies, database))
    (found,) = facts.findings
    assert (found.severity, found.code) == ("warning", "events_disabled")
    assert f"ALTER EVENT `{TARGET}`.`purger` ENABLE;" in found.hint and "`off`" not in found.hint
    states = dict(mariadb.execute("SELECT event_name, status FROM information_schema.events WHERE event_schema = %s",
                                  TARGET))  # fmt: skip
    assert sorted(states) == sorted([*ENABLED, "off"]) and set(states.values()) == {"DISABLED"}


def test_g36_an_event_whose_time_is_over_is_named(mariadb: MariaDB, database: str, restorer: Login) -> None:
    run(mariadb, database, "CREATE TABLE t (id int)", "CREATE EVENT once ON SCHEDULE AT '2037-01-01' DO DELETE FROM t")
    _facts, kept = dumped(mariadb, database)
    kept.content = kept.content.replace(b"AT '2037-01-01", b"AT '2021-01-01")
    (found,) = restored(restorer, database, kept).findings
    assert (found.severity, found.code) == ("warning", "skipped_objects") and "once" in found.message


def test_g36_a_named_target_that_holds_an_event_is_not_empty(mariadb: MariaDB, restorer: Login) -> None:
    mariadb.create_database(TARGET)
    run(mariadb, TARGET, "CREATE EVENT there ON SCHEDULE EVERY 1 DAY DO SELECT 1")
    with pytest.raises(errors.Refused) as caught:
        restored(restorer, "site", dumping.Kept())
    assert caught.value.code == "not_empty"


def test_g33_what_was_made_under_another_sql_mode_comes_back(mariadb: MariaDB, database: str, restorer: Login) -> None:
    body = "SELECT 'x\nCREATE DEFINER=`a`@`b` PROCEDURE'"
    run(mariadb, database, 'CREATE TABLE "t" (id int)',
        "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = 'y'", f"CREATE PROCEDURE p() {body}",
        mode="ANSI_QUOTES")  # fmt: skip
    run(mariadb, database, "CREATE PACKAGE pk AS FUNCTION f RETURN int; END",
        "CREATE PACKAGE BODY pk AS FUNCTION f RETURN int AS BEGIN RETURN 1; END; END", mode="ORACLE")  # fmt: skip
    _facts, kept = dumped(mariadb, database)
    restored(restorer, database, kept)
    query = "SELECT routine_name, routine_type, routine_definition, definer FROM information_schema.routines "
    found = mariadb.execute(query + "WHERE routine_schema = %s ORDER BY 1, 2", TARGET)
    assert [row[:2] for row in found] == [("p", "PROCEDURE"), ("pk", "PACKAGE"), ("pk", "PACKAGE BODY")]
    assert found[0][2] == mariadb.execute(query + "WHERE routine_schema = %s ORDER BY 1, 2", database)[0][2]
    assert {row[3] for row in found} == {f"{restorer.login_user}@%"}


HOSTILE = ["),(", "');\nINSERT INTO `t` VALUES\n(1)", "\\", "'", "\0\r\n", "x;\n", "-- Dump completed", "`", "☎", ""]
NAMES = ["plain", "line\nbreak", "INSERT INTO", "a`b", ") VALUES (", "x;", "ta\tb", "%s"]
COLUMNS = ["{} text", "{} blob", "{} varchar(200) INVISIBLE DEFAULT '),('", "{} text AS (CONCAT('),(', 1)) VIRTUAL",
           "{} int DEFAULT 1"]  # fmt: skip
ENDS = ["ENGINE=InnoDB", "ENGINE=MyISAM", "ENGINE=Aria", "ENGINE=MEMORY", "WITH SYSTEM VERSIONING",
        "PARTITION BY HASH (id) PARTITIONS 3"]  # fmt: skip


@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"])
def test_g38_rows_are_counted_as_the_server_counts_them(
    mariadb: MariaDB, database: str, restorer: Login, mode: str
) -> None:
    """Tables by chance, dumped by the real program under either default of the server."""
    chance = random.Random(38)
    before = mariadb.execute("SELECT @@GLOBAL.sql_mode")[0][0]
    mariadb.execute("SET GLOBAL sql_mode = %s", mode)
    expected: dict[str, int | None] = {}
    with contextlib.closing(mariadb.connect(database)) as connection, connection.cursor() as cursor:
        for number, name in enumerate(NAMES):
            columns = [column.format(quoted(f"{chance.choice(NAMES)}{at}")) for at, column in enumerate(COLUMNS)]
            end = ENDS[number % len(ENDS)]
            if "MEMORY" in end:
                columns = [column for column in columns if "text" not in column and "blob" not in column]
            chance.shuffle(columns)
            cursor.execute(f"CREATE TABLE {quoted(name)} (id int, {', '.join(columns)}) {end}")
            plain = [
                column.rsplit("`", 1)[0] + "`" for column in columns if "VIRTUAL" not in column and "int" not in column
            ]
            total = chance.randint(0, 40)
            for row in range(total):
                signs = ", ".join(["%s"] * (len(plain) + 1))
                texts = ["".join(chance.choices(HOSTILE, k=3)) for _column in plain]
                named = ", ".join(plain).replace("%", "%%")
                table = quoted(name).replace("%", "%%")
                cursor.execute(f"INSERT INTO {table} (id, {named}) VALUES ({signs})", (row, *texts))
            expected[name] = total
    try:
        facts, kept = dumped(mariadb, database)
        assert facts.rows == expected
        assert restored(restorer, database, kept).rows == expected
    finally:
        mariadb.execute("SET GLOBAL sql_mode = %s", before)


def test_g38_a_table_over_others_has_no_rows_of_its_own(mariadb: MariaDB, database: str, restorer: Login) -> None:
    run(mariadb, database, "CREATE TABLE one (id int) ENGINE=MyISAM", "CREATE TABLE two LIKE one",
        "INSERT INTO one VALUES (1), (2)", "CREATE TABLE both_of (id int) ENGINE=MERGE UNION=(one, two)",
        "CREATE SEQUENCE numbers", "CREATE TABLE sheet (id int NOT NULL) ENGINE=CSV",
        "INSERT INTO sheet VALUES (1)")  # fmt: skip
    facts, kept = dumped(mariadb, database)
    assert facts.rows == {"one": 2, "two": 0, "both_of": None, "sheet": 1} and facts.rows_reason
    assert ("info", "rows_elsewhere") in [(found.severity, found.code) for found in facts.findings]
    assert restored(restorer, database, kept).rows == {"one": 2, "two": 0, "sheet": 1}
    assert mariadb.execute("SELECT COUNT(*) FROM both_of", database=TARGET) == [(2,)]


def test_fd15_a_dump_that_lacks_a_trigger_which_the_catalogue_shows_is_found_out(
    mariadb: MariaDB, database: str
) -> None:
    run(mariadb, database, "CREATE TABLE t (id int)", "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = 1")

    class Without(dumping.Kept):
        """Leaves triggers out, as a program would that was told so."""

        def run(self, host, command, observe, limits):  # type: ignore[no-untyped-def]
            argv = tuple("--skip-triggers" if word == "--triggers" else word for word in command.argv)
            return super().run(host, command._replace(argv=argv), observe, limits)

    with pytest.raises(errors.DatabaseFault, match="lacks 1 of 1 triggers") as caught:
        mysql.dump(sites.HOST, sites.login(mariadb, None), whole(database), dumping.backup(), Without())
    assert caught.value.code == "dump_incomplete"
