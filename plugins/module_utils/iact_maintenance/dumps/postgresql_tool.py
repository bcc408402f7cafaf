"""The client programs of PostgreSQL: which is installed, and how each is told what the driver was told."""

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

    Asked in the environment in which it will run, because Debian's wrapper picks the version by the server's address.
    """
    return find_tool(host, name, hint=_HINT, environment=environment)


def major(version: str) -> int:
    """Return the major number in a version text, `pg_dump (PostgreSQL) 15.18` or `15.18`; 0 where there is none."""
    match = re.search(r"(?:^|\) )(\d+)", version)
    return int(match[1]) if match else 0


@contextmanager
def credentials(endpoint: Endpoint) -> Iterator[tuple[tuple[int, ...], dict[str, str]]]:
    """Return descriptors for a program, and its environment: the address in words, of the password only where it lies.

    The database is named there as well, since an argument that holds a `=` would be read as a connection string.
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
    """PostgreSQL's own reader, given every byte of a dump while it is made: the proof that it is whole.

    `pg_dump` ends its archive with no word of its own. So one `pg_restore` turns all of it into SQL that goes nowhere:
    it ends with 0 only where the data of every table that the head announces was there to its end. Another lists what
    the head announces. Beside the dump and not after it, because nothing is kept to be read again.
    """

    def __init__(self, host: Host, command: Command, deadline_seconds: float) -> None:
        self._host, self._command, self._limits = host, command, Limits(deadline_seconds)
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_CHUNKS_AHEAD)
        self._ended = threading.Event()
        self._done: Completed | None = None
        self._trouble: MaintenanceError | None = None
        threading.Thread(target=self._read, name="read along", daemon=True).start()

    def _read(self) -> None:
        try:
            chunks = iter(self._waiting.get, None)
            self._done = self._host.run(self._command, self._limits, chunks, keep_bytes=_KEPT_BYTES)
        except MaintenanceError as trouble:
            self._trouble = trouble
        finally:
            self._ended.set()

    def __call__(self, chunk: bytes | None) -> None:
        """Give the chunk to the reader; one that has ended will be asked for the reason."""
        while not self._ended.is_set():
            try:
                return self._waiting.put(chunk, timeout=_WAIT_SECONDS)
            except queue.Full:
                continue

    def abandon(self) -> None:
        """Let the reader meet the end of what it was given, and go."""
        while True:
            try:
                self._waiting.put_nowait(None)
                return
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._waiting.get_nowait()

    def end(self) -> Completed:
        """Return how the reader ended, after the last byte. Raise what kept it from reading."""
        self(None)
        self._ended.wait()
        if self._trouble is not None or self._done is None:
            raise self._trouble or DatabaseFault("dump_incomplete", "the dump could not be read along")
        return self._done
