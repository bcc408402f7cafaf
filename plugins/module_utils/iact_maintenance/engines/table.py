"""The engines by name, one table for each capability. To add one: a file here, and a row in each table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..host import Host
from ..sections.connections import Server
from . import mysql, mysql_connection, postgresql, postgresql_connection, sqlite
from .endpoint import Endpoint
from .facts import Convention, Sessions


class OpenSessions(Protocol):
    """A function that opens the database of the sessions; `connection` is the record of the engine's section."""

    def __call__(
        self, target: Any, host: Host, convention: Convention, /, *, writable: bool, schema: str | None = None
    ) -> Sessions:
        """Return the open store. Raise DatabaseFault or Refused."""


# Functions that check whether a server answers, and return its version; each is a health check of that name.
PINGS: Mapping[str, Callable[[Any, Host], str]] = {
    "postgresql": postgresql.ping,
    "mysql": mysql.ping,
    "sqlite": sqlite.ping,
}
# Engines that can hold the sessions.
SESSION_STORES: Mapping[str, OpenSessions] = {
    "mysql": mysql.open_sessions,
    "postgresql": postgresql.open_sessions,
    "sqlite": sqlite.open_sessions,
}
# Functions that raise Refused if an engine's driver is not installed.
DRIVERS: Mapping[str, Callable[[], None]] = {
    "mysql": mysql_connection.check_driver,
    "postgresql": postgresql_connection.check_driver,
}
# Functions that resolve a connection to an address and an account, without connecting.
ENDPOINTS: Mapping[str, Callable[[Server, Host], Endpoint]] = {
    "mysql": mysql_connection.resolve,
    "postgresql": postgresql_connection.resolve,
}
# Functions that return a server's identity, as in manifests.
IDENTITIES: Mapping[str, Callable[[Any, Host], Mapping[str, object]]] = {
    "mysql": mysql.identity,
    "postgresql": postgresql.identity,
}
