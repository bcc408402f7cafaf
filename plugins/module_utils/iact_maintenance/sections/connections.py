"""The sections `mysql`, `postgresql` and `sqlite`: how a database is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Union

from ..secret import Secret
from ..values import Option

_MYSQL_FILE = (
    "Option file with host, port, user and password in C([client]); the account's own C(~/.my.cnf) by default."
)
_PASSFILE = "PostgreSQL password file; the account's own C(~/.pgpass) by default."
# Not options; set by the run.
DERIVED = ("own_account", "libpq_options", "project")


def _server(port: int, file_option: str, file_help: str) -> tuple[Option, ...]:
    """Return the rows of a server's connection; all are private, because a value may be a misplaced password."""
    tls_help = (
        "How the connection is encrypted. By default C(prefer) on the loopback address, C(verify) if C(ca_cert) is "
        "given, else C(require). With C(require) and C(verify) nothing is sent in clear text."
    )
    certificate_help = "File with the client certificate, and with its key if C(client_key) is not set."
    rows = (
        Option("login_host", "str", "Host name or address of the server; 127.0.0.1 if it is not set anywhere."),
        Option(
            "login_port", "int", f"TCP port of the server; {port} if it is not set anywhere.", minimum=1, maximum=65535
        ),
        Option("login_user", "str", "Account to log in with."),
        Option(
            "login_password",
            "str",
            "Password of the account. Not allowed as a flag or in the config file.",
            secret=True,
        ),
        Option("login_unix_socket", "path", "Unix socket of a server on this host, used instead of host and port."),
        Option("login_db", "str", "Database to connect to."),
        Option("tls", "str", tls_help, choices=("disable", "prefer", "require", "verify")),
        Option("ca_cert", "path", "File with the CA certificates that the server's certificate is verified against."),
        Option("client_cert", "path", certificate_help),
        Option("client_key", "path", "File with the key of C(client_cert), if it is in another file."),
        Option("connect_timeout", "float", "Seconds to wait for a connection.", 5.0, minimum=0.1, maximum=300),
        Option("read_only", "bool", "Never write to this server: no cleanup, no restore.", False),
        Option(file_option, "path", file_help),
    )
    return tuple(row._replace(private=True) for row in rows)


MYSQL = _server(3306, "config_file", _MYSQL_FILE)
POSTGRESQL = _server(5432, "passfile", _PASSFILE)
SQLITE = (
    Option("path", "path", "Path of the database file.", required=True, private=True),
    Option("read_only", "bool", "Never write to this file.", False, private=True),
)
# A job's own connections.
JOB_SERVERS = (
    Option(
        "mysql",
        "section",
        "MySQL or MariaDB connection of this job; its options override those of the shared one.",
        section="mysql",
    ),
    Option(
        "postgresql",
        "section",
        "PostgreSQL connection of this job; its options override those of the shared one.",
        section="postgresql",
    ),
)


class ProjectConnection(NamedTuple):
    """How a Django project's driver connects: `parameters` are its arguments, without the password.

    `default_socket` is the driver's default; `role` is assumed in each transaction.
    """

    driver: str
    parameters: Mapping[str, str]
    default_socket: str = ""
    role: str | None = None


class Server(NamedTuple):
    """The address of a MySQL, MariaDB or PostgreSQL server and the account.

    `own_account` is true for a job's own section; `libpq_options` are those of the Django project. With `project` the
    connection uses its parameters only, and no default or file of ours.
    """

    login_host: str | None = None
    login_port: int | None = None
    login_user: str | None = None
    login_password: Secret | None = None
    login_unix_socket: str | None = None
    login_db: str | None = None
    tls: str | None = None
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    connect_timeout: float = 5.0
    read_only: bool = False
    config_file: str | None = None
    passfile: str | None = None
    own_account: bool = False
    libpq_options: str | None = None
    project: ProjectConnection | None = None


class Servers(NamedTuple):
    """The connections of one job to servers, by engine: its own, else the shared ones."""

    mysql: Server | None = None
    postgresql: Server | None = None

    def get(self, engine: str) -> Server | None:
        """Return the connection to the server of an engine; None where there is none."""
        servers: dict[str, Server | None] = self._asdict()
        return servers.get(engine)


class SQLiteFile(NamedTuple):
    """An SQLite database file."""

    path: str
    read_only: bool = False


# How a database is reached, whatever its engine.
Connection = Union[Server, SQLiteFile]
