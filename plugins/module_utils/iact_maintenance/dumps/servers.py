"""Dump and restore databases of servers: what MySQL, MariaDB and PostgreSQL have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

from ..engines.required_rights import restore_hint
from ..engines.table import IDENTITIES
from ..errors import Interrupted, MaintenanceError, Refused
from ..host import Host
from ..sections.backup import Backup
from ..sections.connections import Server
from ..sections.restore import Restore
from ..settings import Settings
from .dumper import Destination, Dump, Dumper, LocateResult, Workplace
from .model import DumpFacts, Output, RestoreFacts, Source, Stored, tables_in_words


class ServerDump(Protocol):
    """The interface of the file of one server's dump; the connection is passed to it."""

    def require_programs(self, host: Host) -> None:
        """Raise ToolMissing or DatabaseFault if a program for dumps is missing or does not run."""

    def locate(self, settings: Backup, server: Server, host: Host) -> list[Source]:
        """Return one source for each database that is to be dumped. Raise DatabaseFault or Refused."""

    def dump(self, host: Host, server: Server, source: Source, settings: Backup, output: Output) -> DumpFacts:
        """Dump a source and return what the dump holds. Raise DatabaseFault, ProcessFault or Refused."""

    def check_restore(self, host: Host, server: Server, database: str) -> None:
        """Raise what would prevent a restore into `database`."""

    def create(self, host: Host, server: Server, database: str) -> bool:
        """Create the database, or check that an existing one is empty; return whether it was created."""

    def drop(self, host: Host, server: Server, database: str) -> bool:
        """Drop a database that `create` made, and return whether that succeeded."""

    def restore(
        self, host: Host, server: Server, source: Source, database: str, stream: Iterator[bytes], settings: Restore
    ) -> RestoreFacts:
        """Restore a dump into the empty `database` and return the rows of each table. Raise DatabaseFault."""


class ServerDumper(Dumper):
    """Dump databases of a server, each into a member, and restore them into new databases."""

    has_tables, restores_files = True, False

    def __init__(self, engine: str, server_dump: ServerDump) -> None:
        self.engine, self.option = engine, f"{engine}_databases"
        self._server_dump = server_dump

    def connection(self, settings: Settings) -> Server | None:
        """Return the backup's own connection."""
        return settings.backup.servers.get(self.engine)

    def check_settings(self, settings: Settings) -> None:
        """Raise Refused if databases are named without a server."""
        if self.named(settings.backup) and self.connection(settings) is None:
            hint = f"add the section {self.engine} to the config file"
            message = f"backup.{self.option} is set, but there is no section {self.engine}"
            raise Refused("not_configured", message, hint=hint)

    def require_programs(self, host: Host) -> None:
        """Raise ToolMissing or DatabaseFault if a program for dumps is missing or does not run."""
        self._server_dump.require_programs(host)

    def locate(self, settings: Settings, host: Host, earlier_files: tuple[str, ...]) -> LocateResult:
        """Return the databases to dump, from the server's catalogue. Raise DatabaseFault or Refused."""
        return LocateResult(self._server_dump.locate(settings.backup, self._connected(settings), host))

    def holds(self, source: Source) -> str:
        """Return the tables that were named, or that it is the whole database."""
        return tables_in_words(source)

    def prepare(
        self, host: Host, settings: Settings, source: Source, workplace: Workplace
    ) -> AbstractContextManager[Dump]:
        """Return a context with the function that dumps a database."""
        server = self._connected(settings)
        return contextlib.nullcontext(partial(self._server_dump.dump, host, server, source, settings.backup))

    def _connected(self, settings: Settings) -> Server:
        server = self.connection(settings)
        if server is None:
            raise Refused("not_configured", f"there is no section {self.engine}", hint="add it to the config file")
        return server

    def difference(self, settings: Settings, host: Host, source: Source, identity: Mapping[str, object]) -> str:
        """Return why a dump is not of the configured server. Raise MaintenanceError if it cannot be asked."""
        server = self.connection(settings)
        if server is None:
            return f"no {self.engine} server is configured on this host"
        same = _server_alone(identity) == _server_alone(IDENTITIES[self.engine](server, host))
        return "" if same else f"{source.component} comes from another {self.engine} server"

    def check_destination(self, settings: Settings) -> None:
        """Raise Refused if there is no account to restore with."""
        self._restorer(settings)

    def _restorer(self, settings: Settings) -> Server:
        server = settings.restore.servers.get(self.engine)
        if server is None:
            message = f"restore.{self.engine} is not set: a restore needs an account"
            raise Refused("restore_account", message, hint=restore_hint(self.engine))
        return server

    def check_restore(self, host: Host, settings: Settings, destination: str) -> None:
        """Raise DatabaseFault, ToolMissing or Refused if the restore could not begin."""
        self._server_dump.check_restore(host, self._restorer(settings), destination)

    def restore(
        self, host: Host, settings: Settings, stored: Stored, destination: Destination, stream: Iterator[bytes]
    ) -> RestoreFacts:
        """Restore a dump into a new database. Raise DatabaseFault or Refused."""
        server, database = self._restorer(settings), destination.database
        with target_database(self._server_dump, host, server, database):
            return self._server_dump.restore(host, server, stored.source, database, stream, settings.restore)


@contextlib.contextmanager
def target_database(server_dump: ServerDump, host: Host, server: Server, database: str) -> Iterator[None]:
    """Return a context in which the database exists, empty at its beginning.

    After any exception a database that was created is dropped; the exception's `changed` is whether it remains.
    """
    created = server_dump.create(host, server, database)
    try:
        yield
    except BaseException as ended:
        dropped = created and server_dump.drop(host, server, database)
        if isinstance(ended, (MaintenanceError, Interrupted)):
            ended.changed = not dropped
        raise


def _server_alone(identity: Mapping[str, object]) -> dict[str, object]:
    """Return what distinguishes servers, without the database."""
    return {name: value for name, value in identity.items() if name != "database"}
