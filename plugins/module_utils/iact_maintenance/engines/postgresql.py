"""PostgreSQL: the functions that every engine has."""

from __future__ import annotations

from ..host import Host
from ..sections.connections import Server
from .facts import CatalogueTable, Convention, Sessions
from .postgresql_connection import close, connect, read_identity, resolve, rows, run
from .postgresql_sessions import PostgreSQLSessions


def ping(server: Server, host: Host) -> str:
    """Return the server's version after it answered a query. Raise DatabaseFault or Refused."""
    endpoint = resolve(server, host)
    connection = connect(endpoint)
    try:
        answer, _touched = run(
            connection,
            endpoint,
            "SELECT pg_catalog.current_setting('server_version')",
            statement_seconds=endpoint.connect_timeout,
        )
        return str(answer[0][0])
    finally:
        close(connection)


def identity(server: Server, host: Host) -> dict[str, object]:
    """Return what distinguishes this server from all others. Raise DatabaseFault or Refused."""
    endpoint = resolve(server, host)
    connection = connect(endpoint)
    try:
        return read_identity(connection, endpoint)
    finally:
        close(connection)


def open_sessions(
    server: Server, host: Host, convention: Convention, *, writable: bool, schema: str | None = None
) -> Sessions:
    """Return an open connection to the sessions' database; without `writable` the server rejects writes.

    The table is expected in `schema`, or on the search path without one. Raise DatabaseFault or Refused.
    """
    endpoint = resolve(server, host)
    if not writable:
        endpoint = endpoint._replace(read_only=True)
    return PostgreSQLSessions(connect(endpoint), endpoint, convention, schema)


def find_tables(server: Server, host: Host, name: str) -> list[CatalogueTable]:
    """Return the tables with exactly that name in `login_db`, in any schema.

    It is used for dumps, so a pooler is refused. Raise DatabaseFault or Refused.
    """
    endpoint = resolve(server, host)
    connection = connect(endpoint, own_session=True)
    try:
        tables = rows(
            connection,
            endpoint,
            "SELECT current_database(), n.nspname, c.relname FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = %s AND c.relkind IN ('r', 'p') "
            "AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' ORDER BY n.nspname",
            name,
        )
    finally:
        close(connection)
    return [CatalogueTable(*row) for row in tables]
