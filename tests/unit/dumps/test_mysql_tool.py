"""What the client programs of MySQL and MariaDB are told about the server."""

from __future__ import annotations

import os

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import mysql_tool
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.children import Tool
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import option_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.endpoint import Endpoint
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret

MARIADB = Tool("/usr/bin/mariadb-dump", "mariadb-dump from 10.11.19-MariaDB")
MYSQL = Tool("/usr/bin/mysqldump", "mysqldump  Ver 9.7.0 for Linux on x86_64")
LOCAL = Endpoint(
    "mysql", "127.0.0.1", 13306, None, "iact", Secret("p#w\n"), "site", "prefer", None, None, None, 5, False
)
NO_TLS = {"ssl": "0", "ssl_verify_server_cert": "0"}


def told(endpoint: Endpoint, tool: Tool = MARIADB, *, server_has_tls: bool = False) -> dict[str, str]:
    with mysql_tool.credentials(endpoint, tool, server_has_tls=server_has_tls) as (descriptor, option):
        path = option.partition("=")[2]
        assert os.fstat(descriptor).st_mode & 0o777 == 0o600
        with open(path, encoding="utf-8", newline="") as stream:
            return option_file.parse(stream.read(), path)


def test_a_server_over_tcp_is_named_with_its_protocol() -> None:
    assert told(LOCAL) == {
        "user": "iact", "password": "p#w\n", "host": "127.0.0.1", "port": "13306", "protocol": "tcp", **NO_TLS
    }  # fmt: skip


def test_a_socket_is_named_alone() -> None:
    found = told(LOCAL._replace(socket="/run/s.sock", password=None, tls="disable"))
    assert found == {"user": "iact", "socket": "/run/s.sock", **NO_TLS}


@pytest.mark.parametrize(
    ("mode", "server_has_tls", "mariadb", "mysql"),
    [
        ("disable", True, ("0", "0"), "DISABLED"),
        ("prefer", False, ("0", "0"), "DISABLED"),
        ("prefer", True, ("1", "0"), "REQUIRED"),
        ("require", True, ("1", "0"), "REQUIRED"),
        ("verify", True, ("1", "1"), "VERIFY_IDENTITY"),
    ],
)
def test_fd28_tls_is_translated_for_each_program(
    mode: str, server_has_tls: bool, mariadb: tuple[str, str], mysql: str
) -> None:
    endpoint = LOCAL._replace(tls=mode, ca_cert="/ca.pem" if mode == "verify" else None)
    words = told(endpoint, server_has_tls=server_has_tls)
    assert (words["ssl"], words["ssl_verify_server_cert"]) == mariadb
    assert told(endpoint, MYSQL, server_has_tls=server_has_tls)["ssl_mode"] == mysql
    assert words.get("ssl_ca") == ("/ca.pem" if mode == "verify" else None)


def test_a_client_s_own_certificate_is_handed_on() -> None:
    endpoint = LOCAL._replace(tls="require", client_cert="/c.pem", client_key="/k.pem")
    assert (told(endpoint)["ssl_cert"], told(endpoint)["ssl_key"]) == ("/c.pem", "/k.pem")
    both = endpoint._replace(client_key=None)
    assert (told(both)["ssl_cert"], told(both)["ssl_key"]) == ("/c.pem", "/c.pem")
