"""Connect to MySQL and MariaDB: resolve the address, connect within a deadline, set the session, translate faults."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import DatabaseFault, MaintenanceError, Refused
from ..host import Host
from ..limits import raise_shortage
from ..secret import Secret, foreign, printable
from ..sections.connections import Server
from . import option_file
from .credentials import account_name, home_file, read_private
from .endpoint import Endpoint, call_server, client_certificate, tls_mode
from .mysql_project import resolve_project
from .mysql_settings import LOCK_SECONDS, STATEMENT_SECONDS, AsFound, literal, make_safe

try:
    from pymysql.connections import Connection
    from pymysql.constants import CLIENT

    DRIVER_FOUND = True
except ImportError:
    DRIVER_FOUND = False
    Connection = object  # type: ignore[assignment,misc]

_Base: Any = Connection

ENGINE = "mysql"
_MESSAGE_CHARACTERS = 400
_CLEAR = b"mysql_clear_password"
# `verify_ca`, the certificate without the host's name, is only a Django project's.
_ENCRYPTED = ("require", "verify_ca", "verify")

_GRANT = "let an administrator run what `iact-maintenance grants JOB` prints, or GRANT what the message names"
_ACCOUNT = "check the account and its password in the file that config_file names"
_FULL = "free space on the server's disk, then run it again"
_GONE = "read the server's log; run it again when the server is running"
_TLS = "set ca_cert to the CA of the server's certificate, or tls to a mode that the server supports"
# Error numbers of MySQL and MariaDB servers, and of the client (from 2000), with hints.
_CODES: dict[int, tuple[str, str]] = {
    **dict.fromkeys((1045, 1130, 1251, 1524, 1698, 3118, 3955, 4151, 2059), ("auth", _ACCOUNT)),
    **dict.fromkeys((1820, 1862), ("auth", "password expired: let an administrator give the account a new one")),
    **dict.fromkeys((1040, 1203, 1226), ("too_many_connections", "raise the limit, or end idle connections")),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370), ("missing_privilege", _GRANT)),
    **dict.fromkeys((1184,), ("db_refused", "read the server's log: an init_connect that fails ends each connection")),
    **dict.fromkeys((1049,), ("no_database", "check login_db")),
    **dict.fromkeys((1146,), ("no_table", "check the name of the table and login_db")),
    **dict.fromkeys((1290, 1792, 1836, 3100), ("read_only", "on a replica, run this on its primary")),
    **dict.fromkeys((1205,), ("lock_timeout", "see which transaction holds the lock: SHOW ENGINE INNODB STATUS")),
    **dict.fromkeys((1213,), ("deadlock", "run it again")),
    **dict.fromkeys((1969, 3024), ("timeout", "see what else keeps the server busy: SHOW FULL PROCESSLIST")),
    **dict.fromkeys((1021, 1114), ("no_space", _FULL)),
    **dict.fromkeys((1053, 1317, 1927, 2006, 2013, 2055), ("connection_lost", _GONE)),
    **dict.fromkeys((2002, 2003, 2005), ("db_unreachable", "check that the server runs and listens at this address")),
    **dict.fromkeys((2026, 3159), ("tls", _TLS)),
    **dict.fromkeys((2000, 2012, 2014, 2027), ("db_protocol", "check that a MySQL server listens at this address")),
}


def resolve(server: Server, host: Host) -> Endpoint:
    """Return address and account: from the section, then from the option file, then the password from `MYSQL_PWD`.

    A section with its own account does not use the variable. Raise Refused for an option file that is not trustworthy.
    """
    if server.project is not None:
        return resolve_project(server, server.project, host)
    path = server.config_file or home_file(host, ".my.cnf")
    text = read_private(host, path, required=server.config_file is not None)
    options = option_file.parse(text, path) if text else {}
    named_here = server.login_host or server.login_port or options.get("protocol", "").lower() == "tcp"
    chosen_socket = server.login_unix_socket or (None if named_here else options.get("socket") or None)
    address = server.login_host or options.get("host") or "127.0.0.1"
    ca_cert = server.ca_cert or options.get("ssl_ca") or None
    certificate, key = _client_certificate(server, options, path)
    return Endpoint(
        engine=ENGINE,
        host=address,
        port=server.login_port or _port(options, path),
        socket=chosen_socket,
        user=server.login_user or options.get("user") or account_name(host),
        password=_password(server, options, host.environment),
        database=server.login_db or options.get("database") or None,
        tls=tls_mode(server, address, chosen_socket, ca_cert),
        ca_cert=ca_cert,
        client_cert=certificate,
        client_key=key,
        connect_timeout=server.connect_timeout,
        read_only=server.read_only,
    )


def _client_certificate(server: Server, options: Mapping[str, str], path: str) -> tuple[str | None, str | None]:
    """Return the certificate and its key, both from the same place, because one place's key is not the other's."""
    if server.client_cert:
        return client_certificate(server.client_cert, server.client_key)
    certificate, key = options.get("ssl_cert") or None, options.get("ssl_key") or None
    if key and not certificate:
        hint = "add ssl-cert; leave out ssl-key if the file of ssl-cert contains the key too"
        raise Refused("bad_credentials_file", f"{path}: ssl-key is set without ssl-cert", hint=hint)
    return client_certificate(certificate, key)


def _port(options: Mapping[str, str], path: str) -> int:
    raw = options.get("port") or "3306"
    if not (raw.isascii() and raw.isdigit() and 0 < int(raw) < 65536):
        raise Refused("bad_credentials_file", f"{path}: port is {printable(raw, 20)}: a number up to 65535 is allowed")
    return int(raw)


def _password(server: Server, options: Mapping[str, str], environment: Mapping[str, str]) -> Secret | None:
    if server.login_password is not None:
        return server.login_password
    # A password in the file belongs to the account in the file, not to another one in the section.
    same_account = not server.login_user or options.get("user") in (None, "", server.login_user)
    if same_account and options.get("password"):
        return Secret(options["password"])
    if environment.get("MYSQL_PWD") and not server.own_account:
        return Secret(environment["MYSQL_PWD"])
    return None


class GuardedConnection(_Base):  # type: ignore[misc]
    """PyMySQL's connection, made to encrypt as configured.

    The driver before 1.2 continues unencrypted if the server offers no TLS; from 1.2 it encrypts without being told.
    """

    tls = "prefer"
    as_found = AsFound()

    def _request_authentication(self) -> None:
        offered = bool(self.server_capabilities & CLIENT.SSL)
        if not offered and self.tls in _ENCRYPTED:
            raise DatabaseFault("tls", "the server offers no TLS, and clear text is not allowed", hint=_TLS)
        if not offered or self.tls == "disable":
            self.ssl = False
            self.client_flag &= ~CLIENT.SSL
        super()._request_authentication()


class _NoClearPassword:
    """The driver's handler for a server that requests the password in clear text: refuse, as MySQL's clients do."""

    def __init__(self, connection: object) -> None:
        pass

    def authenticate(self, packet: object) -> None:
        """Raise DatabaseFault, because the server requests this plugin."""
        hint = "set ca_cert, so that the server is verified; or give the account another authentication plugin"
        raise DatabaseFault("auth", "the server asks for the password in clear text, which is not sent", hint=hint)


def check_driver() -> None:
    """Raise Refused `driver_missing` if the driver is not installed."""
    if not DRIVER_FOUND:
        raise Refused("driver_missing", "the driver PyMySQL is not installed", hint="apt-get install python3-pymysql")


def connect(endpoint: Endpoint, statement_seconds: float = STATEMENT_SECONDS) -> Any:
    """Return an open connection in autocommit mode with a safe session.

    Raise DatabaseFault, or Refused `driver_missing`. `statement_seconds` limits each statement, on the server if it can
    and in this process in any case.
    """
    check_driver()

    def opened() -> Any:
        connection = _connection(endpoint, statement_seconds)
        connection.connect()
        version = str(connection.get_server_info()).lower()
        connection.as_found = make_safe(
            lambda statement: _first_row(connection, statement),
            version,
            statement_seconds,
            read_only=endpoint.read_only,
        )
        return connection

    with faults(endpoint):
        return call_server(endpoint.connect_timeout, _spoken(endpoint), opened, lambda late: late.close())


def _connection(endpoint: Endpoint, statement_seconds: float) -> Any:
    context = _tls_context(endpoint)
    connection = GuardedConnection(
        host=endpoint.host,
        port=endpoint.port,
        unix_socket=endpoint.socket,
        user=endpoint.user,
        # As bytes, because PyMySQL would encode a text as Latin-1.
        password=endpoint.password.reveal().encode("utf-8", "surrogateescape") if endpoint.password else b"",
        database=endpoint.database,
        charset="utf8mb4",
        connect_timeout=max(1, round(endpoint.connect_timeout)),
        read_timeout=statement_seconds + LOCK_SECONDS,
        write_timeout=statement_seconds + LOCK_SECONDS,
        local_infile=False,
        autocommit=True,
        defer_connect=True,
        auth_plugin_map={} if endpoint.socket or endpoint.tls == "verify" else {_CLEAR: _NoClearPassword},
        **({"ssl": context} if context else {}),
    )
    connection.tls = endpoint.tls
    return connection


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext | None:
    if endpoint.tls == "disable":
        return None
    try:
        if endpoint.tls in ("verify", "verify_ca"):
            context = ssl.create_default_context(cafile=endpoint.ca_cert)
            context.check_hostname = endpoint.tls == "verify"
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if endpoint.client_cert:
            # With a password, because without one OpenSSL would ask for it on the terminal.
            context.load_cert_chain(endpoint.client_cert, endpoint.client_key, password="")
    except OSError as error:
        message = f"a TLS file of {_spoken(endpoint)} cannot be used: {error.strerror or 'no certificate in it'}"
        raise Refused("tls", message, hint="check ca_cert, client_cert and client_key") from None
    return context


def _first_row(connection: Any, statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


@contextlib.contextmanager
def faults(endpoint: Endpoint) -> Iterator[None]:
    """Return a context that turns the driver's exceptions into a DatabaseFault with a stable code and redacted text.

    Every exception, because PyMySQL reacts to a broken server with any of Python's.
    """
    try:
        yield
    except MaintenanceError:
        raise
    except Exception as error:
        raise _fault(endpoint, error) from None


def _fault(endpoint: Endpoint, error: Exception) -> MaintenanceError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(error.args[-1]) if error.args else type(error).__name__
    if "cryptography" in text and isinstance(error, RuntimeError):
        hint = "apt-get install python3-cryptography"
        return Refused("driver_missing", "PyMySQL needs the package cryptography to log in to this server", hint=hint)
    code, hint = _CODES.get(number, ("db_refused", "") if number else ("db_protocol", _CODES[2027][1]))
    cause = getattr(error, "original_exception", None) or error
    raise_shortage(cause)
    if isinstance(cause, (socket.timeout, TimeoutError)) or "timed out" in text:
        code, hint = "timeout", "check whether the server hangs, and whether a firewall drops packets"
    elif isinstance(cause, ssl.SSLError):
        code, hint = "tls", _TLS
    message = foreign(text, _MESSAGE_CHARACTERS)
    facts = {"server_code": number} if number else None
    return DatabaseFault(code, f"{_spoken(endpoint)}: {message}", hint=hint, facts=facts)


def _spoken(endpoint: Endpoint) -> str:
    return f"MySQL at {endpoint.place}"


def quote_identifier(name: str) -> str:
    """Return a name quoted as an identifier for a statement of `rows`, whatever it contains."""
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


def rows(connection: Any, endpoint: Endpoint, statement: str, *parameters: object) -> list[Any]:
    """Return the rows of one statement with %s parameters. Raise DatabaseFault."""
    return run(connection, endpoint, statement, *parameters)[0]


def run(connection: Any, endpoint: Endpoint, statement: str, *parameters: object) -> tuple[list[Any], int]:
    """Return the rows of one statement and the number of affected rows; values enter statements only here.

    Raise DatabaseFault.
    """
    with faults(endpoint), connection.cursor() as cursor:
        touched = cursor.execute(statement % tuple(literal(parameter) for parameter in parameters))
        return list(cursor.fetchall()), int(touched)


def offers_tls(connection: Any) -> bool:
    """Return whether the server announced TLS."""
    return bool(connection.server_capabilities & CLIENT.SSL)


def read_identity(connection: Any, endpoint: Endpoint) -> dict[str, object]:
    """Return the server's name, port and data directory, and the database, which no proxy or alias changes."""
    answer = rows(connection, endpoint, "SELECT @@hostname, @@port, @@datadir, DATABASE()")
    return {"engine": ENGINE, **dict(zip(("hostname", "port", "datadir", "database"), answer[0]))}
