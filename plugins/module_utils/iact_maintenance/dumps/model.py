"""What every kind of dump answers with, whatever engine it comes from.

Each engine has the same four functions:
`locate(settings: Backup, server, host) -> list[Source]`,
`dump(host, server, source, settings, output) -> DumpFacts`,
`check_restore(host, server, database)`, which raises what would keep a restore from beginning, and
`restore(host, server, source, database, stream: Iterator[bytes], settings: Restore) -> RestoreFacts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ..host import Host
from ..processes import Command, Completed, Limits, Sink
from ..report import Finding


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


def of_database(engine: str, database: str, tables: Sequence[str], whole: bool) -> Source:
    """The source for one database of a server: its tables that were asked for, or the whole with them in it."""
    asked = tuple(tables)
    return Source(f"{engine}.{database}", engine, database, () if whole else asked, asked if whole else ())


class LogFile(NamedTuple):
    """One file in the logs' inner archive: its own name, percent-encoded, and the name it has in there."""

    name: str
    member: str
    size_bytes: int
    modified_at: str


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
        """How `command` ended; `observe` saw everything it wrote. Raises ProcessFault."""
