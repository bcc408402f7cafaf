"""Servers that are not what they seem: dropped packets, foreign words, a request for a file of the client's."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.faults import LOOPBACK, free_port


@contextlib.contextmanager
def dropping() -> Iterator[int]:
    """Return a port whose packets are dropped without an answer."""
    program = shutil.which("iptables", path="/usr/sbin:/sbin:/usr/bin")
    port = free_port()
    rule = ["INPUT", "-i", "lo", "-p", "tcp", "--dport", str(port), "-j", "DROP"]
    if not program or os.geteuid() != 0 or subprocess.run([program, "-w", "-I", *rule], check=False).returncode:
        pytest.skip("packets cannot be dropped here")
    try:
        yield port
    finally:
        subprocess.run([program, "-w", "-D", *rule], check=True)


@contextlib.contextmanager
def speaking(greeting: bytes) -> Iterator[int]:
    """Return a port that greets every client with these bytes and waits for it to go."""

    def greet(client: socket.socket) -> None:
        client.sendall(greeting)
        client.settimeout(5)
        while client.recv(4096):
            pass

    with _serving(greet) as port:
        yield port


@contextlib.contextmanager
def asking_for_a_file(target_port: int, path: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Return a port that passes on to a MySQL server until it logged in, then answers every query with LOCAL INFILE.

    With it a list of what the client sent afterwards.
    """
    heard: list[bytes] = []

    def turn(client: socket.socket) -> None:
        with socket.create_connection((LOOPBACK, target_port)) as server:
            client.sendall(server.recv(65536))
            server.sendall(client.recv(65536))
            client.sendall(server.recv(65536))
        client.settimeout(2)
        with contextlib.suppress(OSError):
            while chunk := client.recv(65536):
                heard.append(chunk)
                client.sendall((len(path) + 1).to_bytes(3, "little") + b"\1\xfb" + path)

    with _serving(turn) as port:
        yield port, heard


@contextlib.contextmanager
def asking_for_the_password(target_port: int) -> Iterator[tuple[int, list[bytes]]]:
    """Return a port that greets as a MySQL server does and then wants the password in clear text.

    With it a list of what the client sent.
    """
    heard: list[bytes] = []

    def ask(client: socket.socket) -> None:
        with socket.create_connection((LOOPBACK, target_port)) as server:
            client.sendall(server.recv(65536))
        heard.append(client.recv(65536))
        wish = b"\xfemysql_clear_password\0"
        client.sendall(len(wish).to_bytes(3, "little") + b"\2" + wish)
        client.settimeout(2)
        with contextlib.suppress(OSError):
            heard.append(client.recv(65536))

    with _serving(ask) as port:
        yield port, heard


@contextlib.contextmanager
def _serving(serve: object) -> Iterator[int]:
    def accept(listener: socket.socket) -> None:
        while True:
            try:
                client, _unused = listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                serve(client)  # type: ignore[operator]

    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(8)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
