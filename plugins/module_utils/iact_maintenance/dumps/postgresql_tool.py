"""The client programs of PostgreSQL, and their options for the connection that the driver uses."""

from __future__ import annotations

import contextlib
import math
import queue
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..about import NAME
from ..engines import password_file
from ..engines.endpoint import Endpoint
from ..engines.postgresql_connection import NO_FILE, TLS_WORDS
from ..engines.postgresql_settings import program_options
from ..errors import DatabaseFault, MaintenanceError
from ..host import Host
from ..processes import Command, Completed, Limits
from .children import Tool, find_tool, private_file

_HINT = "apt-get install postgresql-client"
_WAIT_SECONDS = 0.2
_CHUNKS_AHEAD = 16
# Half a million lines of a list of contents, at least.
_KEPT_BYTES = 64 * 1024 * 1024


def tool(host: Host, name: str, environment: Mapping[str, str]) -> Tool:
    """Return a client program. Raise ToolMissing.

    With the environment in which it will run, because Debian's wrapper selects the version by the server's address.
    """
    return find_tool(host, name, hint=_HINT, environment=environment)


def require_programs(host: Host) -> None:
    """Raise ToolMissing or DatabaseFault if a program for dumps is missing or does not run."""
    for name in ("pg_dump", "pg_restore"):
        tool(host, name, {})


def major(version: str) -> int:
    """Return the major number in a version text, `pg_dump (PostgreSQL) 15.18` or `15.18`; 0 if there is none."""
    match = re.search(r"(?:^|\) )(\d+)", version)
    return int(match[1]) if match else 0


@contextmanager
def credentials(endpoint: Endpoint) -> Iterator[tuple[tuple[int, ...], dict[str, str]]]:
    """Return descriptors for a program, and its environment with the address and the password file's path.

    The database is there too, because an argument with a `=` would be parsed as a connection string.
    """
    if endpoint.password is None:
        yield (), _environment(endpoint, NO_FILE)
        return
    with private_file(password_file.render(endpoint.password)) as (descriptor, path):
        yield (descriptor,), _environment(endpoint, path)


def _environment(endpoint: Endpoint, passfile: str) -> dict[str, str]:
    return {
        "PGHOST": endpoint.socket or endpoint.host,
        "PGPORT": str(endpoint.port),
        "PGUSER": endpoint.user,
        "PGDATABASE": endpoint.database or endpoint.user,
        "PGPASSFILE": passfile,
        "PGSSLMODE": TLS_WORDS[endpoint.tls],
        "PGSSLROOTCERT": endpoint.authorities if endpoint.tls == "verify" else NO_FILE,
        "PGSSLCERT": endpoint.client_cert or NO_FILE,
        "PGSSLKEY": endpoint.client_key or NO_FILE,
        "PGGSSENCMODE": "disable",
        "PGCONNECT_TIMEOUT": str(max(2, math.ceil(endpoint.connect_timeout))),
        "PGAPPNAME": NAME,
        "PGOPTIONS": program_options(),
    }


class ReadAlong:
    """Run pg_restore on a dump while it is written, to check that it is complete.

    `pg_dump` writes no mark at the end of its archive. So one `pg_restore` converts it to SQL that is discarded: it
    ends with 0 only if the data of every table in the archive's head is complete. Another one lists the head. This
    happens during the dump, because nothing is stored to be read again.
    """

    def __init__(self, host: Host, command: Command, deadline_seconds: float) -> None:
        self._host, self._command, self._limits = host, command, Limits(deadline_seconds)
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_CHUNKS_AHEAD)
        self._ended = threading.Event()
        self._done: Completed | None = None
        self._trouble: MaintenanceError | None = None
        threading.Thread(target=self._read, name="read while it was written", daemon=True).start()

    def _read(self) -> None:
        try:
            chunks = iter(self._waiting.get, None)
            self._done = self._host.run(self._command, self._limits, chunks, keep_bytes=_KEPT_BYTES)
        except MaintenanceError as trouble:
            self._trouble = trouble
        finally:
            self._ended.set()

    def __call__(self, chunk: bytes | None) -> None:
        """Pass the chunk to the reader; if it has ended, its reason is reported at the end."""
        while not self._ended.is_set():
            try:
                return self._waiting.put(chunk, timeout=_WAIT_SECONDS)
            except queue.Full:
                continue

    def abandon(self) -> None:
        """Close the reader's input, so that it ends."""
        while True:
            try:
                self._waiting.put_nowait(None)
                return
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._waiting.get_nowait()

    def end(self) -> Completed:
        """Return how the reader ended after the last byte. Raise what kept it from reading."""
        self(None)
        self._ended.wait()
        if self._trouble is not None or self._done is None:
            raise self._trouble or DatabaseFault("dump_incomplete", "the dump could not be read while it was written")
        return self._done
