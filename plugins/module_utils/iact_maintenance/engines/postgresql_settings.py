"""The session settings on PostgreSQL that the jobs rely on: set at its start and read back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ..errors import DatabaseFault, Refused

# Enough to count some ten million rows; less than the five minutes after which health asks again, so that its
# questions never pile up on a slow server.
STATEMENT_SECONDS = 240.0
_LOCK_SECONDS = 5

# Settings that decide how a statement is parsed and what its result means.
_LOCAL_FORMS = {"row_security": "off", "DateStyle": "ISO", "TimeZone": "UTC", "quote_all_identifiers": "off"}
_FORMS = {"standard_conforming_strings": "on", **_LOCAL_FORMS}
# The programs set their own limits, but only after their first statements.
_NO_LIMITS = {"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}

# The first statement of a connection. Its own literals hold neither quote nor backslash.
READ_BACK = (
    "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('standard_conforming_strings'), "
    "pg_catalog.current_setting('client_encoding'), pg_catalog.current_setting('idle_session_timeout', true), "
    "pg_catalog.current_setting('transaction_timeout', true)"
)
# Limits of later servers; older ones refuse a session with them, so they are set only if they exist.
_LATER_LIMITS = ("idle_session_timeout", "transaction_timeout")
_POOLER_HINT = "set login_host and login_port (or login_unix_socket) to the PostgreSQL server itself, not to its pooler"


class Session(NamedTuple):
    """The server's and the driver's view of a session.

    `started`: our start-up options were accepted. `driver_pid` is the process id that the driver received at its start.
    """

    started: bool
    driver_pid: int
    server_pid: int
    strings: str
    encoding: str
    idle_session_timeout: str | None = None
    transaction_timeout: str | None = None

    @property
    def later_limits(self) -> tuple[str, ...]:
        """Return the limits that this server has and our start-up options did not lift."""
        values = (self.idle_session_timeout, self.transaction_timeout)
        return tuple(name for name, value in zip(_LATER_LIMITS, values) if value not in (None, "0"))


def startup_options(project: str | None, later_limits: Sequence[str] = ()) -> str:
    """Return the start-up options of a session: the project's, then ours, because the last one counts."""
    limits = {**_NO_LIMITS, "statement_timeout": _milliseconds(STATEMENT_SECONDS), **dict.fromkeys(later_limits, "0")}
    return _options(project, {**limits, **_FORMS})


def program_options() -> str:
    """Return the start-up options of a client program's session, for PGOPTIONS."""
    return _options(None, {**_NO_LIMITS, **_FORMS})


def _options(first: str | None, settings: dict[str, str]) -> str:
    ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return f"{first} {ours}" if first else ours


def guards(statement_seconds: float) -> str:
    """Return the statement with which a transaction sets what it relies on.

    For the transaction only, so that a pooler gives none of our settings to other clients. It does not set
    `standard_conforming_strings`, because the driver chose its quoting by the value when the connection was opened.
    """
    limits = {
        "statement_timeout": _milliseconds(statement_seconds),
        "lock_timeout": _milliseconds(_LOCK_SECONDS),
        "idle_in_transaction_session_timeout": _milliseconds(statement_seconds),
        **_LOCAL_FORMS,
    }
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in limits.items())


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


def check(session: Session, place: str, *, own_session: bool) -> None:
    """Raise DatabaseFault `pooler` or Refused `session_settings` if the session is not as expected."""
    pooled = session.driver_pid != session.server_pid
    if own_session and (pooled or not session.started):
        message = f"PostgreSQL at {place} is reached through a connection pooler, which shares sessions among clients"
        raise DatabaseFault("pooler", f"{message}; this job needs a direct connection", hint=_POOLER_HINT)
    # Behind a pooler nothing can be set for the session; literal() is correct with either setting.
    if session.strings != "on" and session.started and not pooled:
        raise _refused(place, "standard_conforming_strings", session.strings, "on")
    if session.encoding != "UTF8":
        raise _refused(place, "client_encoding", session.encoding, "UTF8")


def _refused(place: str, name: str, value: str, needed: str) -> Refused:
    message = f"PostgreSQL at {place} keeps {name} = {value} for this connection, although {needed} was requested"
    hint = f"do not set {name} in the connection's options, its pooler or its server"
    return Refused("session_settings", message, hint=hint)


def literal(value: object) -> str:
    """Return a parameter as SQL with the same meaning under every setting of server, database and account.

    Only hexadecimal digits of a value are in the statement, so no quote, backslash or encoding matters.
    """
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"ARRAY[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        return f"pg_catalog.decode('{value.hex()}', 'hex')"
    if isinstance(value, str):
        return f"pg_catalog.convert_from({literal(value.encode('utf-8', 'surrogateescape'))}, 'UTF8')"
    if isinstance(value, datetime):
        return f"'{value.isoformat(' ')}'::pg_catalog.{'timestamptz' if value.tzinfo else 'timestamp'}"
    raise TypeError(f"no parameter of a statement: {type(value).__name__}")
