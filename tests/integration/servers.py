"""Real database servers for tests: each in a folder of its own, on a free port of 127.0.0.1, ended at the end.

As root the servers run as `mysql` and `postgres`, whose packages made these accounts; else as whoever runs the tests.
Only processes that were started here are ever signalled.
"""

from __future__ import annotations

import atexit
import contextlib
import glob
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pymysql

from tests.faults import LOOPBACK, free_port

TIMEOUT_SECONDS = 60
ADMIN_USER = "iact_admin"


class ServerMissing(Exception):
    """The programs of a server are not installed on this machine."""


class Daemon:
    """One server process in the foreground, with its folder; it can be started again after every end."""

    def __init__(self, command: list[str], directory: Path) -> None:
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.directory = directory
        self.log = directory / "server.log"
        # For the case that a test run ends before the fixture does.
        atexit.register(self.end, signal.SIGKILL)

    @property
    def pid(self) -> int:
        """Return the process id of the server that was started last."""
        assert self._process, "not started yet"
        return self._process.pid

    def alive(self) -> bool:
        """Return whether the process runs (or is suspended)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process, without waiting for it to be ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.directory,
            )

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the server and to the children that it has (PostgreSQL has one for each connection)."""
        for pid in [self.pid, *_children(self.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self, number: signal.Signals) -> None:
        """End the process by a signal and waits until it is gone."""
        if self._process and self.alive():
            os.kill(self.pid, number)
            self.signal_all(signal.SIGCONT)
            self._process.wait(TIMEOUT_SECONDS)


@dataclass(frozen=True)
class Server(ABC):
    """A database server that tests may fill, stop, freeze and kill; `ensure_running()` mends it afterwards."""

    daemon: Daemon
    port: int
    socket: Path
    """MariaDB: the socket file. PostgreSQL: the folder that holds it, as libpq wants it."""
    host: str = LOOPBACK
    admin_user: str = ADMIN_USER
    admin_password: str = field(default_factory=lambda: secrets.token_hex(12))

    @property
    def pid(self) -> int:
        """Return the server's process id."""
        return self.daemon.pid

    def connect(self, database: str | None = None, user: str | None = None, password: str | None = None) -> Any:
        """Return a driver's connection over TCP, committing by itself; the administrator's unless a user is named."""
        if user is None:
            user, password = self.admin_user, self.admin_password
        return self._connect(database, user, password or "")

    def execute(self, statement: str, *parameters: object, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator and gives its rows; parameters stand as %s in it."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall()) if cursor.description else []

    def create_database(self, name: str | None = None) -> str:
        """Create an empty database and gives its name, which is a new one unless named."""
        name = name or f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {self.quote(name)}")
        return name

    @abstractmethod
    def drop_database(self, name: str) -> None:
        """Drop a database, if it is there, with the connections to it."""

    @abstractmethod
    def create_account(self, user: str | None = None, password: str | None = None) -> tuple[str, str]:
        """Create an account without rights and gives its name and password, new ones unless named."""

    @abstractmethod
    def drop_account(self, user: str) -> None:
        """Drop an account that `create_account` made."""

    def start(self) -> None:
        """Start the server and waits until it answers a query. Raise RuntimeError with its log if it does not."""
        self.daemon.start()
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self._answers():
            if not self.daemon.alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.daemon.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server properly, also a suspended one, and waits until it is gone."""
        # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for the clients.
        self.daemon.end(signal.SIGTERM if isinstance(self, MariaDB) else signal.SIGINT)

    def kill(self) -> None:
        """End the server by SIGKILL and waits until it is gone; start() brings it back."""
        children = _children(self.pid)
        self.daemon.signal_all(signal.SIGKILL)
        self.daemon.end(signal.SIGKILL)
        # PostgreSQL does not start again while a process of the old one still holds its memory.
        while any(_lives(child) for child in children):
            time.sleep(0.01)

    def suspend(self) -> None:
        """Stop it by SIGSTOP: the kernel still accepts connections, and nobody answers."""
        self.daemon.signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a suspended server go on."""
        self.daemon.signal_all(signal.SIGCONT)

    def restart(self) -> None:
        """End the server properly and starts it again on the same port."""
        self.stop()
        self.start()

    def ensure_running(self) -> None:
        """Bring the server back to where tests expect it, whatever the last one did to it."""
        if not self.daemon.alive():
            self.start()
        self.resume()

    def remove(self) -> None:
        """End the server and deletes its folder."""
        self.stop()
        shutil.rmtree(self.daemon.directory)

    @abstractmethod
    def _connect(self, database: str | None, user: str, password: str) -> Any:
        """Return an open connection of the engine's own driver."""

    @abstractmethod
    def _answers(self) -> bool:
        """Return whether the server takes a connection."""

    @staticmethod
    @abstractmethod
    def quote(name: str) -> str:
        """Return an identifier as the engine wants it in SQL."""


class MariaDB(Server):
    """A MariaDB server."""

    @classmethod
    def launch(cls, *options: str) -> MariaDB:
        """Return a running server with its administrator's account, and with options. Raise ServerMissing."""
        program, install = _program("mariadbd", "/usr/sbin"), _program("mariadb-install-db", "/usr/bin")
        directory, port = _folder_of("mysql"), free_port()
        data, user = directory / "data", ["--user=mysql"] if os.geteuid() == 0 else []
        _run([install, "--no-defaults", *user, "--skip-test-db", f"--datadir={data}",
              "--auth-root-authentication-method=normal"])  # fmt: skip
        command = [program, "--no-defaults", *user, f"--datadir={data}", f"--socket={directory}/server.sock",
                   f"--port={port}", f"--bind-address={LOOPBACK}", f"--pid-file={directory}/server.pid",
                   "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M",
                   # From 11.4 it would offer TLS by itself, and tests say what happens where there is none.
                   "--skip-ssl", *options]  # fmt: skip
        server = cls(Daemon(command, directory), port, directory / "server.sock")
        server.start()
        server._secure()
        return server

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {self.quote(name)}")

    def create_account(self, user: str | None = None, password: str | None = None) -> tuple[str, str]:
        user, password = user or f"u_{secrets.token_hex(6)}", password or secrets.token_hex(12)
        self.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", user, password)
        return user, password

    def drop_account(self, user: str) -> None:
        self.execute("DROP USER %s@'%%'", user)

    @staticmethod
    def quote(name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def _secure(self) -> None:
        with contextlib.closing(
            pymysql.connect(unix_socket=str(self.socket), user="root", ssl_disabled=True)
        ) as connection:
            cursor = connection.cursor()
            # The anonymous account at localhost would be taken before every test's account at '%'.
            cursor.execute("DELETE FROM mysql.global_priv WHERE User = ''")
            cursor.execute("FLUSH PRIVILEGES")
            cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (self.admin_user, self.admin_password))
            cursor.execute("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION", (self.admin_user,))
            cursor.execute("ALTER USER root@localhost IDENTIFIED BY %s", (self.admin_password,))

    def _connect(self, database: str | None, user: str, password: str) -> Any:
        # Without TLS, because PyMySQL would read all of the machine's authorities for each connection.
        return pymysql.connect(host=self.host, port=self.port, user=user, password=password, database=database,
                               charset="utf8mb4", autocommit=True, connect_timeout=10, ssl_disabled=True)  # fmt: skip

    def _answers(self) -> bool:
        try:
            pymysql.connect(
                unix_socket=str(self.socket), user=self.admin_user, connect_timeout=1, ssl_disabled=True
            ).close()
        except pymysql.err.OperationalError as error:
            return error.args[0] == pymysql.constants.ER.ACCESS_DENIED_ERROR
        return True


class PostgreSQL(Server):
    """A PostgreSQL server."""

    @classmethod
    def launch(cls) -> PostgreSQL:
        """Return a running server with its administrator's account. Raise ServerMissing."""
        newest = max(glob.glob("/usr/lib/postgresql/*/bin"), key=_version, default="/usr/bin")
        initdb, program = _program("initdb", newest), _program("postgres", newest)
        directory, port = _folder_of("postgres"), free_port()
        account = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        command = [*account, program, "-D", f"{directory}/data", "-h", LOOPBACK, "-p", str(port), "-k", str(directory),
                   "-c", "fsync=off", "-c", "full_page_writes=off"]  # fmt: skip
        server = cls(Daemon(command, directory), port, directory)
        with _password_file(directory, server.admin_password) as password_file:
            _run([*account, initdb, "-D", f"{directory}/data", "-U", ADMIN_USER, "-A", "scram-sha-256",
                  f"--pwfile={password_file}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])  # fmt: skip
        server.start()
        return server

    def drop_database(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {self.quote(name)} WITH (FORCE)")

    def create_account(self, user: str | None = None, password: str | None = None) -> tuple[str, str]:
        user, password = user or f"u_{secrets.token_hex(6)}", password or secrets.token_hex(12)
        self.execute(f"CREATE ROLE {self.quote(user)} LOGIN PASSWORD %s", password)
        return user, password

    def drop_account(self, user: str) -> None:
        self.execute(f"DROP ROLE {self.quote(user)}")

    @staticmethod
    def quote(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def _connect(self, database: str | None, user: str, password: str) -> Any:
        connection = psycopg2.connect(host=self.host, port=self.port, user=user, password=password,
                                      dbname=database or "postgres", connect_timeout=10)  # fmt: skip
        connection.autocommit = True
        return connection

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg2.OperationalError:
            return False
        return True


def _program(name: str, folder: str) -> str:
    path = shutil.which(name, path=f"{folder}:/usr/sbin:/usr/bin")
    if not path:
        raise ServerMissing(f"{name} is not installed")
    return path


def _version(folder: str) -> float:
    return float(Path(folder).parent.name)


def _folder_of(account: str) -> Path:
    """Return a new folder that the account can use, in memory where there is such a place."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    directory = Path(tempfile.mkdtemp(prefix="iact-", dir=place))
    if os.geteuid() == 0:
        shutil.chown(directory, account, account)
    return directory


@contextlib.contextmanager
def _password_file(directory: Path, password: str) -> Iterator[Path]:
    path = directory / "password"
    path.write_text(password, encoding="ascii")
    path.chmod(0o600)
    shutil.chown(path, directory.stat().st_uid, directory.stat().st_gid)
    yield path
    path.unlink()


def _run(argv: list[str]) -> None:
    done = subprocess.run(
        argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", timeout=120
    )
    if done.returncode != 0:
        raise RuntimeError(f"{argv[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return []


def _lives(pid: int) -> bool:
    """Return whether a process still holds anything: one that only waits for its parent to ask does not."""
    with contextlib.suppress(OSError):
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return False
