"""Connect to MySQL as a Django project's driver does: what each driver makes of its parameters and option file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import Refused
from ..host import Host
from ..secret import Secret
from ..sections.connections import ProjectConnection, Server
from . import option_file
from .credentials import account_name, read_private
from .endpoint import Endpoint, tls_mode

_LOCAL = "localhost"
_TAKEN = {"host", "port", "socket", "user", "password", "database", "protocol", "ssl_ca", "ssl_cert", "ssl_key"}
_TAKEN_TLS = {"ssl_mode", "ssl_verify_server_cert"}
_HARMLESS = {"default_character_set", "connect_timeout", "max_allowed_packet", "compress", "local_infile"}
_TRUE = {"1", "true", "on", "yes", "required"}
_FALSE = {"", "0", "false", "off", "no", "none"}
_MODES = {
    "DISABLED": "disable",
    "PREFERRED": "",
    "REQUIRED": "require",
    "VERIFY_CA": "verify_ca",
    "VERIFY_IDENTITY": "verify",
}
_HINT = (
    "set the connection in DATABASES in a supported way; or set session_cleanup.engine, session_cleanup.use_tz and the "
    "section mysql, which are then used instead"
)


class _Place(NamedTuple):
    """A socket, or a host and a port."""

    socket: str | None
    host: str
    port: int


class _Certificates(NamedTuple):
    """How the project's driver encrypts; `mode` is empty if it is not set."""

    mode: str
    authority: str | None
    certificate: str | None
    key: str | None


def resolve_project(server: Server, project: ProjectConnection, host: Host) -> Endpoint:
    """Return the address and options of the project's driver. Raise Refused for what cannot be reproduced."""
    options = _options(server.config_file, host)
    place = _place(project, options)
    tls = _certificates(project, options)
    if place.socket and tls.mode not in ("", "disable"):
        raise _refused("it requires TLS on a socket, which is not supported")
    password = server.login_password or (Secret(options["password"]) if options.get("password") else None)
    return Endpoint(
        engine="mysql",
        host=place.host,
        port=place.port,
        socket=place.socket,
        user=server.login_user or options.get("user") or account_name(host),
        password=password,
        database=server.login_db or options.get("database") or None,
        tls=tls.mode or tls_mode(server, place.host, place.socket, tls.authority),
        ca_cert=tls.authority,
        client_cert=tls.certificate,
        client_key=tls.key,
        connect_timeout=server.connect_timeout,
        read_only=server.read_only,
        project=project,
    )


def _options(path: str | None, host: Host) -> Mapping[str, str]:
    """Return the options of the option file that the project names. Raise Refused for one that cannot be reproduced."""
    if path is None:
        return {}
    options = option_file.parse(read_private(host, path, required=True, others_may_read=True) or "", path)
    for name in sorted(options.keys() - _TAKEN - _TAKEN_TLS - _HARMLESS):
        raise _refused(f"the option {name} in {path} is not supported")
    return options


def _refused(reason: str) -> Refused:
    return Refused("connection_option", f"the project's MySQL connection cannot be used: {reason}", hint=_HINT)


def _place(project: ProjectConnection, options: Mapping[str, str]) -> _Place:
    """Return the driver's address: only MySQL's own client library takes `localhost` for a socket."""
    parameters = project.parameters
    by_socket = project.driver == "MySQLdb"
    address = parameters.get("host") or options.get("host") or _LOCAL
    protocol = options.get("protocol", "tcp" if not by_socket else "").lower()
    if protocol not in ("", "tcp"):
        raise _refused(f"protocol={protocol} in its option file")
    socket = parameters.get("unix_socket") or options.get("socket") or None
    if socket and (address != _LOCAL or (by_socket and protocol)):
        raise _refused(f"it sets the socket {socket} and another way to connect")
    if by_socket and address == _LOCAL and not protocol:
        socket = socket or project.default_socket
        if not socket:
            raise _refused("its host is localhost, and the default socket of its driver is not known")
    raw = parameters.get("port") or options.get("port") or "3306"
    if not (raw.isascii() and raw.isdigit() and int(raw) < 65536):
        raise _refused("the port in its option file is not a number up to 65535")
    return _Place(socket, address, int(raw) or 3306)


def _certificates(project: ProjectConnection, options: Mapping[str, str]) -> _Certificates:
    parameters = project.parameters
    named = {
        kind: parameters.get(f"ssl.{kind}") or parameters.get(f"ssl_{kind}") or options.get(f"ssl_{kind}") or None
        for kind in ("ca", "cert", "key")
    }
    mode = "disable" if _is_on(parameters, "ssl_disabled") else _mode(project, options, named["ca"])
    if not mode and (any(named.values()) or _is_on(parameters, "ssl")):
        mode = "require"
    return _Certificates(mode, named["ca"], named["cert"], named["key"])


def _mode(project: ProjectConnection, options: Mapping[str, str], authority: str | None) -> str:
    """Return how much the driver verifies, and never less than it does."""
    parameters = project.parameters
    word = (parameters.get("ssl_mode") or options.get("ssl_mode") or "").upper()
    if word not in {"", *_MODES}:
        raise _refused("its ssl_mode is not supported")
    whole = _is_on(parameters, "ssl_verify_identity") or _is_on(options, "ssl_verify_server_cert")
    if whole or word == "VERIFY_IDENTITY":
        return "verify"
    if word and word != "PREFERRED":
        return _MODES[word]
    verifies = {name: _is_on(parameters, name) for name in ("ssl.verify_mode", "ssl_verify_cert") if name in parameters}
    if not authority:
        return "verify_ca" if any(verifies.values()) else ""
    if verifies and not any(verifies.values()):
        return "require"
    # PyMySQL also compares the name if its mapping has only an authority.
    by_name = project.driver == "pymysql" and "ssl.ca" in parameters
    return "verify" if by_name and parameters.get("ssl.check_hostname", "1").lower() not in _FALSE else "verify_ca"


def _is_on(options: Mapping[str, str], name: str) -> bool:
    """Return whether a switch is on. Raise Refused for a word that drivers interpret differently."""
    word = options.get(name, "").lower()
    if word not in _TRUE | _FALSE:
        raise _refused(f"its option {name} is neither on nor off")
    return word in _TRUE
