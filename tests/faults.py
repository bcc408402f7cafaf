"""Network faults for tests: a server that never answers, a closed port, a proxy that cuts connections."""

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
    """Return a context with a port that refuses every connection; it is bound, so that nothing else can listen."""
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        yield int(holder.getsockname()[1])


@contextlib.contextmanager
def tarpit() -> Iterator[int]:
    """Return a context with a port that accepts every connection and never answers.

    The kernel accepts connections up to the backlog; nobody calls accept(), so nothing is read either.
    """
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(64)
        yield int(listener.getsockname()[1])


@dataclass(frozen=True)
class Cut:
    """The target of a proxy, and the number of the server's bytes after which it cuts each connection."""

    target_port: int
    size_bytes: int


@contextlib.contextmanager
def cutting_proxy(cut: Cut) -> Iterator[int]:
    """Return a context with a port that forwards to the target and resets the client after that many bytes."""
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
