"""How a connection is encrypted, and that no call outlasts its deadline."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import endpoint
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import Server


@pytest.mark.parametrize(
    ("asked", "host", "socket", "ca_cert", "expected"),
    [
        (None, "127.0.0.1", None, None, "prefer"),
        (None, "127.8.8.8", None, None, "prefer"),
        (None, "::1", None, None, "prefer"),
        (None, "localhost", None, None, "prefer"),
        (None, "db.example", None, None, "require"),
        (None, "10.0.0.1", None, None, "require"),
        (None, "db.example", None, "/ca.pem", "verify"),
        (None, "127.0.0.1", None, "/ca.pem", "verify"),
        ("disable", "db.example", None, "/ca.pem", "disable"),
        ("verify", "127.0.0.1", None, None, "verify"),
        ("verify", "127.0.0.1", "/run/mysqld.sock", None, "disable"),
    ],
)
def test_fd28_what_leaves_this_host_is_encrypted(
    asked: str | None, host: str, socket: str | None, ca_cert: str | None, expected: str
) -> None:
    assert endpoint.tls_mode(Server(tls=asked), host, socket, ca_cert) == expected


def test_an_answer_in_time_is_the_answer_and_trouble_is_the_trouble() -> None:
    assert endpoint.call_server(5, "it", lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        endpoint.call_server(5, "it", lambda: 1 // 0)


def test_a_late_answer_is_a_time_out_and_is_thrown_away() -> None:
    go, thrown = threading.Event(), threading.Event()
    began = time.monotonic()
    with pytest.raises(errors.DatabaseFault, match=r"it gave no answer within 0\.1 s") as caught:
        endpoint.call_server(0.1, "it", lambda: go.wait(10), lambda _late: thrown.set())
    assert caught.value.code == "timeout" and time.monotonic() - began < 2
    go.set()
    assert thrown.wait(5)
