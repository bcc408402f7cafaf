"""The address of a server and the account, resolved once, so that driver and dump tool use the same values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import NamedTuple, TypeVar

from ..errors import DatabaseFault
from ..secret import Secret
from ..sections.connections import ProjectConnection, Server
from ..timeouts import GaveUp, call_with_timeout

# The file of Debian's ca-certificates; PostgreSQL's programs before 16 have no option for it.
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"

_Answer = TypeVar("_Answer")


class Endpoint(NamedTuple):
    """The address of a server: `socket` if set, otherwise TCP to `host` and `port`."""

    engine: str
    host: str
    port: int
    socket: str | None
    user: str
    password: Secret | None
    database: str | None
    tls: str
    ca_cert: str | None
    client_cert: str | None
    client_key: str | None
    connect_timeout: float
    read_only: bool
    libpq_options: str | None = None
    project: ProjectConnection | None = None

    @property
    def place(self) -> str:
        """Return the socket, or host and port, for messages."""
        if self.project is not None and self.engine == "postgresql":
            return _server_address(self.project.parameters)
        return self.socket or f"{self.host}:{self.port}"

    @property
    def authorities(self) -> str:
        """Return the file of certificate authorities that must have signed the server's certificate."""
        return self.ca_cert or SYSTEM_AUTHORITIES


def _server_address(parameters: Mapping[str, str]) -> str:
    """Return the address in libpq's parameters; lists of hosts and ports as they are written."""
    host = parameters.get("host") or parameters.get("hostaddr") or "the default socket"
    return f"{host}:{parameters.get('port', '5432')}"


def tls_mode(server: Server, host: str, socket: str | None, ca_cert: str | None) -> str:
    """Return the encryption mode: as set, or `verify` with authorities, `prefer` on this host, else `require`."""
    if socket:
        # A socket is local, and client programs disagree about TLS on it.
        return "disable"
    if server.tls:
        return server.tls
    if ca_cert:
        return "verify"
    return "prefer" if is_loopback(host) else "require"


def client_certificate(certificate: str | None, key: str | None) -> tuple[str | None, str | None]:
    """Return a client's certificate with the file of its key, which is the certificate's own if no other is named."""
    return certificate, (key or certificate) if certificate else None


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this host's loopback."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def call_server(
    timeout_seconds: float,
    place: str,
    action: Callable[[], _Answer],
    discard: Callable[[_Answer], object] = lambda _late: None,
) -> _Answer:
    """Return what `action` returns. Raise what it raises, or DatabaseFault `timeout` at the deadline.

    In a thread, because neither a name look-up nor libpq can be interrupted, and a signal must end the run while a
    driver waits. A late answer is passed to `discard`.
    """
    try:
        return call_with_timeout(timeout_seconds, place, action, discard)
    except GaveUp:
        raise DatabaseFault(
            "timeout",
            f"{place} gave no answer within {timeout_seconds:g} s",
            hint="check whether the server hangs, and whether a firewall drops packets",
        ) from None
