"""Check that each configured database answers a query."""

from __future__ import annotations

from ..engines.table import PINGS
from ..report import PASS
from ..sections.connections import Connection, SQLiteFile
from ..settings import Settings
from .context import Context
from .outcome import Outcome

# So that a silent server is reported in the engine's words before the check's deadline.
_CONNECTING_SHARE = 0.7


def connection(settings: Settings, engine: str) -> Connection | None:
    """Return the connection for health to an engine: its own account if it has one."""
    return settings.connections(settings.health.servers).get(engine)


def in_time(target: Connection, context: Context) -> Connection:
    """Return the connection with a connect timeout that ends well before the check's deadline."""
    if isinstance(target, SQLiteFile):
        return target
    return target._replace(connect_timeout=min(target.connect_timeout, context.limit_seconds * _CONNECTING_SHARE))


def answers(engine: str, context: Context) -> list[Outcome]:
    """Check that the configured database of an engine answers."""
    target = connection(context.settings, engine)
    if target is None:
        return []
    version = PINGS[engine](in_time(target, context), context.host)
    return [Outcome(PASS, f"answered a query: version {version}")]
