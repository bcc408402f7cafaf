"""Connect to PostgreSQL: resolve the address, connect within a deadline, check the session, translate faults."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

from ..about import NAME
from ..errors import DatabaseFault, MaintenanceError, Refused
from ..host import Host
from ..secret import Secret
from ..sections.connections import Server
from . import password_file
from .credentials import account_name, home_file, read_private
from .endpoint import Endpoint, call_server, client_certificate, tls_mode
from .postgresql_faults import fault_of
from .postgresql_project import arguments, assume_role, resolve_project
from .postgresql_settings import READ_BACK, STATEMENT_SECONDS, Session, check, guards, literal, startup_options

try:
    import psycopg2

    DRIVER_FOUND = True
except ImportError:
    DRIVER_FOUND = False

ENGINE = "postgresql"
# Seconds that our own wait exceeds the server's limit, because the server's message says more.
_GRACE_SECONDS = 5.0
TLS_WORDS = {"disable": "disable", "prefer": "prefer", "require": "require", "verify": "verify-full"}
# libpq uses its default below HOME for an empty name, and no file for a missing one.
NO_FILE = "/nonexistent/none"
# pgbouncer's messages (not translated) about start-up options that it does not support.
# Messages of pgbouncer and of Amazon RDS Proxy about start-up options.
_REFUSES_OPTIONS = ("unsupported startup parameter", "command-line options")
# Socket directories that a password file calls `localhost`.
_SOCKET_FOLDERS = ("/var/run/postgresql", "/run/postgresql")


def resolve(server: Server, host: Host) -> Endpoint:
    """Return address and account; the password from the section, then `PGPASSWORD`, then the password file.

    A section with its own account does not use the variable. Raise Refused for a password file that is not trustworthy.
    """
    if server.project is not None:
        return resolve_project(server, server.project, host)
    account = server.login_user or account_name(host)
    socket = server.login_unix_socket
    address = server.login_host or "127.0.0.1"
    port, database = server.login_port or 5432, server.login_db or account
    certificate, key = client_certificate(server.client_cert, server.client_key)
    known_as = (socket if socket not in _SOCKET_FOLDERS else "localhost") if socket else address
    return Endpoint(
        engine=ENGINE,
        host=address,
        port=port,
        socket=socket,
        user=account,
        password=_password(server, host, (known_as, str(port), database, account)),
        database=database,
        tls=tls_mode(server, address, socket, server.ca_cert),
        ca_cert=server.ca_cert,
        client_cert=certificate,
        client_key=key,
        connect_timeout=server.connect_timeout,
        read_only=server.read_only,
        libpq_options=server.libpq_options,
    )


def _password(server: Server, host: Host, wanted: tuple[str, str, str, str]) -> Secret | None:
    if server.login_password is not None:
        return server.login_password
    if host.environment.get("PGPASSWORD") and not server.own_account:
        return Secret(host.environment["PGPASSWORD"])
    path = server.passfile or home_file(host, ".pgpass")
    text = read_private(host, path, required=server.passfile is not None)
    return password_file.find_password(text, wanted) if text else None


def check_driver() -> None:
    """Raise Refused `driver_missing` if the driver is not installed."""
    if not DRIVER_FOUND:
        hint = "apt-get install python3-psycopg2"
        raise Refused("driver_missing", "the driver psycopg2 is not installed", hint=hint)


def connect(endpoint: Endpoint, *, own_session: bool = False) -> Any:
    """Return an open connection whose session was checked.

    With `own_session` a pooler is refused before anything else is asked. Raise DatabaseFault, or Refused
    `driver_missing` or `session_settings`.
    """
    check_driver()
    _forget_environment()
    with faults(endpoint):
        return call_server(
            endpoint.connect_timeout,
            _spoken(endpoint),
            lambda: _opened(endpoint, own_session),
            lambda late: late.close(),
        )


def _opened(endpoint: Endpoint, own_session: bool) -> Any:
    connection, session = _begun(endpoint, own_session, ())
    if session.started and session.later_limits:
        connection.close()
        connection, session = _begun(endpoint, own_session, session.later_limits)
    return connection


def _begun(endpoint: Endpoint, own_session: bool, later_limits: Sequence[str]) -> tuple[Any, Session]:
    connection, started = _started(endpoint, startup_options(endpoint.libpq_options, later_limits))
    try:
        # Set by the driver in each BEGIN. Never READ WRITE, which would override an administrator's setting.
        connection.set_session(isolation_level="READ COMMITTED", **({"readonly": True} if endpoint.read_only else {}))
        answer, _touched = _transaction(connection, guards(endpoint.connect_timeout), READ_BACK)
        session = Session(started, connection.get_backend_pid(), *answer[0])
        check(session, endpoint.place, own_session=own_session)
    except BaseException:
        connection.close()
        raise
    return connection, session


def _started(endpoint: Endpoint, options: str) -> tuple[Any, bool]:
    """Return the driver's connection, and whether it accepted our start-up options."""
    arguments = _arguments(endpoint)
    try:
        return psycopg2.connect(**arguments, options=options), True
    except psycopg2.OperationalError as error:
        if not any(words in str(error) for words in _REFUSES_OPTIONS):
            raise
    # The project's own options are kept, because its search path decides on the table.
    return psycopg2.connect(**arguments, options=endpoint.libpq_options or ""), False


def _forget_environment() -> None:
    """Remove libpq's variables from this process, because they change the session and arguments do not override all."""
    for name in list(os.environ):
        # These two are read by this program and passed to libpq.
        if name.startswith("PG") and name not in ("PGPASSWORD", "PGPASSFILE"):
            # Another check's thread may have removed it.
            with contextlib.suppress(KeyError):
                del os.environ[name]


def _arguments(endpoint: Endpoint) -> dict[str, Any]:
    way = _own_way(endpoint) if endpoint.project is None else arguments(endpoint, endpoint.project)
    return {
        **way,
        "connect_timeout": max(2, math.ceil(endpoint.connect_timeout)),
        "client_encoding": "UTF8",
        "application_name": NAME,
    }


def _own_way(endpoint: Endpoint) -> dict[str, Any]:
    """Return address, account and encryption from a section of the config file."""
    return {
        "host": endpoint.socket or endpoint.host,
        "port": endpoint.port,
        "dbname": endpoint.database,
        "user": endpoint.user,
        "password": endpoint.password.reveal() if endpoint.password else "",
        "passfile": NO_FILE,
        "sslmode": TLS_WORDS[endpoint.tls],
        "sslrootcert": endpoint.authorities if endpoint.tls == "verify" else NO_FILE,
        "sslcert": endpoint.client_cert or NO_FILE,
        "sslkey": endpoint.client_key or NO_FILE,
        "gssencmode": "disable",
    }


def rows(connection: Any, endpoint: Endpoint, statement: str, *parameters: object) -> list[Any]:
    """Return the rows of a statement with %s parameters, in a transaction of its own. Raise DatabaseFault."""
    answer, _touched = run(connection, endpoint, statement, parameters)
    return answer


def run(
    connection: Any,
    endpoint: Endpoint,
    statement: str,
    parameters: tuple[object, ...] = (),
    statement_seconds: float = STATEMENT_SECONDS,
) -> tuple[list[Any], int]:
    """Return the rows of one statement and the number of affected rows. Raise DatabaseFault.

    It has a transaction of its own.
    """
    prologue = guards(statement_seconds) + assume_role(endpoint.project)
    with faults(endpoint):
        return call_server(
            statement_seconds + _GRACE_SECONDS,
            _spoken(endpoint),
            lambda: _transaction(connection, prologue, statement, *parameters),
        )


def _transaction(connection: Any, prologue: str, statement: str, *parameters: object) -> tuple[list[Any], int]:
    with connection, connection.cursor() as cursor:
        cursor.execute(prologue)
        execute(cursor, statement, *parameters)
        return (cursor.fetchall() if cursor.description else []), cursor.rowcount


def execute(cursor: Any, statement: str, *parameters: object) -> None:
    """Run one statement with %s parameters; values enter statements only here."""
    cursor.execute(statement % tuple(literal(parameter) for parameter in parameters))


@contextlib.contextmanager
def faults(endpoint: Endpoint) -> Iterator[None]:
    """Return a context that turns the driver's exceptions into a DatabaseFault with a stable code and redacted text."""
    try:
        yield
    except MaintenanceError:
        raise
    except Exception as error:
        raise fault_of(endpoint, _spoken(endpoint), error) from None


def _spoken(endpoint: Endpoint) -> str:
    return f"PostgreSQL at {endpoint.place}"


def quote_identifier(name: str) -> str:
    """Return a name quoted as an identifier for a statement of `rows`, whatever it contains."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'


def close(connection: Any) -> None:
    """Close the connection, unless a thread hangs in it."""
    with contextlib.suppress(Exception):
        # In a thread, because the driver makes close() wait for a statement that another thread still waits for.
        call_server(1.0, "closing", connection.close)


def read_identity(connection: Any, endpoint: Endpoint) -> dict[str, object]:
    """Return the cluster's identifier, or its start time if that is hidden, and the database; no proxy changes them."""
    try:
        query = "SELECT system_identifier::pg_catalog.text, pg_catalog.current_database() "
        query += "FROM pg_catalog.pg_control_system()"
        cluster, database = rows(connection, endpoint, query)[0]
    except DatabaseFault as fault:
        if fault.code != "missing_privilege":
            raise
        query = (
            "SELECT 'started ' || pg_catalog.pg_postmaster_start_time()::pg_catalog.text, pg_catalog.current_database()"
        )
        cluster, database = rows(connection, endpoint, query)[0]
    return {"engine": ENGINE, "cluster": cluster, "database": database}
