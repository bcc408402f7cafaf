"""The dumps of database servers, by engine. To add one: a file beside this one, and its row here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from ..host import Host
from ..sections.backup import Backup
from ..sections.connections import Server
from ..sections.restore import Restore
from . import mysql, postgresql
from .model import DumpFacts, Output, RestoreFacts, Source


class ServerDump(Protocol):
    """What the file of a server's dump answers to."""

    def locate(self, settings: Backup, server: Server, host: Host) -> list[Source]:
        """Return one source for each database that is to be dumped. Raise DatabaseFault or Refused."""

    def dump(self, host: Host, server: Server, source: Source, settings: Backup, output: Output) -> DumpFacts:
        """Dump a source and return what the dump holds. Raise DatabaseFault, ProcessFault or Refused."""

    def check_restore(self, host: Host, server: Server, database: str) -> None:
        """Raise what would keep a restore into `database` from beginning."""

    def restore(
        self, host: Host, server: Server, source: Source, database: str, stream: Iterator[bytes], settings: Restore
    ) -> RestoreFacts:
        """Restore a dump into `database` and return the rows of each table. Raise DatabaseFault or Refused."""


DUMPS: Mapping[str, ServerDump] = {"mysql": mysql, "postgresql": postgresql}
