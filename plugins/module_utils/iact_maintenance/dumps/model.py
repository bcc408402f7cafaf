"""The records that every dumper takes and returns, whatever its engine; `dumper.Dumper` is what it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ..formatting import plural
from ..host import Host
from ..processes import Command, Completed, Limits, Sink
from ..report import Finding
from ..secret import printable

_SHOWN_TABLES = 10


class LogFile(NamedTuple):
    """One file in the logs' inner archive: its own name, percent-encoded, and the name it has in there.

    `allocated_bytes` is the room that it took on the disk, less than its size if it had holes.
    """

    name: str
    member: str
    size_bytes: int
    modified_at: str
    allocated_bytes: int = 0


class Source(NamedTuple):
    """One thing to dump: the component's name in archives, its engine and database, the tables asked for.

    Without `tables` the whole database; `covered` are then tables that were asked for beside it and are in it.
    `rows` are those that the manifest states, where it is restored. `earlier_files` are the names of files that the
    last archive held; `foreseen` is what a dump is expected to report, for a dry run.
    """

    component: str
    engine: str
    database: str
    tables: tuple[str, ...]
    covered: tuple[str, ...] = ()
    rows: Mapping[str, int | None] = {}
    files: tuple[LogFile, ...] = ()
    earlier_files: tuple[str, ...] = ()
    foreseen: tuple[Finding, ...] = ()

    @property
    def all_tables(self) -> tuple[str, ...]:
        """Return the tables that were asked for and are in it."""
        return (*self.tables, *self.covered)


def number_of_tables(source: Source, whole: str) -> str:
    """Return for people that a dump holds all of something, and how many tables that is where it is known."""
    return f"{whole}, {plural(len(source.rows), 'table')}" if source.rows else whole


def tables_in_words(source: Source) -> str:
    """Return for people what of a database a dump holds: the tables that were named, or the whole."""
    if not source.tables:
        return number_of_tables(source, "the whole database")
    hidden = len(source.tables) - _SHOWN_TABLES
    more = f" and {hidden:,} more" if hidden > 0 else ""
    names = ", ".join(source.tables[:_SHOWN_TABLES])
    return printable(f"only the table{'s' * (len(source.tables) > 1)} {names}") + more


def of_database(engine: str, database: str, tables: Sequence[str], whole: bool) -> Source:
    """Return the source for one database of a server: its tables that were asked for, or the whole with them in it."""
    asked = tuple(tables)
    return Source(f"{engine}.{database}", engine, database, () if whole else asked, asked if whole else ())


class DumpFacts(NamedTuple):
    """What a finished dump is known to hold; `rows` are its own snapshot's, None with `rows_reason`.

    `suffix` is the end of the member's name before the compressor's (`sql`, `pgdump`). `files` are those of an inner
    archive; `notes` are sentences for the manifest alone, since they may name files.
    """

    rows: Mapping[str, int | None]
    rows_reason: str
    server_version: str
    server_identity: Mapping[str, object]
    tool: str
    findings: tuple[Finding, ...]
    suffix: str
    files: tuple[LogFile, ...] = ()
    notes: tuple[str, ...] = ()


class NothingLeft(Exception):
    """What was located is not there any more, which is no fault; raised with facts that have findings and notes."""

    @property
    def facts(self) -> DumpFacts:
        """Return what it was raised with."""
        facts: DumpFacts = self.args[0]
        return facts


class Stored(NamedTuple):
    """A dump in an archive: what it holds as the manifest states it, and its place for messages."""

    source: Source
    archive: str
    member: str


class RestoreFacts(NamedTuple):
    """What was restored: the database or path that received it, and the rows its tables hold now.

    `files` is the number of files where no rows are compared.
    """

    database: str
    rows: Mapping[str, int | None]
    findings: tuple[Finding, ...] = ()
    files: int | None = None


class Output(Protocol):
    """Where a dump goes: what a program writes, or bytes of our own, with a compressor behind it."""

    def run(self, host: Host, command: Command, observe: Sink, limits: Limits) -> Completed:
        """Run `command`, whose output `observe` sees; return how it ended. Raise ProcessFault."""

    def feed(self, chunks: Iterator[bytes], limits: Limits) -> None:
        """Keep all of `chunks`. Raise ProcessFault."""
