"""MySQL and MariaDB: the functions that every engine has."""

from __future__ import annotations

from ..host import Host
from ..sections.connections import Server
from .facts import CatalogueTable, Convention, Sessions
from .mysql_connection import connect, read_identity, resolve, rows
from .mysql_sessions import MySQLSessions

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")


def ping(server: Server, host: Host) -> str:
    """Return the server's version after it answered a query. Raise DatabaseFault or Refused."""
    endpoint = resolve(server, host)
    connection = connect(endpoint, statement_seconds=endpoint.connect_timeout)
    try:
        (answer,) = rows(connection, endpoint, "SELECT VERSION()")
        return str(answer[0])
    finally:
        connection.close()


def identity(server: Server, host: Host) -> dict[str, object]:
    """Return what distinguishes this server from all others. Raise DatabaseFault or Refused."""
    endpoint = resolve(server, host)
    connection = connect(endpoint)
    try:
        return read_identity(connection, endpoint)
    finally:
        connection.close()


def open_sessions(
    server: Server, host: Host, convention: Convention, *, writable: bool, schema: str | None = None
) -> Sessions:
    """Return an open connection to the sessions' database; without `writable` the server rejects writes.

    `schema` is the database in the table's name, if any. Raise DatabaseFault or Refused.
    """
    endpoint = resolve(server, host)
    if schema is not None:
        endpoint = endpoint._replace(database=schema)
    if not writable:
        endpoint = endpoint._replace(read_only=True)
    return MySQLSessions(connect(endpoint), endpoint, convention)


def find_tables(server: Server, host: Host, name: str) -> list[CatalogueTable]:
    """Return the base tables with exactly that name: in `login_db`, or without one in every visible database.

    Raise DatabaseFault or Refused.
    """
    endpoint = resolve(server, host)
    connection = connect(endpoint)
    try:
        tables = rows(
            connection,
            endpoint,
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_name = %s AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') "
            "AND table_schema = COALESCE(%s, table_schema) ORDER BY table_schema",
            name,
            endpoint.database,
        )
    finally:
        connection.close()
    # Compared here too, because the catalogue's collation ignores case and trailing blanks.
    return [
        CatalogueTable(schema, schema, table) for schema, table in tables if table == name and schema not in _SYSTEM
    ]
