"""The protocol of what can be backed up. `table.DUMPERS` has one dumper for each engine in a manifest.

A component is a part of an archive: a database of a server, an SQLite file, the logs. The dumper of its engine locates,
dumps, checks and restores it. Jobs use components and this protocol, and name no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ..errors import MaintenanceError, Refused
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
    """A directory for a temporary file of a dump: its descriptor, and the path of the file in it."""

    folder: int
    path: str
    keep_free_bytes: int = 0


class Destination(NamedTuple):
    """The target of a restore: a new database, or the directory for files."""

    database: str = ""
    directory: Target | None = None


class LocateResult(NamedTuple):
    """What there is to dump, findings if there is nothing, and the components that cannot be dumped, each with why."""

    sources: Sequence[Source] = ()
    findings: tuple[Finding, ...] = ()
    troubles: tuple[tuple[str, MaintenanceError], ...] = ()


class Dumper(Protocol):
    """The interface of every engine.

    `option` is the option of the section backup that names its components. With `has_tables` the tables of
    `backup.tables` are looked up in its connection. With `restores_files` a restore writes files into a directory,
    otherwise a new database.
    """

    engine: str
    option: str
    has_tables: bool
    restores_files: bool

    def named(self, options: Backup) -> tuple[str, ...]:
        """Return the components that the section backup names; empty if none."""
        value: str | tuple[str, ...] | None = getattr(options, self.option)
        return (value,) if isinstance(value, str) else value or ()

    def connection(self, settings: Settings) -> Connection | None:
        """Return the connection in which tables are looked up; None if there is none."""
        return None

    def is_wanted(self, settings: Settings) -> bool:
        """Return whether a backup must call `locate`: a component is named, or tables may be there."""
        tables = self.has_tables and settings.backup.tables and self.connection(settings) is not None
        return bool(self.named(settings.backup) or tables)

    def check_settings(self, settings: Settings) -> None:
        """Raise Refused or BadOption if a backup's settings are contradictory."""
        return None

    def require_programs(self, host: Host) -> None:
        """Raise ToolMissing or DatabaseFault if a program for dumps is missing or does not run."""
        return None

    def locate(self, settings: Settings, host: Host, earlier_files: tuple[str, ...]) -> LocateResult:
        """Return what there is to dump now. Raise DatabaseFault, MaintenanceError or Refused if that is unknown."""

    def holds(self, source: Source) -> str:
        """Return the contents of a dump of the source, for people."""

    def copy_bytes(self, source: Source) -> int:
        """Return the temporary space that a dump needs in addition to the archive."""
        return 0

    def prepare(
        self, host: Host, settings: Settings, source: Source, workplace: Workplace
    ) -> AbstractContextManager[Dump]:
        """Return a context with the function that dumps the source; it is entered before the archive is begun."""

    def difference(self, settings: Settings, host: Host, source: Source, identity: Mapping[str, object]) -> str:
        """Return why a dump is of something that is not backed up here; empty if it is. Raise MaintenanceError.

        `identity` is that of the server in the manifest.
        """

    def check_destination(self, settings: Settings) -> None:
        """Raise Refused unless the settings say where a restore may write; nothing is contacted."""

    def check_restore(self, host: Host, settings: Settings, destination: str) -> None:
        """Raise what would prevent a restore into this database or directory."""

    def restore(
        self, host: Host, settings: Settings, stored: Stored, destination: Destination, stream: Iterator[bytes]
    ) -> RestoreFacts:
        """Restore a dump and return its result. Raise DatabaseFault, Damaged, StorageFault or Refused.

        After an exception its database is dropped again; if that was impossible, the exception's `changed` is true.
        """


class FileDumper(Dumper):
    """The common part of dumpers whose components are restored as files."""

    restores_files = True

    def check_destination(self, settings: Settings) -> None:
        """Raise Refused if no directory is configured."""
        if settings.restore.target_directory is None:
            raise _no_target()

    def check_restore(self, host: Host, settings: Settings, destination: str) -> None:
        """Raise Refused for a directory that must not be used."""
        check_target(host, destination)


def opened(destination: Destination) -> Target:
    """Return the directory that files are restored into. Raise Refused if there is none."""
    if destination.directory is None:
        raise _no_target()
    return destination.directory


def _no_target() -> Refused:
    hint = "set it to a directory that does not exist or is empty; or restore only databases with restore.components"
    return Refused("no_target", "files are to be restored, but restore.target_directory is not set", hint=hint)
