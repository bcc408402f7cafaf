"""Dump SQLite files: one consistent copy by SQLite's online backup, while others write."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import NamedTuple
from urllib.parse import quote

from ..engines.sqlite import connect, faults, quote_identifier
from ..errors import Damaged, DatabaseFault, ProcessFault, StorageFault
from ..files import check_room, close, create, mark_in_use, storage
from ..host import Host
from ..processes import Limits
from ..sections.backup import Backup
from ..sections.connections import SQLiteFile
from ..settings import Settings
from .dumper import Destination, Dump, FileDumper, LocateResult, Workplace, opened
from .model import DumpFacts, Output, RestoreFacts, Source, Stored, number_of_tables
from .targets import Target

ENGINE = "sqlite"
_CHUNK_BYTES = 1 << 18
_STEP_PAGES = 2048
_SIDE_FILES = ("", "-wal")


class Private(NamedTuple):
    """An unlinked file and an open database in it, for a copy."""

    descriptor: int
    connection: sqlite3.Connection
    path: str
    keep_free_bytes: int = 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the copy; its space is freed at the end. Raise StorageFault."""
        offset = 0
        with storage(self.path):
            while chunk := os.pread(self.descriptor, _CHUNK_BYTES, offset):
                offset += len(chunk)
                yield chunk
            os.ftruncate(self.descriptor, 0)


def locate(settings: Backup, server: SQLiteFile | None, host: Host) -> list[Source]:
    """Return the SQLite files to back up, each whole: the named ones, and the configured one with a wanted table.

    Raise DatabaseFault if the configured one cannot be asked.
    """
    files = settings.sqlite_files
    sources = {path: Source(_component(path, files), ENGINE, path, ()) for path in files}
    if server is not None and settings.tables:
        present = _tables_among(server, settings.tables)
        if present:
            sources[server.path] = Source(_component(server.path, files), ENGINE, server.path, present)
    return list(sources.values())


def _trouble(path: str) -> DatabaseFault | None:
    """Return why a file cannot be dumped; None if it can, or is only locked now, which may be over at its dump."""
    try:
        connect(SQLiteFile(path), writable=False).close()
    except DatabaseFault as error:
        return None if error.code == "lock_timeout" else error
    return None


def _component(path: str, files: tuple[str, ...]) -> str:
    """Return the component's name: the file's, with a digest of its path if another file has the same name."""
    name = os.path.splitext(os.path.basename(path))[0]
    twins = {other for other in files if os.path.splitext(os.path.basename(other))[0] == name} - {path}
    return f"sqlite.{name}" + (f"~{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}" if twins else "")


def _tables_among(server: SQLiteFile, wanted: tuple[str, ...]) -> tuple[str, ...]:
    with closing(connect(server, writable=False)) as connection, faults(server.path):
        names = set(_tables(connection))
    return tuple(name for name in wanted if name in names)


def size_bytes(path: str) -> int:
    """Return the maximum size of the private copy of a file; 0 if the file does not exist."""
    total = 0
    for end in _SIDE_FILES:
        with contextlib.suppress(OSError):
            total += os.stat(path + end).st_size
    return total


@contextlib.contextmanager
def private(folder: int, path: str, keep_free_bytes: int = 0) -> Iterator[Private]:
    """Return a context with the private file `path` in the open directory `folder`.

    Raise DatabaseFault or StorageFault. The file is unlinked before anything is written, so that nothing remains
    however this process ends.
    """
    name = os.path.basename(path)
    with storage(path):
        descriptor = create(name, folder=folder)
    try:
        mark_in_use(descriptor)
        with closing(_open(path)) as connection:
            with storage(path):
                os.unlink(name, dir_fd=folder)
            yield Private(descriptor, connection, path, keep_free_bytes)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        close(descriptor)


def _open(path: str) -> sqlite3.Connection:
    with faults(path):
        connection = sqlite3.connect(path, isolation_level=None)
        # No journal beside the copy: a copy that was interrupted is thrown away, not recovered.
        connection.execute("PRAGMA journal_mode = MEMORY").fetchone()
        connection.execute("PRAGMA synchronous = OFF")
    return connection


def copy(host: Host, source: Source, into: Private, limits: Limits) -> DumpFacts:
    """Make a private copy and return its contents. Raise DatabaseFault, StorageFault, ProcessFault `timeout`.

    Rows are counted in the transaction that is copied.
    """
    until = host.monotonic() + limits.deadline_seconds

    def check(_status: int, _remaining: int, _total: int) -> None:
        if host.monotonic() > until:
            raise ProcessFault("timeout", f"the copy did not end within {limits.deadline_seconds:g} s")
        if into.keep_free_bytes:
            check_room(into.descriptor, os.path.dirname(into.path), into.keep_free_bytes)

    with closing(connect(SQLiteFile(source.database), writable=False)) as connection, faults(source.database):
        connection.execute("BEGIN")
        rows = {table: _rows_of(connection, table) for table in _tables(connection)}
        # In steps, so that a signal or the deadline is met between two; the open transaction keeps them of one moment.
        with _room(into):
            connection.backup(into.connection, pages=_STEP_PAGES, progress=check)
    reason = "" if None not in rows.values() else "a virtual table could not be read"
    identity = {"engine": ENGINE, "path": os.path.realpath(source.database)}
    version = sqlite3.sqlite_version
    return DumpFacts(rows, reason, version, identity, f"sqlite3 {version}", (), "sqlite3")


@contextlib.contextmanager
def _room(into: Private) -> Iterator[None]:
    """Return a context that names the disk that is full; the driver would name the source."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" not in str(error):
            raise
        message = f"the disk is full: {os.path.dirname(into.path)}"
        raise StorageFault("no_space", message, hint="free some space, then run it again") from None


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
    return [str(row[0]) for row in connection.execute(query)]


def _rows_of(connection: sqlite3.Connection, table: str) -> int | None:
    try:
        return int(connection.execute(f"SELECT count(*) FROM {quote_identifier(table)}").fetchone()[0])
    except sqlite3.OperationalError as error:
        if "no such module" in str(error):
            return None
        raise


def restore(pieces: Iterator[bytes], target: Target, name: str) -> tuple[str, dict[str, int | None]]:
    """Return the path of the restored file and the rows of its tables. Raise DatabaseFault or StorageFault."""
    with target.file(os.fsencode(name)) as writer:
        for piece in pieces:
            writer.write(piece)
    path = os.path.join(target.path, name)
    return path, rows(path)


def rows(path: str) -> dict[str, int | None]:
    """Return the rows of each table of a restored file. Raise DatabaseFault."""
    # Immutable, because reading a file in WAL mode would else leave two more files beside it.
    uri = f"file:{quote(path)}?mode=ro&immutable=1"
    with faults(path), closing(sqlite3.connect(uri, uri=True)) as connection:
        return {table: _rows_of(connection, table) for table in _tables(connection)}


class SQLiteDumper(FileDumper):
    """Dump SQLite files, each as a whole, and restore them into the target directory."""

    engine, option, has_tables = ENGINE, "sqlite_files", True

    def connection(self, settings: Settings) -> SQLiteFile | None:
        """Return the configured file."""
        return settings.sqlite

    def locate(self, settings: Settings, host: Host, earlier_files: tuple[str, ...]) -> LocateResult:
        """Return the files to dump, and those that cannot be opened. Raise DatabaseFault."""
        located = [(source, _trouble(source.database)) for source in locate(settings.backup, settings.sqlite, host)]
        troubles = tuple((source.component, trouble) for source, trouble in located if trouble is not None)
        return LocateResult([source for source, trouble in located if trouble is None], troubles=troubles)

    def holds(self, source: Source) -> str:
        """Return that it is the whole file, whichever tables were named."""
        return number_of_tables(source, "the whole file")

    def copy_bytes(self, source: Source) -> int:
        """Return the maximum size of the private copy."""
        return size_bytes(source.database)

    @contextlib.contextmanager
    def prepare(self, host: Host, settings: Settings, source: Source, workplace: Workplace) -> Iterator[Dump]:
        """Return a context with the function that dumps a file: into its private copy, then into the archive."""
        options = settings.backup
        limits = Limits(options.deadline_seconds, options.stall_timeout_seconds)
        with private(*workplace) as place:

            def dump(output: Output) -> DumpFacts:
                facts = copy(host, source, place, limits)
                output.feed(place.chunks(), limits)
                return facts

            yield dump

    def difference(self, settings: Settings, host: Host, source: Source, identity: Mapping[str, object]) -> str:
        """Return whether the file's path is not backed up here; the file may have been replaced since."""
        configured = [settings.sqlite.path] if settings.sqlite else []
        here = source.database in (*settings.backup.sqlite_files, *configured)
        return "" if here else f"{source.database} is not backed up on this host"

    def restore(
        self, host: Host, settings: Settings, stored: Stored, destination: Destination, stream: Iterator[bytes]
    ) -> RestoreFacts:
        """Restore a file under the member's name. Raise Damaged or StorageFault."""
        try:
            path, counted = restore(stream, opened(destination), stored.member.rpartition(".")[0])
        except DatabaseFault as error:
            what = f"it holds no complete SQLite database: {error.message}"
            raise Damaged(stored.archive, stored.member, what) from None
        return RestoreFacts(path, counted)
