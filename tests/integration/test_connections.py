"""Logging in to real servers, and what is said when it does not work (FAULTS 4.1)."""

from __future__ import annotations

import time

import pytest

from tests.faults import LOOPBACK, closed_port, tarpit
from tests.integration import network, sites
from tests.integration.engines import Engine
from tests.integration.logins import CANARY, away, refusal


def test_h3_a_server_that_answers_tells_its_version(engine: Engine) -> None:
    assert engine.ping(sites.login(engine.server, engine.home), sites.HOST)[0].isdigit()


def test_fd01_a_closed_port_is_unreachable_at_once_and_named(engine: Engine) -> None:
    began = time.monotonic()
    with closed_port() as port:
        fault = refusal(engine.ping, away(port))
    assert fault.code == "db_unreachable" and f"{LOOPBACK}:{port}" in fault.message
    assert time.monotonic() - began < 1


def test_fd01_a_socket_that_is_not_there_is_unreachable(engine: Engine) -> None:
    fault = refusal(engine.ping, away(1, login_unix_socket=engine.missing_socket))
    assert fault.code == "db_unreachable" and engine.missing_socket in fault.message


def test_fd02_fd03_dropped_packets_end_at_the_deadline(engine: Engine) -> None:
    with network.dropping() as port:
        began = time.monotonic()
        assert refusal(engine.ping, away(port)).code == "timeout"
        assert time.monotonic() - began < 2


def test_fd04_a_server_that_accepts_and_never_speaks_ends_at_the_deadline(engine: Engine) -> None:
    began = time.monotonic()
    with tarpit() as port:
        assert refusal(engine.ping, away(port)).code == "timeout"
    assert time.monotonic() - began < 2


def test_a_suspended_server_ends_at_the_deadline(engine: Engine) -> None:
    engine.server.suspend()
    began = time.monotonic()
    assert refusal(engine.ping, sites.login(engine.server, engine.home, connect_timeout=1.0)).code == "timeout"
    assert time.monotonic() - began < 2


def test_a_name_that_does_not_exist_is_unreachable(engine: Engine) -> None:
    login = away(1, login_host="database.invalid", connect_timeout=20.0)
    assert refusal(engine.ping, login).code == "db_unreachable"


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\0" * 64, b"\xff" * 64, b"\x4a\0\0\0\x0a5.5", b"SSH-2.0-x\r\n"]
)
def test_a_server_that_speaks_another_language_is_a_fault_of_protocol(engine: Engine, greeting: bytes) -> None:
    with network.speaking(greeting) as port:
        fault = refusal(engine.ping, away(port, connect_timeout=3.0))
    assert fault.code in ("db_protocol", "connection_lost", "timeout")


def test_fd24_a_wrong_password_is_a_matter_of_the_account(engine: Engine) -> None:
    user, _password = engine.server.create_account()
    fault = refusal(engine.ping, sites.account(engine.server, user, CANARY, engine.home))
    assert fault.code == "auth" and fault.hint
    assert refusal(engine.ping, sites.account(engine.server, "nobody_here", CANARY, engine.home)).code == "auth"


def test_fd28_where_tls_is_demanded_of_a_server_without_it_nothing_is_sent(engine: Engine) -> None:
    user, password = engine.server.create_account()
    for mode in ("require", "verify"):
        assert refusal(engine.ping, sites.account(engine.server, user, password, engine.home, tls=mode)).code == "tls"
    for mode in ("disable", "prefer", None):
        assert engine.ping(sites.account(engine.server, user, password, engine.home, tls=mode), sites.HOST)


def test_fd29_a_missing_database_is_named(engine: Engine) -> None:
    fault = refusal(engine.ping, sites.login(engine.server, "nowhere"))
    assert fault.code == "no_database" and "nowhere" in fault.message
