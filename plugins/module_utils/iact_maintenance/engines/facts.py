"""The records and the Protocol that every engine implements."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import NamedTuple, Protocol

from ..timestamps import zone_named


class SessionTable(NamedTuple):
    """A session table that was compared with the server's catalogue.

    `indexed`: an index begins with expire_date. `transactional`: a delete can be rolled back and locks only its rows.
    """

    name: str
    indexed: bool
    transactional: bool = True


class TableSize(NamedTuple):
    """The size of a table as its server states it, in bytes; None with a `reason` if unknown.

    `disk_bytes` is the size of the file that holds it: a delete returned space to the disk only if it shrinks.
    `reusable_bytes` is free space inside that file; `statistics_at` is when the server gathered the numbers.
    """

    total_bytes: int | None
    disk_bytes: int | None = None
    reusable_bytes: int | None = None
    statistics_at: str | None = None
    reason: str = ""


class Convention(NamedTuple):
    """How a site stores times: in UTC (USE_TZ), or as local time of `time_zone`."""

    use_tz: bool = True
    time_zone: str = "UTC"


def stored_time(moment: datetime, convention: Convention) -> datetime:
    """Return `moment` without a zone, as this convention stores it in a column without one.

    When clocks go back an hour is stored twice, and a value of that hour may mean its second pass. The result is then
    the earlier one, so that every lower value has passed in either reading, and no live session is deleted. Raise
    BadOption if this host does not know the site's time zone.
    """
    if convention.use_tz:
        return moment.astimezone(timezone.utc).replace(tzinfo=None)
    zone = zone_named(convention.time_zone)
    local = moment.astimezone(zone).replace(tzinfo=None)
    latest = local.replace(tzinfo=zone, fold=1).astimezone(timezone.utc)
    return local - max(latest - moment, timedelta())


class Sessions(Protocol):
    """An open connection to the database that holds the sessions, as returned by each engine's `open_sessions`.

    A cutoff is an aware moment; the engine converts it to what the column stores and sends it as a parameter. Every
    method raises DatabaseFault with a stable code (db_unreachable, auth, no_table, read_only, ...).
    """

    def describe(self, table: str) -> SessionTable:
        """Return the table as the catalogue shows it. Raise DatabaseFault no_table, Refused not_a_session_table."""

    def count_rows(self, table: str, before: datetime | None = None) -> int:
        """Return the number of rows, of all or of those whose expire_date lies before a moment."""

    def expired_keys(self, table: str, cutoff: datetime, limit: int) -> list[str]:
        """Return at most `limit` keys of sessions that expired before `cutoff`, the oldest first, without locks."""

    def delete_expired(self, table: str, keys: list[str], cutoff: datetime) -> int:
        """Delete those of `keys` that are still expired, in one short transaction; return the number of rows."""

    def count_expired(self, table: str, keys: list[str], cutoff: datetime) -> int:
        """Return how many of `keys` are sessions that expired before `cutoff`."""

    def check_writable(self) -> None:
        """Raise DatabaseFault `read_only` if the server, or a setting of an administrator, forbids writing."""

    def size(self, table: str) -> TableSize:
        """Return the table's size as the server states it."""

    def server_now(self) -> datetime | None:
        """Return the server's clock; None if it is this host's own."""

    def identity(self, table: str) -> dict[str, object]:
        """Return what distinguishes this database, and the schema of the table, from all others."""

    def close(self) -> None:
        """Close the connection."""


class CatalogueTable(NamedTuple):
    """A table in a catalogue. `schema` is PostgreSQL's; for MySQL it is the database."""

    database: str
    schema: str
    name: str
