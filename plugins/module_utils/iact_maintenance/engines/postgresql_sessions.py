"""Django's sessions in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from ..errors import DatabaseFault, Refused
from ..timestamps import iso
from .endpoint import Endpoint
from .facts import Convention, SessionTable, TableSize, stored_time
from .postgresql_connection import close, quote_identifier, read_identity, rows, run

_KEY_TYPES = ("character varying", "character", "text")
_WITH_ZONE, _WITHOUT_ZONE = "timestamp with time zone", "timestamp without time zone"

_FIND = (
    "SELECT c.oid, n.nspname FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relname = %s AND c.relkind = 'r' "
    "AND CASE WHEN %s::text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = %s END"
)
_COLUMNS = (
    "SELECT a.attname, pg_catalog.format_type(a.atttypid, NULL), a.attnum FROM pg_catalog.pg_attribute a "
    "WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped"
)
_INDEXES = (
    "SELECT i.indisprimary, i.indkey::pg_catalog.text FROM pg_catalog.pg_index i "
    "WHERE i.indrelid = %s AND i.indisvalid AND i.indpred IS NULL"
)
# As bytes in the database's encoding, which no session setting converts.
_KEY_IN_HEX = "pg_catalog.encode(pg_catalog.convert_to(session_key, pg_catalog.getdatabaseencoding()), 'hex')"
_AMONG = (
    "session_key OPERATOR(pg_catalog.=) ANY((SELECT pg_catalog.array_agg("
    "pg_catalog.convert_from(k, pg_catalog.getdatabaseencoding())) FROM pg_catalog.unnest(%s) k)::pg_catalog.text[]) "
    "AND expire_date OPERATOR(pg_catalog.<) %s"
)


def _stored_keys(keys: list[str]) -> list[object]:
    return [key.encode("utf-8", "surrogateescape") for key in keys]


class _StoredTable(NamedTuple):
    """A session table in the catalogue: its number, its name in SQL, whether its times have no zone, its index."""

    number: int
    in_sql: str
    naive: bool
    indexed: bool


class PostgreSQLSessions:
    """An open connection to the database that holds the sessions; see `facts.Sessions`."""

    def __init__(self, connection: Any, endpoint: Endpoint, convention: Convention, schema: str | None = None) -> None:
        self.connection, self.endpoint, self.convention = connection, endpoint, convention
        self._schema = schema
        self._tables: dict[str, _StoredTable] = {}

    def _rows(self, statement: str, *parameters: object) -> list[Any]:
        return rows(self.connection, self.endpoint, statement, *parameters)

    def _find(self, table: str) -> _StoredTable:
        if table not in self._tables:
            self._tables[table] = self._look_up(table)
        return self._tables[table]

    def _look_up(self, table: str) -> _StoredTable:
        tables = self._named(table)
        if not tables:
            where = f"in the schema {self._schema}" if self._schema else "on the search path"
            raise DatabaseFault(
                "no_table",
                f"PostgreSQL at {self.endpoint.place} has no table {table} {where} of the database "
                f"{self.endpoint.database}",
                hint="check login_db and the table's name, and that its schema is on the account's search_path",
            )
        number, schema = tables[0]
        columns = {str(name): (str(kind), str(position)) for name, kind, position in self._rows(_COLUMNS, number)}
        indexes = [(primary, str(keys).split()) for primary, keys in self._rows(_INDEXES, number)]
        self._check_columns(table, columns, [keys for primary, keys in indexes if primary])
        kind, position = columns["expire_date"]
        return _StoredTable(
            number,
            f"{quote_identifier(schema)}.{quote_identifier(table)}",
            naive=kind == _WITHOUT_ZONE,
            indexed=any(keys[0] == position for _primary, keys in indexes),
        )

    def _named(self, table: str) -> list[Any]:
        """Return the table with that name: in the schema where it was before, or on the search path."""
        return self._rows(_FIND, table, self._schema, self._schema)

    @staticmethod
    def _check_columns(table: str, columns: dict[str, tuple[str, str]], primary: list[list[str]]) -> None:
        key, expires = columns.get("session_key", ("", "")), columns.get("expire_date", ("", ""))[0]
        data = columns.get("session_data", ("text", ""))[0]
        is_key = key[0] in _KEY_TYPES and primary == [[key[1]]]
        if not is_key or expires not in (_WITH_ZONE, _WITHOUT_ZONE) or data != "text":
            raise Refused(
                "not_a_session_table",
                f"the table {table} is not a session table: it needs session_key as its primary key and the date-time "
                "expire_date",
                hint="name the table of the session model; Django's default is django_session",
            )

    def _stored(self, stored: _StoredTable, moment: datetime) -> datetime:
        """Return the moment as the column stores it; a column with a zone is compared with a moment directly."""
        return stored_time(moment, self.convention) if stored.naive else moment

    def describe(self, table: str) -> SessionTable:
        """Return the table as the catalogue shows it. Raise DatabaseFault no_table, Refused not_a_session_table."""
        return SessionTable(table, self._find(table).indexed)

    def count_rows(self, table: str, before: datetime | None = None) -> int:
        """Return the number of rows, of all or of those whose expire_date lies before a moment."""
        stored = self._find(table)
        query = f"SELECT pg_catalog.count(*) FROM {stored.in_sql}"
        if before is None:
            return int(self._rows(query)[0][0])
        return int(
            self._rows(f"{query} WHERE expire_date OPERATOR(pg_catalog.<) %s", self._stored(stored, before))[0][0]
        )

    def expired_keys(self, table: str, cutoff: datetime, limit: int) -> list[str]:
        """Return at most `limit` keys of sessions that expired before `cutoff`, read without locks, oldest first.

        A key is returned as the bytes that the server stores: in a SQL_ASCII database they may not be valid in any
        encoding.
        """
        stored = self._find(table)
        query = (
            f"SELECT {_KEY_IN_HEX} FROM {stored.in_sql} WHERE expire_date OPERATOR(pg_catalog.<) %s "
            "ORDER BY expire_date LIMIT %s"
        )
        found_keys = self._rows(query, self._stored(stored, cutoff), limit)
        return [bytes.fromhex(key).decode("utf-8", "surrogateescape") for (key,) in found_keys]

    def delete_expired(self, table: str, keys: list[str], cutoff: datetime) -> int:
        """Return the number of rows deleted among `keys`, in a transaction that tests `expire_date < cutoff` again.

        The DELETE itself tests it: after waiting for a renewal's lock the server checks the renewed row.
        """
        if not keys:
            return 0
        stored = self._find(table)
        statement = f"DELETE FROM {stored.in_sql} WHERE {_AMONG}"
        return run(self.connection, self.endpoint, statement, (_stored_keys(keys), self._stored(stored, cutoff)))[1]

    def count_expired(self, table: str, keys: list[str], cutoff: datetime) -> int:
        """Return how many of `keys` are sessions that expired before `cutoff`."""
        if not keys:
            return 0
        stored = self._find(table)
        query = f"SELECT pg_catalog.count(*) FROM {stored.in_sql} WHERE {_AMONG}"
        return int(self._rows(query, _stored_keys(keys), self._stored(stored, cutoff))[0][0])

    def check_writable(self) -> None:
        """Raise DatabaseFault `read_only` if the server is a standby, or a setting forbids this account to write."""
        query = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only')"
        standby, guard = self._rows(query)[0]
        if standby:
            message, hint = "is a standby and accepts no writes", "run this on its primary"
        elif guard == "on":
            message = f"does not let {self.endpoint.user} write: default_transaction_read_only is on"
            hint = (
                "set an account that is allowed to write; or, if the setting is not meant for this job, let an "
                "administrator reset it (ALTER ROLE or ALTER DATABASE … RESET default_transaction_read_only)"
            )
        else:
            return
        raise DatabaseFault("read_only", f"PostgreSQL at {self.endpoint.place} {message}", hint=hint)

    def size(self, table: str) -> TableSize:
        """Return the table's size with its indexes, as the server measures it now."""
        query = "SELECT pg_catalog.pg_total_relation_size(%s), pg_catalog.clock_timestamp()"
        size_bytes, measured_at = self._rows(query, self._find(table).number)[0]
        return TableSize(
            size_bytes,
            disk_bytes=size_bytes,
            statistics_at=iso(measured_at),
            reason="PostgreSQL shows the free space inside a table only with an extension",
        )

    def server_now(self) -> datetime:
        """Return the server's clock."""
        moment: datetime = self._rows("SELECT pg_catalog.clock_timestamp()")[0][0]
        return moment

    def identity(self, table: str) -> dict[str, object]:
        """Return what distinguishes this database and the schema of the table from all others.

        It includes the server's port, because a copy of the cluster on the same host has the same identifier.
        """
        schemas = [schema for _number, schema in self._named(table)]
        port = self._rows("SELECT pg_catalog.current_setting('port')")[0][0]
        whole = read_identity(self.connection, self.endpoint)
        return {**whole, "port": port, "schema": schemas[0] if schemas else None}

    def close(self) -> None:
        """Close the connection."""
        close(self.connection)
