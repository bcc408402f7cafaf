"""Django's sessions in MySQL or MariaDB."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ..errors import DatabaseFault, Refused
from ..timestamps import iso
from .endpoint import Endpoint
from .facts import Convention, SessionTable, TableSize, stored_time
from .mysql_connection import quote_identifier, read_identity, rows, run
from .mysql_settings import Stored

_KEY_TYPES = ("char", "varchar")
_DATA_TYPES = ("text", "mediumtext", "longtext")
# Bytes of a statement without its keys, and of a key without its digits.
_STATEMENT_BYTES, _KEY_BYTES = 512, 32
_TRANSACTIONAL = ("innodb", "rocksdb", "tokudb", "ndbcluster")


class MySQLSessions:
    """An open connection to the database that holds the sessions; see `facts.Sessions`."""

    def __init__(self, connection: Any, endpoint: Endpoint, convention: Convention) -> None:
        self.connection, self.endpoint, self.convention = connection, endpoint, convention
        self._character_sets: dict[str, str] = {}

    def _rows(self, statement: str, *parameters: object) -> list[Any]:
        return rows(self.connection, self.endpoint, statement, *parameters)

    def describe(self, table: str) -> SessionTable:
        """Return the table as the catalogue shows it. Raise DatabaseFault no_table, Refused not_a_session_table."""
        storage = self._storage(table)
        columns = {
            str(name): (str(kind).lower(), str(key))
            for name, kind, key in self._rows(
                "SELECT column_name, data_type, column_key FROM information_schema.columns "
                "WHERE table_schema = DATABASE() AND table_name = %s",
                table,
            )
        }
        self._check_columns(table, columns)
        return SessionTable(table, self._is_indexed(table), storage in _TRANSACTIONAL)

    def _storage(self, table: str) -> str:
        """Return the storage engine of a base table, in lower case."""
        tables = self._rows(
            "SELECT table_name, engine, @@lower_case_table_names FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name = %s AND table_type = 'BASE TABLE'",
            table,
        )
        for name, engine, folds_case in tables:
            # Compared here too, because the catalogue's collation ignores case and trailing blanks.
            if name == table or (folds_case and name.lower() == table.lower()):
                return str(engine or "").lower()
        raise DatabaseFault(
            "no_table",
            f"MySQL at {self.endpoint.place} shows this account no table {table} "
            f"in the database {self.endpoint.database or '(none is set)'}",
            hint="check login_db and the table's name, and that the account may SELECT from it and DELETE",
        )

    @staticmethod
    def _check_columns(table: str, columns: dict[str, tuple[str, str]]) -> None:
        key, expires = columns.get("session_key", ("", "")), columns.get("expire_date", ("", ""))
        data = columns.get("session_data", (_DATA_TYPES[0], ""))[0]
        # Alone, because the columns of a composite key are each marked as well.
        primary = [name for name, column in columns.items() if column[1] == "PRI"]
        is_key = key[0] in _KEY_TYPES and primary == ["session_key"]
        if not is_key or expires[0] != "datetime" or data not in _DATA_TYPES:
            raise Refused(
                "not_a_session_table",
                f"the table {table} is not a session table: it needs session_key as its primary key and the date-time "
                "expire_date",
                hint="name the table of the session model; Django's default is django_session",
            )

    def _is_indexed(self, table: str) -> bool:
        indexes = self._rows(
            "SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = %s "
            "AND column_name = 'expire_date' AND seq_in_index = 1 LIMIT 1",
            table,
        )
        return bool(indexes)

    def count_rows(self, table: str, before: datetime | None = None) -> int:
        """Return the number of rows, of all or of those whose expire_date lies before a moment."""
        if before is None:
            return int(self._rows(f"SELECT COUNT(*) FROM {quote_identifier(table)}")[0][0])
        statement = f"SELECT COUNT(*) FROM {quote_identifier(table)} WHERE expire_date < %s"
        return int(self._rows(statement, stored_time(before, self.convention))[0][0])

    def expired_keys(self, table: str, cutoff: datetime, limit: int) -> list[str]:
        """Return at most `limit` keys of sessions that expired before `cutoff`, read without locks, oldest first.

        A key is returned as the bytes that the server stores, which may not be valid UTF-8.
        """
        rows_of = f"FROM {quote_identifier(table)} WHERE expire_date < %s ORDER BY expire_date LIMIT %s"
        keys = self._rows(f"SELECT HEX(session_key) {rows_of}", stored_time(cutoff, self.convention), limit)
        return [bytes.fromhex(key).decode("utf-8", "surrogateescape") for (key,) in keys]

    def delete_expired(self, table: str, keys: list[str], cutoff: datetime) -> int:
        """Return the number of rows deleted among `keys`, in transactions that test `expire_date < cutoff` again.

        One transaction, unless the server accepts only smaller statements.
        """
        return sum(self._among("DELETE", table, part, cutoff)[1] for part in self._parts(keys))

    def count_expired(self, table: str, keys: list[str], cutoff: datetime) -> int:
        """Return how many of `keys` are sessions that expired before `cutoff`."""
        counts = [self._among("SELECT COUNT(*)", table, part, cutoff)[0] for part in self._parts(keys)]
        return sum(int(counted[0][0]) for counted in counts)

    def _among(self, verb: str, table: str, keys: list[str], cutoff: datetime) -> tuple[list[Any], int]:
        places = ", ".join(["%s"] * len(keys))
        statement = f"{verb} FROM {quote_identifier(table)} WHERE session_key IN ({places}) AND expire_date < %s"
        character_set = self._character_set(table)
        stored = [Stored(key.encode("utf-8", "surrogateescape"), character_set) for key in keys]
        return run(self.connection, self.endpoint, statement, *stored, stored_time(cutoff, self.convention))

    def _parts(self, keys: list[str]) -> list[list[str]]:
        """Return `keys` in parts that each fit into one statement."""
        if not keys:
            return []
        largest_bytes = int(self._rows("SELECT @@max_allowed_packet")[0][0])
        longest = max(len(key.encode("utf-8", "surrogateescape")) for key in keys)
        rows_each = max(1, (largest_bytes - _STATEMENT_BYTES) // (2 * longest + _KEY_BYTES))
        return [keys[begin : begin + rows_each] for begin in range(0, len(keys), rows_each)]

    def _character_set(self, table: str) -> str:
        """Return the character set of the keys."""
        if table not in self._character_sets:
            answer = self._rows(
                "SELECT character_set_name FROM information_schema.columns "
                "WHERE table_schema = DATABASE() AND table_name = %s AND column_name = 'session_key'",
                table,
            )
            self._character_sets[table] = str(answer[0][0]) if answer else "utf8mb4"
        return self._character_sets[table]

    def check_writable(self) -> None:
        """Raise DatabaseFault `read_only` if the server or a setting of an administrator forbids this account to write.

        The server is asked, because only it knows which accounts its `read_only` exempts.
        """
        if self.connection.as_found.read_only:
            raise DatabaseFault(
                "read_only",
                f"MySQL at {self.endpoint.place} does not let {self.endpoint.user} write: its transactions are "
                "read-only by default (transaction_read_only is on)",
                hint="let an administrator remove transaction_read_only from the server's configuration or its "
                "init_connect, if it is not meant for this job",
            )
        self._rows("START TRANSACTION READ WRITE")
        self._rows("ROLLBACK")

    def size(self, table: str) -> TableSize:
        """Return the table's size from the server's statistics, with their age if the account may see it."""
        answer = self._rows(
            "SELECT data_length + index_length, data_free, @@innodb_file_per_table FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND table_name = %s",
            table,
        )
        if not answer or answer[0][0] is None:
            return TableSize(None, reason="the server does not show this account the size of the table")
        total, free, own_file = answer[0]
        reason = "" if own_file else "the table shares its file with others, so its free space is not known"
        return TableSize(
            int(total),
            reusable_bytes=int(free) if own_file else None,
            statistics_at=self._statistics_at(table),
            reason=reason or "only administrators can read the size of the file",
        )

    def _statistics_at(self, table: str) -> str | None:
        try:
            answer = self._rows(
                "SELECT last_update FROM mysql.innodb_table_stats WHERE database_name = DATABASE() AND table_name = %s",
                table,
            )
        except DatabaseFault as fault:
            if fault.code not in ("missing_privilege", "no_table"):
                raise
            return None
        # A TIMESTAMP column, which the server turns into this session's time zone: UTC.
        return iso(answer[0][0].replace(tzinfo=timezone.utc)) if answer else None

    def server_now(self) -> datetime:
        """Return the server's clock."""
        moment: datetime = self._rows("SELECT UTC_TIMESTAMP(6)")[0][0]
        return moment.replace(tzinfo=timezone.utc)

    def identity(self, table: str) -> dict[str, object]:
        """Return what distinguishes this database from all others."""
        return read_identity(self.connection, self.endpoint)

    def close(self) -> None:
        """Close the connection."""
        try:
            self.connection.close()
        except Exception:  # The server may have gone first, or the connection been closed by a fault.
            return
