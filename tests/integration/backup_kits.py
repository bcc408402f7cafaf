"""Real servers with a database to back up, an account for backups and one for restores, as the documents name them."""

from __future__ import annotations

import secrets
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from tests import rights
from tests.integration.servers import Server

ROWS = 500


@dataclass
class Kit(ABC):
    """One server with a database of ours, its account for backups and its account for restores."""

    server: Server
    root: Path
    engine: str = ""
    suffix: str = ""
    database: str | None = None
    backup: tuple[str, str] = ("", "")
    restore: tuple[str, str] = ("", "")
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = self.server.create_database(self.database)
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
        """Return a query that gives the rows from one number to another."""

    @abstractmethod
    def grant(self) -> None:
        """Give the accounts the rights that the documents name."""

    def give(self, need: str, user: str) -> None:
        """Give an account the rights that a job needs, and no others."""
        for statement in rights.needed(self.engine, need, str(self.database), user, "dora_metrics"):
            self.server.execute(statement)

    @abstractmethod
    def login(self, account: tuple[str, str], name: str) -> dict[str, object]:
        """Return the section that connects with an account, whose password lies in a private file."""

    @abstractmethod
    def plainly(self, dump: bytes, database: str) -> None:
        """Restore a dump with the engine's own client alone."""

    def grow(self, last: int) -> None:
        """Add rows up to a number, so that a dump takes its time."""
        self.server.execute(f"INSERT INTO dora_metrics {self.series(ROWS + 1, last)}", database=self.database)

    def rows(self, database: str, table: str = "dora_metrics") -> int:
        return int(self.server.execute(f"SELECT count(*) FROM {table}", database=database)[0][0])

    def sections(self) -> dict[str, object]:
        section = {self.engine: self.login(self.restore, "restore")}
        return {self.engine: self.login(self.backup, "backup"), "restore": section}

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
        self.give("backup_database", backup)
        self.give("restore", restore)

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
        self.give("backup_database", backup)
        self.give("restore", restore)

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
