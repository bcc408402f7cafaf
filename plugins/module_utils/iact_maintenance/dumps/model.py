"""What every kind of dump answers with, whatever engine it comes from; `table.ServerDump` says what it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ..formatting import plural
from ..host import Host
from ..processes import Command, Completed, Limits, Sink
from ..report import Finding
from ..secret import printable

_SHOWN_TABLES = 10


class Source(NamedTuple):
    """One thing to dump: the component's name in archives, its engine and database, the tables asked for.

    Without `tables` the whole database; `covered` are then tables that were asked for beside it and are in it.
    `rows` are those that the manifest states, where it is restored.
    """

    component: str
    engine: str
    database: str
    tables: tuple[str, ...]
    covered: tuple[str, ...] = ()
    rows: Mapping[str, int | None] = {}

    @property
    def holds(self) -> str:
        """Return what of its database a dump of it holds, for people."""
        return holds(self.engine, self.tables)


def holds(engine: str, tables: Sequence[str], of: int = 0, files: int = 0) -> str:
    """Return what a component holds, for people: `of` is the number of tables, as far as it is known."""
    if files or engine == "logs":
        return plural(files, "file")
    if engine != "sqlite" and tables:
        more = f" and {len(tables) - _SHOWN_TABLES:,} more" if len(tables) > _SHOWN_TABLES else ""
        return printable(f"only the table{'s' * (len(tables) > 1)} {', '.join(tables[:_SHOWN_TABLES])}") + more
    whole = "the whole file" if engine == "sqlite" else "the whole database"
    return f"{whole}, {plural(of, 'table')}" if of else whole


def of_database(engine: str, database: str, tables: Sequence[str], whole: bool) -> Source:
    """Return the source for one database of a server: its tables that were asked for, or the whole with them in it."""
    asked = tuple(tables)
    return Source(f"{engine}.{database}", engine, database, () if whole else asked, asked if whole else ())


class LogFile(NamedTuple):
    """One file in the logs' inner archive: its own name, percent-encoded, and the name it has in there.

    `allocated_bytes` is the room that it took on the disk, less than its size if it had holes.
    """

    name: str
    member: str
    size_bytes: int
    modified_at: str
    allocated_bytes: int = 0


class DumpFacts(NamedTuple):
    """What a finished dump is known to hold; `rows` are its own snapshot's, None with `rows_reason`.

    `suffix` is the end of the member's name before the compressor's (`sql`, `pgdump`).
    """

    rows: Mapping[str, int | None]
    rows_reason: str
    server_version: str
    server_identity: Mapping[str, object]
    tool: str
    findings: tuple[Finding, ...]
    suffix: str


class RestoreFacts(NamedTuple):
    """What was restored: the database that received it, and the rows its tables hold now."""

    database: str
    rows: Mapping[str, int | None]
    findings: tuple[Finding, ...] = ()


class Output(Protocol):
    """Where a dump goes: runs the dump program with a compressor behind it and keeps the result."""

    def run(self, host: Host, command: Command, observe: Sink, limits: Limits) -> Completed:
        """Run `command`, whose output `observe` sees; return how it ended. Raise ProcessFault."""
