"""Logging in to a real MariaDB, and what is said when it does not work (FAULTS 4.1)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import mysql, option_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.faults import LOOPBACK, closed_port, tarpit
from tests.hostile import PASSWORDS
from tests.integration import network, sites
from tests.integration.servers import MariaDB

CANARY = "canary-7f3a:/?#[x]%20"


def refusal(login: Login, host: Host = sites.HOST) -> errors.MaintenanceError:
    """Return the error of a login that must not work, after a look for the password in its words."""
    with pytest.raises(errors.MaintenanceError) as caught:
        mysql.ping(login, host)
    assert CANARY not in caught.value.message + caught.value.hint
    return caught.value


def away(port: int, **changes: object) -> Login:
    """Return the settings of a login to some port of this host."""
    settings: dict[str, object] = {"login_host": LOOPBACK, "login_port": port, "login_user": "iact"}
    return Login(**{**settings, "login_password": Secret(CANARY), "connect_timeout": 1.0, **changes})  # type: ignore[arg-type]


def test_h3_a_server_that_answers_tells_its_version(mariadb: MariaDB) -> None:
    assert "MariaDB" in mysql.ping(sites.login(mariadb, None), sites.HOST)


def test_fd01_a_closed_port_is_unreachable_at_once_and_named() -> None:
    began = time.monotonic()
    with closed_port() as port:
        fault = refusal(away(port))
    assert fault.code == "db_unreachable" and f"{LOOPBACK}:{port}" in fault.message
    assert time.monotonic() - began < 1


def test_fd01_a_socket_that_is_not_there_is_unreachable() -> None:
    fault = refusal(away(1, login_unix_socket="/nonexistent/mysqld.sock"))
    assert fault.code == "db_unreachable" and "/nonexistent/mysqld.sock" in fault.message


def test_fd02_fd03_dropped_packets_end_at_the_deadline() -> None:
    with network.dropping() as port:
        began = time.monotonic()
        assert refusal(away(port)).code == "timeout"
        assert time.monotonic() - began < 2


def test_fd04_a_server_that_accepts_and_never_speaks_ends_at_the_deadline() -> None:
    began = time.monotonic()
    with tarpit() as port:
        assert refusal(away(port)).code == "timeout"
    assert time.monotonic() - began < 2


def test_a_suspended_server_ends_at_the_deadline(mariadb: MariaDB) -> None:
    mariadb.suspend()
    began = time.monotonic()
    assert refusal(sites.login(mariadb, None, connect_timeout=1.0)).code == "timeout"
    assert time.monotonic() - began < 2


def test_fd49_a_name_look_up_that_hangs_is_counted_in_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: time.sleep(5))
    began = time.monotonic()
    assert refusal(away(3306, login_host="database.invalid")).code == "timeout"
    assert time.monotonic() - began < 2


def test_a_name_that_does_not_exist_is_unreachable() -> None:
    assert refusal(away(3306, login_host="database.invalid", connect_timeout=20.0)).code == "db_unreachable"


@pytest.mark.parametrize(
    "said", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\0" * 64, b"\xff" * 64, b"\x4a\0\0\0\x0a5.5", b"SSH-2.0-x\r\n"]
)
def test_a_server_that_speaks_another_language_is_a_fault_of_protocol(said: bytes) -> None:
    with network.speaking(said) as port:
        assert refusal(away(port, connect_timeout=3.0)).code in ("db_protocol", "connection_lost", "timeout")


def test_fd48_a_server_that_asks_for_a_local_file_is_refused_and_gets_nothing(mariadb: MariaDB) -> None:
    with network.asking_for_a_file(mariadb.port, b"/etc/passwd") as (port, heard):
        fault = refusal(sites.login(mariadb, None, login_port=port, tls="disable"))
    assert fault.code == "db_protocol"
    assert b"root:" not in b"".join(heard)


def test_a_server_that_wants_the_password_in_clear_text_is_refused(mariadb: MariaDB) -> None:
    with network.asking_for_the_password(mariadb.port) as (port, heard):
        fault = refusal(sites.login(mariadb, None, login_port=port, login_password=Secret(CANARY)))
    assert fault.code == "auth" and "clear text" in fault.message
    assert CANARY.encode() not in b"".join(heard)


def test_fd24_a_wrong_password_is_a_matter_of_the_account(mariadb: MariaDB) -> None:
    user, _password = mariadb.create_account()
    fault = refusal(sites.account(mariadb, user, CANARY, None))
    assert fault.code == "auth" and fault.hint and fault.facts == {"server_code": 1045}


def test_fd25_an_expired_password_is_named(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    mariadb.execute("SET GLOBAL disconnect_on_expired_password = 1")
    mariadb.execute(f"ALTER USER {user}@'%' PASSWORD EXPIRE")
    fault = refusal(sites.account(mariadb, user, password, None))
    assert fault.code == "auth" and "expired" in fault.hint


def test_fd26_a_locked_account_and_its_limit_are_told_apart(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    mariadb.execute(f"ALTER USER {user}@'%' ACCOUNT LOCK")
    assert refusal(sites.account(mariadb, user, password, None)).code == "auth"
    mariadb.execute(f"ALTER USER {user}@'%' WITH MAX_CONNECTIONS_PER_HOUR 1 ACCOUNT UNLOCK")
    mysql.ping(sites.account(mariadb, user, password, None), sites.HOST)
    assert refusal(sites.account(mariadb, user, password, None)).code == "too_many_connections"


def test_fd27_a_server_without_a_free_connection_is_told_from_one_that_is_down(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    kept = [mariadb.connect() for _unused in range(10)]
    mariadb.execute("SET GLOBAL max_connections = 10")
    try:
        assert refusal(sites.account(mariadb, user, password, None)).code == "too_many_connections"
    finally:
        with kept[0].cursor() as cursor:
            cursor.execute("SET GLOBAL max_connections = 151")
        for connection in kept:
            connection.close()


def test_fd28_where_tls_is_demanded_of_a_server_without_it_nothing_is_sent(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    for mode in ("require", "verify"):
        assert refusal(sites.account(mariadb, user, password, None, tls=mode)).code == "tls"
    for mode in ("disable", "prefer", None):
        assert mysql.ping(sites.account(mariadb, user, password, None, tls=mode), sites.HOST)


def test_fd29_a_missing_database_is_named(mariadb: MariaDB) -> None:
    fault = refusal(sites.login(mariadb, "nowhere"))
    assert fault.code == "no_database" and "nowhere" in fault.message


def test_an_account_without_rights_on_the_database_is_told_so(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    assert refusal(sites.account(mariadb, user, password, "mysql")).code == "missing_privilege"


@pytest.mark.parametrize("password", PASSWORDS)
def test_fi11_a_hostile_password_logs_in_by_option_file_and_by_option(
    mariadb: MariaDB, tmp_path: Path, password: str
) -> None:
    user, _password = mariadb.create_account(password=password)
    path = tmp_path / "my.cnf"
    options = {"host": LOOPBACK, "port": str(mariadb.port), "user": user, "password": password}
    path.write_text(option_file.render(options), encoding="utf-8", newline="")
    path.chmod(0o600)
    assert mysql.ping(Login(config_file=str(path)), Host({}))
    assert mysql.ping(sites.account(mariadb, user, password, None), Host({}))
    mariadb.execute(f"DROP USER {user}@'%'")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
def test_fi04_an_option_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "my.cnf"
    path.write_text(f'[client]\npassword="{CANARY}"\n', encoding="ascii")
    path.chmod(mode)
    fault = refusal(Login(config_file=str(path)))
    assert fault.code == "unsafe_permissions" and fault.exit_status == 2 and str(path) in fault.hint


def test_fi04_an_option_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = tmp_path / "my.cnf"
    path.write_text("[client]\n", encoding="ascii")
    path.chmod(0o600)
    os.chown(path, 65534, 65534)
    assert refusal(Login(config_file=str(path))).code == "unsafe_permissions"
