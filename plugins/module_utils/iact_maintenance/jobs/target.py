"""Which database holds the sessions, and how the site stores times in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union, cast

from ..engines.facts import Convention, Sessions
from ..engines.table import ENGINES
from ..errors import Refused
from ..host import Host
from ..settings import Server, SessionCleanup, Settings, SQLiteFile

Connection = Union[Server, SQLiteFile]


@dataclass(frozen=True)
class SessionTarget:
    """Where the sessions are: engine, connection, table and time convention."""

    engine: str
    connection: Connection
    table: str
    convention: Convention

    def open(self, host: Host, *, writable: bool) -> Sessions:
        """An open connection to it. Raises DatabaseFault; Refused where the settings forbid to write."""
        if writable and self.connection.read_only:
            raise Refused(
                "read_only",
                f"{self.engine}.read_only is true: nothing may ever write there",
                hint="name the database that holds the sessions with session_cleanup.engine",
            )
        return cast(
            Sessions, ENGINES[self.engine].open_sessions(self.connection, host, self.convention, writable=writable)
        )


def session_target(settings: Settings, host: Host) -> SessionTarget:
    """The database that holds the sessions, from the settings. Raises Refused where they leave it open."""
    options = settings.session_cleanup
    connections = _connections(settings, options)
    if options.engine != "auto":
        connection = connections.get(options.engine)
        if connection is None:
            raise Refused(
                "not_configured",
                f"session_cleanup.engine is {options.engine}, but there is no section {options.engine}",
                hint=f"add the section {options.engine} to the config file",
            )
        return _target(options.engine, connection, options)
    writable = {engine: connection for engine, connection in connections.items() if not connection.read_only}
    if len(writable) == 1:
        ((engine, connection),) = writable.items()
        return _target(engine, connection, options)
    if not writable:
        raise Refused(
            "not_configured",
            "no database is configured",
            hint="set sqlite.path, or the section mysql or postgresql, in the config file",
        )
    raise Refused(
        "not_configured",
        f"several databases are configured ({', '.join(sorted(writable))})",
        hint="say which one holds the sessions: session_cleanup.engine, or the section django, which is then asked",
    )


def _connections(settings: Settings, options: SessionCleanup) -> dict[str, Connection]:
    found = {"mysql": options.mysql, "postgresql": options.postgresql, "sqlite": settings.sqlite}
    return {engine: connection for engine, connection in found.items() if connection is not None}


def _target(engine: str, connection: Connection, options: SessionCleanup) -> SessionTarget:
    return SessionTarget(engine, connection, options.table, Convention(options.use_tz, options.time_zone))
