"""What each MySQL driver makes of a project's parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.mysql_connection import resolve
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    ProjectConnection,
    Server,
)

LIBRARY = "MySQLdb"


def place(driver: str, parameters: dict[str, str], default_socket: str = "", file: Path | None = None) -> str:
    project = ProjectConnection(driver, parameters, default_socket)
    return resolve(Server(project=project, config_file=str(file) if file else None), Host({})).place


def tls(driver: str, **parameters: str) -> str:
    named = {name.replace("__", "."): text for name, text in parameters.items()}
    return resolve(Server(project=ProjectConnection(driver, {"host": "127.0.0.1", **named})), Host({})).tls


@pytest.mark.parametrize(
    ("driver", "parameters", "expected"),
    [
        (LIBRARY, {}, "/run/own.sock"),
        (LIBRARY, {"host": "localhost", "port": "3307"}, "/run/own.sock"),
        (LIBRARY, {"host": "localhost", "unix_socket": "/a.sock"}, "/a.sock"),
        (LIBRARY, {"host": "127.0.0.1", "port": "3307"}, "127.0.0.1:3307"),
        ("pymysql", {}, "localhost:3306"),
        ("pymysql", {"host": "localhost", "port": "3307"}, "localhost:3307"),
        ("pymysql", {"host": "localhost", "unix_socket": "/a.sock"}, "/a.sock"),
        ("mysql.connector", {"host": "localhost", "port": "0"}, "localhost:3306"),
    ],
)
def test_g85_localhost_is_a_socket_for_mysql_s_own_library_alone(
    driver: str, parameters: dict[str, str], expected: str
) -> None:
    assert place(driver, parameters, "/run/own.sock") == expected


@pytest.mark.parametrize(
    ("driver", "parameters", "word"),
    [
        (LIBRARY, {}, "default socket"),
        (LIBRARY, {"host": "10.0.0.5", "unix_socket": "/a.sock"}, "another way"),
        ("pymysql", {"host": "10.0.0.5", "unix_socket": "/a.sock"}, "another way"),
        ("pymysql", {"unix_socket": "/a.sock", "ssl.ca": "/ca.pem"}, "TLS on a socket"),
        ("pymysql", {"ssl_mode": "SOMETIMES"}, "ssl_mode"),
        ("pymysql", {"ssl_verify_cert": "maybe"}, "neither on nor off"),
    ],
)
def test_what_is_not_known_or_not_clear_is_refused(driver: str, parameters: dict[str, str], word: str) -> None:
    with pytest.raises(Refused, match=word) as caught:
        place(driver, parameters)
    assert caught.value.code == "connection_option" and caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("socket=/f.sock", "/f.sock"),
        ("host=10.0.0.5\nport=3307", "10.0.0.5:3307"),
        ("protocol=tcp\nport=3307", "localhost:3307"),
    ],
)
def test_an_option_file_is_read_as_the_library_reads_it(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "my.cnf"
    path.write_text(f"[client]\n{text}\n")
    path.chmod(0o600)
    assert place(LIBRARY, {}, "/run/own.sock", path) == expected


@pytest.mark.parametrize(
    "text", ["plugin-dir=/x", "ssl-capath=/x", "protocol=pipe", "port=x", "bind-address=127.0.0.2"]
)
def test_an_option_of_the_file_that_is_not_taken_over_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "my.cnf"
    path.write_text(f"[client]\n{text}\n")
    path.chmod(0o600)
    with pytest.raises(Refused, match=r"port|protocol|is not supported"):
        place(LIBRARY, {}, "/run/own.sock", path)


@pytest.mark.parametrize(
    ("driver", "parameters", "expected"),
    [
        ("pymysql", {}, "prefer"),
        ("pymysql", {"host": "10.0.0.5"}, "require"),
        ("pymysql", {"ssl": "True"}, "require"),
        ("pymysql", {"ssl__ca": "/ca"}, "verify"),
        ("pymysql", {"ssl__ca": "/ca", "ssl__check_hostname": "False"}, "verify_ca"),
        ("pymysql", {"ssl__ca": "/ca", "ssl__verify_mode": "none"}, "require"),
        ("pymysql", {"ssl_ca": "/ca"}, "verify_ca"),
        ("pymysql", {"ssl_ca": "/ca", "ssl_verify_identity": "True"}, "verify"),
        ("pymysql", {"ssl_ca": "/ca", "ssl_disabled": "True"}, "disable"),
        ("pymysql", {"ssl_cert": "/c", "ssl_key": "/k"}, "require"),
        (LIBRARY, {"ssl__ca": "/ca"}, "verify_ca"),
        (LIBRARY, {"ssl_mode": "required"}, "require"),
        (LIBRARY, {"ssl_mode": "PREFERRED", "ssl__ca": "/ca"}, "verify_ca"),
        (LIBRARY, {"ssl_mode": "VERIFY_CA"}, "verify_ca"),
        (LIBRARY, {"ssl_mode": "VERIFY_IDENTITY", "ssl__ca": "/ca"}, "verify"),
        (LIBRARY, {"ssl_mode": "DISABLED"}, "disable"),
        ("mysql.connector", {"ssl_verify_identity": "True"}, "verify"),
    ],
)
def test_g8d_no_driver_s_certificate_rules_are_weakened(driver: str, parameters: dict[str, str], expected: str) -> None:
    assert tls(driver, **parameters) == expected


@pytest.mark.parametrize(("mode", "hint"), [(0o600, ""), (0o644, ""), (0o664, "chmod go-w"), (0o666, "chmod go-w")])
def test_an_option_file_of_the_project_may_be_read_by_others_and_not_written(
    tmp_path: Path, mode: int, hint: str
) -> None:
    """Debian's own /etc/mysql/my.cnf has 0644, and other programs read it."""
    file = tmp_path / "my.cnf"
    file.write_text("[client]\nport = 3310\nhost = 127.0.0.1\n")
    file.chmod(mode)
    if not hint:
        assert place("pymysql", {"read_default_file": str(file)}, file=file) == "127.0.0.1:3310"
        return
    with pytest.raises(Refused) as refused:
        place("pymysql", {"read_default_file": str(file)}, file=file)
    assert refused.value.code == "unsafe_permissions" and hint in refused.value.hint
