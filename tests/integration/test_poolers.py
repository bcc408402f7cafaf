"""Jobs behind a real pgbouncer: cleanup and health work, dumps are refused, and the site's client sees nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import postgresql as dumps
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import postgresql
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.facts import Convention
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.faults import LOOPBACK, free_port
from tests.integration import dumping, sites
from tests.integration.servers import Daemon, PostgreSQL, _folder_of

HOUR = timedelta(hours=1)
TABLE = "django_session"
# What a client of the site would notice, or trip over.
WATCHED = (
    "search_path",
    "standard_conforming_strings",
    "default_transaction_read_only",
    "default_transaction_isolation",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "row_security",
    "client_encoding",
    "DateStyle",
    "TimeZone",
    "quote_all_identifiers",
)


class Busy:
    """A client of the site that works all the time, and notes each error and each setting that it did not make."""

    def __init__(self, login: dict[str, object]) -> None:
        self.login, self.rounds, self.seen = login, 0, set[object]()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        shown = ", ".join(f"current_setting('{name}')" for name in WATCHED)
        with contextlib.closing(psycopg2.connect(**self.login)) as connection:
            while not self._end.is_set():
                try:
                    with connection, connection.cursor() as cursor:
                        cursor.execute(f"SELECT count(*) FROM {TABLE}")
                        cursor.execute(f"SELECT {shown}")
                        self.seen.add(cursor.fetchone())
                        cursor.execute("UPDATE busy SET n = n + 1")
                except psycopg2.Error as error:
                    self.seen.add(str(error))
                    connection.rollback()
                self.rounds += 1

    def __enter__(self) -> Busy:
        self._thread.start()
        self.wait()
        return self

    def wait(self) -> None:
        """Wait until it has worked on for a while."""
        until = self.rounds + 20
        while self.rounds < until and self._thread.is_alive():
            time.sleep(0.005)

    def __exit__(self, *_exit: object) -> None:
        self.wait()
        self._end.set()
        self._thread.join(30)


@pytest.fixture(params=["transaction", "session", "options ignored", "strings off"])
def pooled(request: pytest.FixtureRequest, postgresql: PostgreSQL) -> Iterator[Login]:
    """Return a way through a pooler to a database with sessions, whose server connections are few and shared."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("pgbouncer is not installed")
    database = postgresql.create_database()
    sites.create_sessions(postgresql, database)
    sites.add_sessions(postgresql, database, {"a\\b": -HOUR, "old'": -HOUR, "live": HOUR})
    postgresql.execute("CREATE TABLE busy AS SELECT 0 AS n", database=database)
    postgresql.execute(f"ALTER DATABASE {database} SET log_statement = 'all'")
    # Before the pooler starts, because it keeps what the first server session says.
    strings = "off" if request.param == "strings off" else "on"
    postgresql.execute(f"ALTER DATABASE {database} SET standard_conforming_strings = {strings}")
    daemon, port = _bouncer(program, postgresql, request.param)
    try:
        login = sites.login(postgresql, database, login_port=port)
        _wait_for(login)
        yield login
    finally:
        daemon.end(signal.SIGTERM)
        shutil.rmtree(daemon.directory)
        postgresql.execute(f"ALTER DATABASE {database} RESET ALL")
        postgresql.drop_database(database)


def _bouncer(program: str, server: PostgreSQL, mode: str) -> tuple[Daemon, int]:
    directory, port = _folder_of("postgres"), free_port()
    lines = [
        "[databases]",
        f"* = host={LOOPBACK} port={server.port}",
        "[pgbouncer]",
        f"listen_addr = {LOOPBACK}",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = plain",
        f"auth_file = {directory}/users",
        f"pool_mode = {'session' if mode == 'session' else 'transaction'}",
        # One server session, so that whatever is left in it meets the next client. In session mode each has its own.
        f"default_pool_size = {4 if mode == 'session' else 1}",
        *(["ignore_startup_parameters = options"] if mode == "options ignored" else []),
    ]
    (directory / "bouncer.ini").write_text("\n".join(lines) + "\n", encoding="ascii")
    (directory / "users").write_text(f'"{server.admin_user}" "{server.admin_password}"\n', encoding="ascii")
    for path in (*directory.iterdir(), directory):
        shutil.chown(path, directory.stat().st_uid, directory.stat().st_gid)
    account = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    daemon = Daemon([*account, program, f"{directory}/bouncer.ini"], directory)
    daemon.start()
    return daemon, port


def driver_login(login: Login) -> dict[str, object]:
    password = login.login_password.reveal() if login.login_password else ""
    return {"host": LOOPBACK, "port": login.login_port, "user": login.login_user, "password": password,
            "dbname": login.login_db, "connect_timeout": 5}  # fmt: skip


def _wait_for(login: Login) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            return psycopg2.connect(**driver_login(login)).close()
        except psycopg2.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_fd47_cleanup_and_health_work_through_a_pooler_and_a_busy_client_notices_nothing(
    postgresql: PostgreSQL, pooled: Login
) -> None:
    database = str(pooled.login_db)
    with Busy(driver_login(pooled)) as busy:
        assert postgresql_version(pooled)
        with contextlib.closing(postgresql_open(pooled, writable=False)) as opened:
            opened.check_writable()
            assert (opened.describe(TABLE).indexed, opened.count_rows(TABLE)) == (True, 3)
        busy.wait()
        with contextlib.closing(postgresql_open(pooled, writable=True)) as opened:
            keys = opened.expired_keys(TABLE, sites.NOW, 10)
            assert opened.delete_expired(TABLE, keys, sites.NOW) == 2
            assert opened.count_expired(TABLE, keys, sites.NOW) == 0
    assert sites.keys(postgresql, database) == ["live"]
    assert len(busy.seen) == 1 and busy.rounds > 40, busy.seen


def postgresql_version(login: Login) -> str:
    return postgresql.ping(login, sites.HOST)


def postgresql_open(login: Login, *, writable: bool) -> postgresql.PostgreSQLSessions:
    opened = postgresql.open_sessions(login, sites.HOST, Convention(), writable=writable)
    assert isinstance(opened, postgresql.PostgreSQLSessions)
    return opened


def test_g50_a_dump_and_a_restore_are_refused_and_a_busy_client_notices_nothing(pooled: Login, tmp_path: Path) -> None:
    database = str(pooled.login_db)
    source = dumps.of_database("postgresql", database, (), whole=True)
    tried = [
        lambda: dumps.dump(sites.HOST, pooled, source, dumping.backup(), dumping.Kept()),
        lambda: dumps.locate(dumping.backup(tables=(TABLE,)), pooled, sites.HOST),
        lambda: dumps.check_restore(sites.HOST, pooled, "iact_restore_x"),
        lambda: dumping.restored(dumps, pooled, source, "iact_restore_x", dumping.Kept()),
    ]
    with Busy(driver_login(pooled)) as busy:
        for action in tried:
            with pytest.raises(errors.DatabaseFault) as caught:
                action()
            assert caught.value.code == "pooler" and "login_port" in caught.value.hint
    assert len(busy.seen) == 1 and busy.rounds > 40, busy.seen


def test_the_project_s_own_options_are_never_left_out_to_please_a_pooler(
    request: pytest.FixtureRequest, pooled: Login
) -> None:
    """Without its search path another table would be cleaned."""
    login = pooled._replace(libpq_options="-c search_path=app,public")
    if "options ignored" in request.node.name:
        assert postgresql_version(login)
        return
    with pytest.raises(errors.DatabaseFault) as caught:
        postgresql_version(login)
    assert caught.value.code == "pooler" and caught.value.hint


def test_only_what_ends_with_the_transaction_is_set_by_the_log_of_the_server(
    postgresql: PostgreSQL, pooled: Login
) -> None:
    position = postgresql.daemon.log.stat().st_size
    with contextlib.closing(postgresql_open(pooled, writable=False)) as opened:
        opened.check_writable()
        opened.count_rows(TABLE)
    with contextlib.closing(postgresql_open(pooled, writable=True)) as opened:
        opened.delete_expired(TABLE, opened.expired_keys(TABLE, sites.NOW, 10), sites.NOW)
    said = postgresql.daemon.log.read_bytes()[position:].decode("utf-8", "replace").splitlines()
    statements = [line.partition("statement: ")[2] for line in said if "statement: " in line]
    assert any(statement.startswith("SET LOCAL ") for statement in statements)
    # The pooler's own, which it takes back: what a client may choose at its start.
    own = (
        "SET client_encoding",
        "SET DateStyle",
        "SET application_name",
        "SET TimeZone",
        "SET standard_conf",
        "DISCARD",
    )
    parts = [part.strip() for statement in statements for part in statement.split(";")]
    plain = [part for part in parts if part.upper().startswith("SET ") and not part.startswith("SET LOCAL ")]
    assert [part for part in plain if not part.startswith(own)] == []
    assert not any("READ WRITE" in part for part in parts)
