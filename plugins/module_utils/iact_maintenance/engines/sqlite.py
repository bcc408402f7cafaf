"""SQLite: Django's default engine, also used by the demo and the fast tests."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ..errors import DatabaseFault, Refused
from ..host import Host
from ..secret import foreign
from ..sections.connections import SQLiteFile
from .facts import Convention, SessionTable, TableSize, stored_time

_BUSY_SECONDS = 5.0
_DATE_TYPES = ("date", "time")


def quote_identifier(name: str) -> str:
    """Return `name` quoted as an identifier, whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def connect(target: SQLiteFile, *, writable: bool) -> sqlite3.Connection:
    """Return an open connection in autocommit mode; the file is never created. Raise DatabaseFault."""
    if not os.path.isfile(target.path):
        raise DatabaseFault(
            "no_database",
            f"the SQLite file {target.path} does not exist",
            hint="check sqlite.path and backup.sqlite_files",
        )
    mode = "rw" if writable else "ro"
    with faults(target.path):
        uri = f"file:{quote(target.path)}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        # SQLite stores keys of any type and encoding.
        connection.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection


@contextlib.contextmanager
def faults(path: str) -> Iterator[None]:
    """Return a context that turns the driver's errors about `path` into DatabaseFault with a stable code."""
    try:
        yield
    except sqlite3.Error as error:
        message = str(error)
        code, hint = next((meaning for words, meaning in _CODES if words in message), ("database", ""))
        raise DatabaseFault(code, f"SQLite file {path}: {foreign(message)}", hint=hint) from None


_CODES = (
    ("locked", ("lock_timeout", "another program writes to the file; try again later")),
    ("readonly", ("read_only", "give the maintenance user write access to the file and its directory")),
    ("unable to open", ("auth", "give the maintenance user access to the file and its directory")),
    ("full", ("no_space", "free some space, then run it again")),
    ("malformed", ("damaged", "stop the application and recover the file with .recover of sqlite3")),
    ("no such table", ("no_table", "check session_cleanup.table")),
    ("not a database", ("no_database", "check sqlite.path and backup.sqlite_files")),
)


class SQLiteSessions:
    """The sessions in an SQLite file; see `facts.Sessions`."""

    def __init__(self, target: SQLiteFile, convention: Convention, *, writable: bool) -> None:
        self._path = target.path
        self._convention = convention
        self._connection = connect(target, writable=writable)

    def describe(self, table: str) -> SessionTable:
        """Return the table as the catalogue shows it. Raise DatabaseFault no_table, Refused not_a_session_table."""
        columns = self._rows("SELECT name, lower(type), pk FROM pragma_table_info(?)", (table,))
        is_table = self._rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
        if not columns or not is_table:
            raise DatabaseFault(
                "no_table", f"there is no table {table} in {self._path}", hint="check session_cleanup.table"
            )
        types = {name: kind for name, kind, _key in columns}
        keys = [name for name, _kind, key in columns if key]
        if keys != ["session_key"] or not any(word in types.get("expire_date", "") for word in _DATE_TYPES):
            raise Refused(
                "not_a_session_table",
                f"{table} in {self._path} is not a session table: it needs the primary key session_key and "
                "a date in expire_date",
                hint="check session_cleanup.table",
            )
        return SessionTable(table, indexed=self._is_indexed(table))

    def _is_indexed(self, table: str) -> bool:
        indexes = self._rows(
            "SELECT 1 FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info "
            "WHERE info.seqno = 0 AND info.name = 'expire_date'",
            (table,),
        )
        return bool(indexes)

    def count_rows(self, table: str, before: datetime | None = None) -> int:
        """Return the number of rows, of all or of those whose expire_date lies before a moment."""
        query = f"SELECT count(*) FROM {quote_identifier(table)}"
        if before is None:
            return int(self._rows(query, ())[0][0])
        return int(self._rows(f"{query} WHERE expire_date < ?", (self._stored(before),))[0][0])

    def expired_keys(self, table: str, cutoff: datetime, limit: int) -> list[str]:
        """Return at most `limit` keys of sessions that expired before `cutoff`, the oldest first."""
        query = f"SELECT session_key FROM {quote_identifier(table)} WHERE expire_date < ? ORDER BY expire_date LIMIT ?"
        return [row[0] for row in self._rows(query, (self._stored(cutoff), limit))]

    def delete_expired(self, table: str, keys: list[str], cutoff: datetime) -> int:
        """Delete those of `keys` that are still expired, in one short transaction; return the number of rows."""
        statement = f"DELETE FROM {quote_identifier(table)} WHERE session_key = {{}} AND expire_date < ?"
        with faults(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                deleted = sum(cursor.rowcount for cursor in self._each(statement, keys, cutoff))
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return deleted

    def count_expired(self, table: str, keys: list[str], cutoff: datetime) -> int:
        """Return how many of `keys` are sessions that expired before `cutoff`."""
        query = f"SELECT count(*) FROM {quote_identifier(table)} WHERE session_key = {{}} AND expire_date < ?"
        with faults(self._path):
            return sum(int(cursor.fetchone()[0]) for cursor in self._each(query, keys, cutoff))

    def _each(self, statement: str, keys: list[str], cutoff: datetime) -> Iterator[sqlite3.Cursor]:
        """Run `statement` for each key; one that is not valid UTF-8 is passed as bytes."""
        stored = self._stored(cutoff)
        for key in keys:
            try:
                yield self._connection.execute(statement.format("?"), (key, stored))
            except UnicodeEncodeError:
                content = key.encode("utf-8", "surrogateescape")
                yield self._connection.execute(statement.format("CAST(? AS TEXT)"), (content, stored))

    def check_writable(self) -> None:
        """Raise DatabaseFault `read_only` if this account cannot write the file, or its directory for the journal."""
        for path in (self._path, os.path.dirname(os.path.abspath(self._path))):
            if not os.access(path, os.W_OK):
                hint = "give the maintenance user write access to the file and its directory"
                raise DatabaseFault("read_only", f"SQLite file {self._path}: {path} cannot be written", hint=hint)

    def size(self, table: str) -> TableSize:
        """Return the table's size with its indexes, from SQLite's page statistics if they are compiled in."""
        query = (
            "SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN "
            "(SELECT name FROM sqlite_master WHERE tbl_name = ?)"
        )
        try:
            total, reason = self._connection.execute(query, (table,)).fetchone()[0], ""
        except sqlite3.Error:
            total, reason = None, "this SQLite has no page statistics (dbstat)"
        free = self._rows("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size", ())[0][0]
        return TableSize(total, os.stat(self._path).st_size, free, reason=reason)

    def server_now(self) -> datetime | None:
        """Return None, because the clock is this host's own."""
        return None

    def identity(self, table: str) -> dict[str, object]:
        """Return the file itself, by its real path."""
        return {"engine": "sqlite", "path": os.path.realpath(self._path)}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _stored(self, moment: datetime) -> str:
        # As Django's SQLite backend stores it: text with a blank between date and time.
        return str(stored_time(moment, self._convention))

    def _rows(self, query: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with faults(self._path):
            return self._connection.execute(query, parameters).fetchall()


def ping(target: SQLiteFile, host: Host) -> str:
    """Return SQLite's version, after the file answered a query. Raise DatabaseFault."""
    connect(target, writable=False).close()
    return sqlite3.sqlite_version


def open_sessions(
    target: SQLiteFile, host: Host, convention: Convention, *, writable: bool, schema: str | None = None
) -> SQLiteSessions:
    """Return the open session store in an SQLite file. Raise DatabaseFault, or Refused for an attached database."""
    if schema not in (None, "main"):
        message = f"the session table is in the attached database {schema}, which is not supported"
        raise Refused("not_configured", message, hint="set the file itself in DATABASES")
    return SQLiteSessions(target, convention, writable=writable)
