"""The protocol of what can be backed up. `table.DUMPERS` has one dumper for each engine that a manifest may name.

A component is one thing in an archive: a database of a server, an SQLite file, the logs. Its engine says which dumper
finds, dumps, checks and restores it; jobs know components and this protocol, and no engine by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ..errors import Refused
from ..host import Host
from ..report import Finding
from ..sections.backup import Backup
from ..sections.connections import Connection
from ..settings import Settings
from .model import DumpFacts, Output, RestoreFacts, Source, Stored
from .targets import Target, check_target

# Dumps one source into where it is told to. Raises MaintenanceError, or NothingLeft.
Dump = Callable[[Output], DumpFacts]


class Workplace(NamedTuple):
    """A directory for a file that a dump needs for itself: open, with the path of that file in it."""

    folder: int
    path: str
    keep_free_bytes: int = 0


class Destination(NamedTuple):
    """Where a restore goes: a scratch database, or the directory for files."""

    database: str = ""
    directory: Target | None = None


class LocateResult(NamedTuple):
    """What there is to dump, and what should be known where nothing is."""

    sources: Sequence[Source] = ()
    findings: tuple[Finding, ...] = ()


class Dumper(Protocol):
    """What every engine answers to.

    `option` is the option of the section backup that names its components. Where `has_tables`, the tables of
    `backup.tables` are looked up in its connection. Where `restores_files`, a restore writes files into a directory,
    else a scratch database.
    """

    engine: str
    option: str
    has_tables: bool
    restores_files: bool

    def named(self, options: Backup) -> tuple[str, ...]:
        """Return the components that the section backup names; empty where none is configured."""
        value: str | tuple[str, ...] | None = getattr(options, self.option)
        return (value,) if isinstance(value, str) else value or ()

    def connection(self, settings: Settings) -> Connection | None:
        """Return the connection by which tables are looked up; None where there is none."""
        return None

    def is_wanted(self, settings: Settings) -> bool:
        """Return whether a backup has to locate anything: a component is named, or tables may be there."""
        tables = self.has_tables and settings.backup.tables and self.connection(settings) is not None
        return bool(self.named(settings.backup) or tables)

    def check_settings(self, settings: Settings) -> None:
        """Raise Refused or BadOption if the settings of a backup make no sense."""
        return None

    def locate(self, settings: Settings, host: Host, earlier_files: tuple[str, ...]) -> LocateResult:
        """Return what there is to dump now. Raise DatabaseFault, MaintenanceError or Refused where nobody can tell."""

    def holds(self, source: Source) -> str:
        """Return for people what a dump of the source holds."""

    def copy_bytes(self, source: Source) -> int:
        """Return the room that a dump takes for a time beside the archive."""
        return 0

    def prepare(
        self, host: Host, settings: Settings, source: Source, workplace: Workplace
    ) -> AbstractContextManager[Dump]:
        """Return a context with what dumps the source; it is entered before the archive is begun."""

    def difference(self, settings: Settings, host: Host, source: Source, identity: Mapping[str, object]) -> str:
        """Return why a dump is of nothing that is backed up here; empty where it is. Raise MaintenanceError.

        `identity` is what its manifest states of the server.
        """

    def check_destination(self, settings: Settings) -> None:
        """Raise Refused unless the settings say where a restore may write; nothing is looked at."""

    def check_restore(self, host: Host, settings: Settings, destination: str) -> None:
        """Raise what would keep a restore into this database or directory from beginning."""

    def restore(
        self, host: Host, settings: Settings, stored: Stored, destination: Destination, stream: Iterator[bytes]
    ) -> RestoreFacts:
        """Restore a dump and return what is there now. Raise DatabaseFault, Damaged, StorageFault or Refused.

        After any exception what it made is dropped again; where that was impossible the exception's `changed` is true.
        """


class FileDumper(Dumper):
    """What is common to all that is restored as files."""

    restores_files = True

    def check_destination(self, settings: Settings) -> None:
        """Raise Refused without a directory to restore into."""
        if settings.restore.target_directory is None:
            raise _no_target()

    def check_restore(self, host: Host, settings: Settings, destination: str) -> None:
        """Raise Refused for a directory that may not be used."""
        check_target(host, destination)


def opened(destination: Destination) -> Target:
    """Return the directory that files are restored into. Raise Refused where none was opened."""
    if destination.directory is None:
        raise _no_target()
    return destination.directory


def _no_target() -> Refused:
    hint = "it is made, or empty; or name databases alone with restore.components"
    return Refused("no_target", "files are to be restored, but restore.target_directory is not set", hint=hint)
