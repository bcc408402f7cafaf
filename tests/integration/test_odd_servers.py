"""Every job against servers with the oddest defaults: what it says was done is there afterwards (G80, G8A)."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import mysql, postgresql
from tests import rights
from tests.faults import LOOPBACK, free_port
from tests.integration import sites
from tests.integration.backup_kits import ROWS, Kit, MariaDBKit, PostgreSQLKit
from tests.integration.backup_rig import Rig
from tests.integration.servers import Daemon, MariaDB, PostgreSQL, Server, _folder_of
from tests.integration.test_cleanup_servers import Site, codes
from tests.integration.test_hostile_keys import KEYS

OLD, LIVE = -timedelta(days=1), timedelta(hours=1)
SAID = [
    "SET autocommit = 0",
    "SET sql_select_limit = 1, sql_safe_updates = 1, sql_auto_is_null = 1",
    "SET max_join_size = 1, completion_type = 1, sql_quote_show_create = 0",
    "SET max_statement_time = 0.000001, wait_timeout = 1, lock_wait_timeout = 0",
    "SET autocommit = 0, SESSION tx_isolation = 'READ-UNCOMMITTED', sql_mode = 'NO_BACKSLASH_ESCAPES'",
]


class Account(Site):
    """A site that is cleaned by an account with the rights of the handbook and no others."""

    user, password = "", ""

    def clean_as(self, *, dry_run: bool = False) -> tuple[int, list[str], object]:
        """Return exit status, codes and deleted rows of a run."""
        named: dict[str, object] = {"login_user": self.user, "login_password": self.password}
        report = self.clean(dry_run=dry_run, connection=named)
        return report.exit_status, codes(report), report.facts.get("deleted", report.facts.get("eligible"))


def make_site(server: Server, tmp_path: Path) -> Account:
    name = server.create_database()
    sites.create_sessions(server, name)
    site = Account(server, name, tmp_path)
    user, password = server.create_account()
    engine = "mysql" if isinstance(server, MariaDB) else "postgresql"
    for statement in rights.needed(engine, "session_cleanup", name, user):
        server.execute(statement, database=name)
    Account.user, Account.password = user, password
    site.fill("old", 250, OLD)
    site.fill("live", 5, LIVE)
    return site


def survivors(site: Site) -> set[str]:
    return {key.rstrip("0123456789") for key in site.session_keys()}


@pytest.fixture
def odd_site(odd_mariadb: MariaDB, tmp_path: Path) -> Iterator[Account]:
    site = make_site(odd_mariadb, tmp_path)
    yield site
    odd_mariadb.execute("SET GLOBAL init_connect = '', GLOBAL tx_read_only = 0, GLOBAL read_only = 0")
    odd_mariadb.drop_database(site.database)


@pytest.mark.parametrize("said", SAID)
def test_g80_what_is_deleted_is_committed_whatever_the_server_s_defaults_say(odd_site: Account, said: str) -> None:
    odd_site.server.execute("SET GLOBAL init_connect = %s", said)
    assert odd_site.clean_as(dry_run=True) == (0, [], 250)
    assert len(odd_site.session_keys()) == 255
    assert odd_site.clean_as() == (0, [], 250)
    assert survivors(odd_site) == {"live"}
    login = sites.account(odd_site.server, odd_site.user, odd_site.password, odd_site.database)
    assert "MariaDB" in mysql.ping(login, sites.HOST)


@pytest.mark.parametrize(
    ("guard", "word"),
    [
        ("GLOBAL tx_read_only = 1", "transaction_read_only"),
        ("GLOBAL init_connect = 'SET SESSION TRANSACTION READ ONLY'", "init_connect"),
        ("GLOBAL read_only = 1", "primary"),
    ],
)
def test_fd34_on_mariadb_the_plan_says_read_only_and_no_guard_is_undone(
    odd_site: Account, guard: str, word: str
) -> None:
    odd_site.server.execute(f"SET {guard}")
    named: dict[str, object] = {"login_user": odd_site.user, "login_password": odd_site.password}
    for dry_run in (True, False):
        report = odd_site.clean(dry_run=dry_run, connection=named)
        assert (report.exit_status, codes(report)) == (1, ["read_only"])
        assert word in report.findings[0].hint
    assert len(odd_site.session_keys()) == 255


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def round_trip(rig: Rig, kit: Kit) -> None:
    """Make a backup, and restore it beside the original with the same rows."""
    character_set = " CHARSET utf8mb4" if kit.engine == "mysql" else ""
    kit.server.execute(f"CREATE TABLE hostile (k varchar(40)){character_set}", database=kit.database)
    places = ", ".join(["(%s)"] * len(KEYS))
    kit.server.execute(f"INSERT INTO hostile VALUES {places}", *KEYS, database=kit.database)
    rig.configure(kit.sections(), **{f"{kit.engine}_databases": [kit.database]})
    status, made = rig.run()
    assert status == 0, made
    status, restored = rig.run((), "restore", "--components", kit.component())
    assert status == 0, restored["findings"]
    (row,) = restored["components"]  # type: ignore[misc]
    kit.made.append(row["target"])
    assert kit.rows(row["target"]) == ROWS and row["tables_equal"] == "3 of 3"
    restored_keys = kit.server.execute("SELECT k FROM hostile", database=row["target"])
    assert sorted(key for (key,) in restored_keys) == sorted(KEYS)


@pytest.mark.parametrize("said", ["SET autocommit = 0, completion_type = 2", "SET max_statement_time = 0.001"])
def test_a_backup_and_its_restore_are_whole_on_an_odd_mariadb(
    odd_mariadb: MariaDB, tmp_path: Path, rig: Rig, said: str
) -> None:
    kit = MariaDBKit(odd_mariadb, tmp_path)
    try:
        # A row of the dump must fit into a statement.
        odd_mariadb.execute("SET GLOBAL init_connect = %s, GLOBAL max_allowed_packet = 4194304", said)
        round_trip(rig, kit)
    finally:
        odd_mariadb.execute("SET GLOBAL init_connect = '', GLOBAL max_allowed_packet = 8192")
        kit.clear()


def test_a_dump_that_the_server_would_shorten_is_refused_and_no_archive_is_made(
    odd_mariadb: MariaDB, tmp_path: Path, rig: Rig
) -> None:
    kit = MariaDBKit(odd_mariadb, tmp_path)
    try:
        odd_mariadb.execute("SET GLOBAL init_connect = 'SET sql_select_limit = 1'")
        rig.configure(kit.sections(), tables=["dora_metrics"])
        status, made = rig.run()
        assert status == 1 and "session_settings" in str(made["findings"]), made
        assert [path for path in rig.archives() if not path.name.endswith(".partial.tar")] == []
    finally:
        odd_mariadb.execute("SET GLOBAL init_connect = ''")
        kit.clear()


@pytest.fixture
def pg_site(postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Account]:
    site = make_site(postgresql, tmp_path)
    yield site
    postgresql.drop_database(site.database)


SETTINGS = [
    {"default_transaction_isolation": "serializable", "default_transaction_deferrable": "on"},
    {"statement_timeout": "1", "lock_timeout": "1", "idle_in_transaction_session_timeout": "1"},
    {"bytea_output": "escape", "DateStyle": "SQL, DMY", "IntervalStyle": "iso_8601", "TimeZone": "Asia/Tokyo"},
    {"extra_float_digits": "-15", "quote_all_identifiers": "on", "synchronous_commit": "off", "row_security": "on"},
    {"client_min_messages": "debug5", "session_replication_role": "replica", "transform_null_equals": "on"},
    {"standard_conforming_strings": "off", "backslash_quote": "on", "client_encoding": "LATIN1"},
    {"idle_session_timeout": "20"},
]


def set_all(server: Server, accounts: list[str], settings: dict[str, str]) -> None:
    for account in accounts:
        for name, value in settings.items():
            server.execute(f"ALTER ROLE {account} SET {name} = '{value}'")


@pytest.mark.parametrize("settings", SETTINGS)
def test_on_postgresql_what_is_deleted_is_committed_whatever_the_role_s_defaults_say(
    pg_site: Account, settings: dict[str, str]
) -> None:
    set_all(pg_site.server, [pg_site.user], settings)
    assert pg_site.clean_as(dry_run=True) == (0, [], 250)
    assert pg_site.clean_as() == (0, [], 250)
    assert survivors(pg_site) == {"live"}
    login = sites.account(pg_site.server, pg_site.user, pg_site.password, pg_site.database)
    assert postgresql.ping(login, sites.HOST)


@pytest.mark.parametrize("settings", [{}, *SETTINGS, {"search_path": ""}])
def test_a_backup_and_its_restore_are_whole_whatever_the_roles_defaults_say(
    postgresql: PostgreSQL, tmp_path: Path, rig: Rig, settings: dict[str, str]
) -> None:
    kit = PostgreSQLKit(postgresql, tmp_path)
    try:
        set_all(postgresql, [kit.backup[0], kit.restore[0]], settings)
        round_trip(rig, kit)
    finally:
        kit.clear()


def test_objects_that_others_made_on_a_hostile_search_path_are_never_run(pg_site: Account) -> None:
    for statement in (
        "CREATE SCHEMA evil",
        "CREATE FUNCTION evil.yes(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR evil.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = evil.yes)",
        "CREATE FUNCTION evil.also(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.also)",
        f"GRANT USAGE ON SCHEMA evil TO {pg_site.user}",
    ):
        pg_site.server.execute(statement, database=pg_site.database)
    pg_site.server.execute(f"ALTER ROLE {pg_site.user} SET search_path = evil, pg_catalog, public")
    assert pg_site.clean_as() == (0, [], 250)
    assert survivors(pg_site) == {"live"}


@pytest.mark.parametrize("subject", ["ROLE {user}", "DATABASE {database}"])
def test_g8a_a_guard_of_the_administrator_s_is_told_by_the_plan_and_never_undone(
    pg_site: Account, subject: str
) -> None:
    place = subject.format(user=pg_site.user, database=pg_site.database)
    pg_site.server.execute(f"ALTER {place} SET default_transaction_read_only = on")
    named: dict[str, object] = {"login_user": pg_site.user, "login_password": pg_site.password}
    for dry_run in (True, False):
        report = pg_site.clean(dry_run=dry_run, connection=named)
        assert (report.exit_status, codes(report)) == (1, ["read_only"])
        assert "default_transaction_read_only" in report.findings[0].hint
    assert len(pg_site.session_keys()) == 255


@pytest.mark.parametrize("policy", [None, "FOR SELECT USING (true)", "USING (session_key LIKE 'old1%%')"])
def test_g8b_rows_that_row_security_may_hide_are_the_server_s_own_error(pg_site: Account, policy: str | None) -> None:
    pg_site.server.execute("ALTER TABLE django_session ENABLE ROW LEVEL SECURITY", database=pg_site.database)
    if policy:
        statement = f"CREATE POLICY p ON django_session {policy}".replace("%%", "%")
        pg_site.server.execute(statement, database=pg_site.database)
    for dry_run in (True, False):
        assert pg_site.clean_as(dry_run=dry_run)[:2] == (1, ["row_security"])
    assert len(pg_site.session_keys()) == 255
    pg_site.server.execute(f"ALTER ROLE {pg_site.user} BYPASSRLS")
    assert pg_site.clean_as() == (0, [], 250)


def test_g8a_a_standby_is_told_by_the_plan(pg_site: Account) -> None:
    server = pg_site.server
    assert isinstance(server, PostgreSQL)
    directory, port = _folder_of("postgres"), free_port()
    moved = {str(server.port): str(port), str(server.socket): str(directory)}
    command = [moved.get(word, word).replace(f"{server.socket}/", f"{directory}/") for word in server.daemon.command]
    daemon = Daemon(command, directory)
    try:
        _copy(server, directory)
        standby = PostgreSQL(daemon, port, directory, LOOPBACK, server.admin_user, server.admin_password)
        standby.start()
        found = Account(standby, pg_site.database, pg_site.state)
        for dry_run in (True, False):
            report = found.clean(dry_run=dry_run)
            assert (report.exit_status, codes(report)) == (1, ["read_only"])
            assert "primary" in report.findings[0].hint
    finally:
        daemon.end(signal.SIGINT)
        shutil.rmtree(directory)


def _copy(server: PostgreSQL, directory: Path) -> None:
    passfile = directory / "pgpass"
    passfile.write_text(f"*:*:*:*:{server.admin_password}\n", encoding="ascii")
    passfile.chmod(0o600)
    shutil.chown(passfile, directory.stat().st_uid, directory.stat().st_gid)
    folder = Path(next(word for word in server.daemon.command if word.endswith("/postgres"))).parent
    account = [word for word in server.daemon.command if word == "setpriv" or word.startswith("--")]
    argv = [*account, str(folder / "pg_basebackup"), "-h", LOOPBACK, "-p", str(server.port), "-U", server.admin_user,
            "-D", f"{directory}/data", "-R", "-c", "fast", "-X", "stream", "-N"]  # fmt: skip
    environment = {"PATH": "/usr/bin:/bin", "PGPASSFILE": str(passfile)}
    subprocess.run(argv, check=True, env=environment, capture_output=True, timeout=120, cwd="/")
