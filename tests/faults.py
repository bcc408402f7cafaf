"""Network faults that tests need: a server that never speaks, a port where nothing listens, a proxy that cuts."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a TCP port on which nothing listens; the next caller may get another."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """Return a port that refuses every connection, and keeps it so: it is bound, but nothing listens."""
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        yield int(holder.getsockname()[1])


@contextlib.contextmanager
def tarpit() -> Iterator[int]:
    """Return a port that accepts every connection and never says a word.

    The kernel accepts up to the backlog; nobody here ever calls accept(), so that nothing is read either.
    """
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(64)
        yield int(listener.getsockname()[1])


@dataclass(frozen=True)
class Cut:
    """Where a proxy sends its clients, and after how many bytes from the server it cuts each of them off."""

    target_port: int
    size_bytes: int


@contextlib.contextmanager
def cutting_proxy(cut: Cut) -> Iterator[int]:
    """Return a port that passes on to the target and resets the client after the given number of the server's bytes."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(64)
        threading.Thread(target=_serve, args=(listener, cut), daemon=True).start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            # shutdown(), because close() alone does not wake a thread that waits in accept().
            listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, cut: Cut) -> None:
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return
        threading.Thread(target=_pass_on, args=(client, cut), daemon=True).start()


def _pass_on(client: socket.socket, cut: Cut) -> None:
    """Carries both directions in one thread, because a close() is held up while another thread reads the socket."""
    remaining_bytes = cut.size_bytes
    with client, socket.create_connection((LOOPBACK, cut.target_port)) as server, contextlib.suppress(OSError):
        while remaining_bytes > 0:
            for source in select.select([client, server], [], [])[0]:
                chunk = source.recv(min(65536, remaining_bytes))
                if not chunk:
                    return
                (client if source is server else server).sendall(chunk)
                remaining_bytes -= len(chunk) if source is server else 0
        # A linger time of 0 makes close() send a reset, as a cut line looks to the client.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
