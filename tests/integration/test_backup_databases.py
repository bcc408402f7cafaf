"""Backup and restore of real database servers by the command itself, with the accounts that the documents name."""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.table import DUMPS
from tests.integration import canaries
from tests.integration.backup_rig import Rig, verifies
from tests.integration.servers import MariaDB, Server

ROWS = 500
SERVERS = {"mysql": "mariadb", "postgresql": "postgresql"}


@dataclass
class Kit(ABC):
    """One server with a database of ours, its account for backups and its account for restores."""

    server: Server
    root: Path
    engine: str = ""
    suffix: str = ""
    database: str = ""
    backup: tuple[str, str] = ("", "")
    restore: tuple[str, str] = ("", "")
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = self.server.create_database()
        self.made.append(self.database)
        for statement in (
            "CREATE TABLE dora_metrics (id int PRIMARY KEY, value text)",
            f"INSERT INTO dora_metrics {self.series(1, ROWS)}",
            "CREATE TABLE other (id int)",
            "INSERT INTO other VALUES (1)",
        ):
            self.server.execute(statement, database=self.database)
        self.backup = self.server.create_account(password="p#'\" \\" + secrets.token_hex(8))
        self.restore = self.server.create_account()
        self.grant()

    @staticmethod
    @abstractmethod
    def series(first: int, last: int) -> str:
        """A query that gives the rows from one number to another."""

    @abstractmethod
    def grant(self) -> None:
        """Gives the accounts the rights that the documents name."""

    @abstractmethod
    def login(self, account: tuple[str, str], name: str) -> dict[str, object]:
        """The section that connects with an account, whose password lies in a private file."""

    @abstractmethod
    def plainly(self, dump: bytes, database: str) -> None:
        """Restores a dump with the engine's own client alone."""

    def grow(self, last: int) -> None:
        """Adds rows up to a number, so that a dump takes its time."""
        self.server.execute(f"INSERT INTO dora_metrics {self.series(ROWS + 1, last)}", database=self.database)

    def rows(self, database: str, table: str = "dora_metrics") -> int:
        return int(self.server.execute(f"SELECT count(*) FROM {table}", database=database)[0][0])

    def sections(self) -> dict[str, object]:
        own = {self.engine: self.login(self.restore, "restore")}
        return {self.engine: self.login(self.backup, "backup"), "restore": own}

    def component(self) -> str:
        return f"{self.engine}.{self.database}"

    def clear(self) -> None:
        for name in self.made:
            self.server.drop_database(name)

    def _private(self, name: str, content: str) -> str:
        path = self.root / f"{self.engine}-{name}"
        path.write_text(content)
        path.chmod(0o600)
        return str(path)


class MariaDBKit(Kit):
    @staticmethod
    def series(first: int, last: int) -> str:
        return f"SELECT seq, repeat('x', 100) FROM seq_{first}_to_{last}"

    def grant(self) -> None:
        self.engine, self.suffix = "mysql", "sql"
        (backup, _password), (restore, _other) = self.backup, self.restore
        self.server.execute(f"GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {self.database}.* TO {backup}@'%'")
        self.server.execute(f"GRANT SELECT ON mysql.proc TO {backup}@'%'")
        self.server.execute(rf"GRANT ALL ON `iact\_restore\_%`.* TO {restore}@'%'")

    def login(self, account: tuple[str, str], name: str) -> dict[str, object]:
        password = account[1].replace("\\", "\\\\").replace('"', '\\"')
        path = self._private(f"{name}.cnf", f'[client]\nuser={account[0]}\npassword="{password}"\n')
        return {"login_host": "127.0.0.1", "login_port": self.server.port, "config_file": path}

    def plainly(self, dump: bytes, database: str) -> None:
        user, password = self.server.admin_user, self.server.admin_password
        options = self._private("admin.cnf", f"[client]\nuser={user}\npassword={password}\n")
        argv = ["mariadb", f"--defaults-file={options}", f"--socket={self.server.socket}", database]
        subprocess.run(argv, input=dump, check=True, capture_output=True)


class PostgreSQLKit(Kit):
    @staticmethod
    def series(first: int, last: int) -> str:
        return f"SELECT i, repeat('x', 100) FROM generate_series({first}, {last}) AS i"

    def grant(self) -> None:
        self.engine, self.suffix = "postgresql", "pgdump"
        (backup, _password), (restore, _other) = self.backup, self.restore
        self.server.execute(f"GRANT CONNECT ON DATABASE {self.database} TO {backup}")
        self.server.execute(f"GRANT pg_read_all_data TO {backup}")
        self.server.execute(f"ALTER ROLE {restore} CREATEDB")

    def login(self, account: tuple[str, str], name: str) -> dict[str, object]:
        password = account[1].replace("\\", "\\\\").replace(":", "\\:")
        path = self._private(f"{name}.pgpass", f"*:*:*:{account[0]}:{password}\n")
        place: dict[str, object] = {"login_host": "127.0.0.1", "login_port": self.server.port, "passfile": path}
        return {**place, "login_user": account[0], "login_db": self.database if name == "backup" else "postgres"}

    def plainly(self, dump: bytes, database: str) -> None:
        passfile = self._private("admin.pgpass", f"*:*:*:*:{self.server.admin_password}\n")
        place = ["-h", "127.0.0.1", "-p", str(self.server.port), "-U", self.server.admin_user]
        argv = ["pg_restore", *place, "--no-owner", "--no-privileges", "--exit-on-error", "-d", database]
        environment = {"PATH": "/usr/bin:/bin", "PGPASSFILE": passfile}
        subprocess.run(argv, input=dump, check=True, capture_output=True, env=environment)


@pytest.fixture(params=[SERVERS[engine] for engine in DUMPS])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    server: Any = request.getfixturevalue(request.param)
    kit = MariaDBKit(server, tmp_path) if isinstance(server, MariaDB) else PostgreSQLKit(server, tmp_path)
    yield kit
    server.ensure_running()
    kit.clear()


@pytest.fixture
def rig(tmp_path: Path, kit: Kit) -> Rig:
    rig = Rig(tmp_path)
    rig.configure(kit.sections(), tables=["dora_metrics"])
    return rig


def test_b1_b7_a_table_is_backed_up_and_restored_beside_the_original(rig: Rig, kit: Kit) -> None:
    status, made = rig.run()
    assert (status, made["status"]) == (0, "ok"), made
    saved = {row["name"]: row for row in made["components"]}[kit.component()]  # type: ignore[attr-defined]
    assert saved["rows"] == ROWS
    status, restored = rig.run((), "restore", "--components", kit.component())
    assert status == 0, restored
    (row,) = restored["components"]  # type: ignore[misc]
    kit.made.append(row["target"])
    assert row["target"].startswith("iact_restore_") and row["tables_equal"] == "1 of 1"
    assert kit.rows(row["target"]) == kit.rows(kit.database) == ROWS


def test_a_whole_database_covers_the_table_in_it(rig: Rig, kit: Kit) -> None:
    rig.configure(kit.sections(), tables=["dora_metrics"], **{f"{kit.engine}_databases": [kit.database]})
    status, made = rig.run()
    assert status == 0, made
    status, restored = rig.run((), "restore", "--components", kit.component())
    (row,) = restored["components"]  # type: ignore[misc]
    kit.made.append(row["target"])
    assert row["tables_equal"] == "2 of 2"
    assert kit.rows(row["target"], "other") == 1


def test_the_plain_recipe_needs_no_tool_of_ours(rig: Rig, kit: Kit) -> None:
    assert rig.run()[0] == 0
    (archive,) = rig.archives()
    member = f"{kit.component()}.{kit.suffix}.zst"
    packed = subprocess.run(["tar", "xOf", archive, member], check=True, capture_output=True).stdout
    dump = subprocess.run(["zstd", "-dc"], input=packed, check=True, capture_output=True).stdout
    target = kit.server.create_database()
    kit.made.append(target)
    kit.plainly(dump, target)
    assert kit.rows(target) == ROWS


def test_b9_no_password_leaves_its_file(rig: Rig, kit: Kit) -> None:
    password = kit.backup[1]
    with canaries.watching(password) as found:
        status, made = rig.run()
        assert status == 0
        assert rig.run((), "restore", "--components", kit.component())[0] == 0
    assert found.looks > 5 and found.places == []
    shown = json.dumps(made)
    for path in rig.root.rglob("*"):
        if path.is_file() and not path.name.startswith(f"{kit.engine}-"):
            assert password.encode() not in path.read_bytes(), path
    assert password not in shown and json.dumps(password)[1:-1] not in shown
    kit.made += [name for (name,) in _scratch(kit)]


def _scratch(kit: Kit) -> list[tuple[str]]:
    catalogue = "SHOW DATABASES" if kit.engine == "mysql" else "SELECT datname FROM pg_database"
    return [(name,) for (name,) in kit.server.execute(catalogue) if str(name).startswith("iact_restore_")]


def test_x12_a_server_that_is_down_fails_the_run_and_keeps_the_rest(rig: Rig, kit: Kit) -> None:
    kit.server.stop()
    status, made = rig.run()
    assert (status, made["outcome"]) == (1, "failed with error db_unreachable"), made
    assert made["partial"] is True
    assert [path.name.endswith(".partial.tar") for path in rig.archives()] == [True]
    kit.server.start()
    assert rig.run()[0] == 0


def test_x12_a_wrong_password_is_no_success(rig: Rig, kit: Kit) -> None:
    kit.backup = (kit.backup[0], "wrong")
    rig.configure(kit.sections(), tables=["dora_metrics"])
    status, made = rig.run()
    assert (status, made["outcome"]) == (1, "failed with error auth"), made


def test_a_table_that_no_server_has_is_named(rig: Rig, kit: Kit) -> None:
    rig.configure(kit.sections(), tables=["dora_metrics", "x; DROP TABLE other"])
    status, made = rig.run()
    assert (status, made["outcome"]) == (1, "failed with error no_table"), made
    assert kit.rows(kit.database, "other") == 1


def test_fd07_a_server_killed_while_it_is_dumped_makes_no_backup(rig: Rig, kit: Kit) -> None:
    kit.grow(600_000)
    process = rig.start()
    part = _appeared(rig)
    until = time.monotonic() + 10
    while part.stat().st_size < 20_000 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.005)
    kit.server.kill()
    output, _errors = process.communicate(timeout=60)
    kit.server.start()
    if process.returncode == 0:
        pytest.skip("the dump had ended before the server was killed")
    assert process.returncode == 1, output
    assert all(path.name.endswith(".partial.tar") for path in rig.archives())
    assert kit.component() in json.loads(output)["summary"]


def _appeared(rig: Rig) -> Path:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = [path for path in rig.backups.iterdir() if path.name.endswith(".tar.part")]
        if found:
            return found[0]
        time.sleep(0.005)
    raise AssertionError("no archive was begun")


def killed_at_random(rig: Rig, kit: Kit, times: int) -> None:
    kit.grow(50_000)
    for number in range(times):
        process = rig.start()
        timer = threading.Timer(0.15 + 1.0 * number / times, process.kill)
        timer.start()
        process.communicate(timeout=60)
        timer.cancel()
        assert all(verifies(path) for path in rig.archives())
    assert rig.run()[0] == 0
    assert rig.leftovers() == []


def test_fh15_random_kills_leave_only_archives_that_verify(rig: Rig, kit: Kit) -> None:
    killed_at_random(rig, kit, 8)


@pytest.mark.long
def test_fh15_two_hundred_kills_leave_only_archives_that_verify(rig: Rig, kit: Kit) -> None:
    killed_at_random(rig, kit, 200)


def test_b1_a_table_in_two_databases_is_saved_from_both(rig: Rig, kit: Kit) -> None:
    with sqlite3.connect(rig.database) as connection:
        connection.execute("INSERT INTO dora_metrics VALUES (1000, 'x')")
    connection.close()
    rig.configure({**kit.sections(), "sqlite": {"path": str(rig.database)}}, tables=["dora_metrics"], sqlite_files=[])
    status, made = rig.run()
    assert status == 0, made
    rows = {row["name"]: row.get("rows") for row in made["components"]}  # type: ignore[attr-defined]
    assert (rows[kit.component()], rows["sqlite.site"]) == (ROWS, 101)
