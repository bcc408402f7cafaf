"""The servers and faults that the other tests stand on do what they say."""

from __future__ import annotations

import contextlib
import socket

import psycopg2
import pymysql
import pytest

from tests.faults import LOOPBACK, Cut, closed_port, cutting_proxy, tarpit

DRIVER_TROUBLE = (pymysql.err.OperationalError, psycopg2.OperationalError)


@pytest.fixture(params=["mariadb", "postgresql"])
def server(request):
    """Each server in turn."""
    return request.getfixturevalue(request.param)


def test_an_account_logs_in_with_its_own_password_only(server):
    user, password = server.create_account(password="p'\"\\ #%s")
    server.connect(user=user, password=password).close()
    with pytest.raises(DRIVER_TROUBLE):
        server.connect(user=user, password="another")


def test_a_database_is_created_under_any_name_and_dropped(server):
    name = server.create_database('a b`"-c')
    assert server.execute("SELECT 1", database=name) == [(1,)]
    server.drop_database(name)
    with pytest.raises(DRIVER_TROUBLE):
        server.connect(name)


def test_a_killed_server_comes_back_with_its_data(server):
    name = server.create_database()
    server.kill()
    with pytest.raises(DRIVER_TROUBLE):
        server.connect(name)
    server.ensure_running()
    server.connect(name).close()


def test_a_suspended_server_accepts_and_is_silent_until_it_goes_on(server):
    server.suspend()
    with socket.create_connection((server.host, server.port), timeout=5) as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
    server.resume()
    assert server.execute("SELECT 1") == [(1,)]


def test_a_restarted_server_answers_on_the_same_port(server):
    pid = server.pid
    server.restart()
    assert server.pid != pid
    assert server.execute("SELECT 1") == [(1,)]


def test_a_closed_port_refuses():
    with closed_port() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port), timeout=5)


def test_a_tarpit_accepts_and_never_speaks():
    with tarpit() as port, socket.create_connection((LOOPBACK, port), timeout=5) as client:
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_a_cutting_proxy_resets_after_its_bytes(mariadb):
    received = b""
    with cutting_proxy(Cut(mariadb.port, size_bytes=10)) as port, contextlib.suppress(ConnectionResetError):
        with socket.create_connection((LOOPBACK, port), timeout=5) as client:
            while chunk := client.recv(100):
                received += chunk
    assert len(received) == 10
