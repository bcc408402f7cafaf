"""The records that dumpers take and return; `dumper.Dumper` is their interface."""

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
    """A file in the logs' inner archive: its original name, percent-encoded, and its name in there.

    `allocated_bytes` is the space that it used on the disk, less than its size if it had holes.
    """

    name: str
    member: str
    size_bytes: int
    modified_at: str
    allocated_bytes: int = 0


class Source(NamedTuple):
    """Something to dump: the component's name in archives, its engine and database, the requested tables.

    Without `tables` it is the whole database; `covered` are then tables that were also requested and are in it. `rows`
    are those in the manifest, for a restore. `earlier_files` are the names of files in the previous archive; `foreseen`
    is what a dump will probably report, for a dry run.
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
        """Return the requested tables that are in it."""
        return (*self.tables, *self.covered)


def number_of_tables(source: Source, whole: str) -> str:
    """Return `whole` with the number of tables, if known, for people."""
    return f"{whole}, {plural(len(source.rows), 'table')}" if source.rows else whole


def tables_in_words(source: Source) -> str:
    """Return which tables of a database a dump contains, for people."""
    if not source.tables:
        return number_of_tables(source, "the whole database")
    hidden = len(source.tables) - _SHOWN_TABLES
    more = f" and {hidden:,} more" if hidden > 0 else ""
    names = ", ".join(source.tables[:_SHOWN_TABLES])
    return printable(f"only the table{'s' * (len(source.tables) > 1)} {names}") + more


def of_database(engine: str, database: str, tables: Sequence[str], whole: bool) -> Source:
    """Return the source for a database of a server: the requested tables, or the whole database with them."""
    asked = tuple(tables)
    return Source(f"{engine}.{database}", engine, database, () if whole else asked, asked if whole else ())


class DumpFacts(NamedTuple):
    """The known contents of a finished dump; `rows` are those of its snapshot, None with `rows_reason`.

    `suffix` is the suffix of the member's name before the compressor's (`sql`, `pgdump`). `files` are those of an inner
    archive; `notes` are sentences for the manifest only, because they may name files.
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
    """What was located does not exist any more, which is no error; raised with facts that have findings and notes."""

    @property
    def facts(self) -> DumpFacts:
        """Return the facts that it was raised with."""
        facts: DumpFacts = self.args[0]
        return facts


class Stored(NamedTuple):
    """A dump in an archive: its contents according to the manifest, and its location for messages."""

    source: Source
    archive: str
    member: str


class RestoreFacts(NamedTuple):
    """The result of a restore: the database or path, and the rows of its tables.

    `files` is the number of files if rows are not compared.
    """

    database: str
    rows: Mapping[str, int | None]
    findings: tuple[Finding, ...] = ()
    files: int | None = None


class Output(Protocol):
    """The destination of a dump: the output of a program, or chunks of bytes, with a compressor."""

    def run(self, host: Host, command: Command, observe: Sink, limits: Limits) -> Completed:
        """Run `command`, whose output `observe` sees; return how it ended. Raise ProcessFault."""

    def feed(self, chunks: Iterator[bytes], limits: Limits) -> None:
        """Write all of `chunks`. Raise ProcessFault."""
