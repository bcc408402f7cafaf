"""Logging in to a real MariaDB, and what is said when it does not work (FAULTS 4.1)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import mysql, option_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.faults import LOOPBACK
from tests.hostile import PASSWORDS
from tests.integration import network, sites
from tests.integration.logins import CANARY, away, refusal
from tests.integration.servers import MariaDB


def test_fd49_a_name_look_up_that_hangs_is_counted_in_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_a, **_k: time.sleep(5))
    began = time.monotonic()
    assert refusal(mysql.ping, away(3306, login_host="database.invalid")).code == "timeout"
    assert time.monotonic() - began < 2


def test_fd48_a_server_that_asks_for_a_local_file_is_refused_and_gets_nothing(mariadb: MariaDB) -> None:
    with network.asking_for_a_file(mariadb.port, b"/etc/passwd") as (port, heard):
        fault = refusal(mysql.ping, sites.login(mariadb, None, login_port=port, tls="disable"))
    assert fault.code == "db_protocol"
    assert b"root:" not in b"".join(heard)


def test_a_server_that_wants_the_password_in_clear_text_is_refused(mariadb: MariaDB) -> None:
    with network.asking_for_the_password(mariadb.port) as (port, heard):
        fault = refusal(mysql.ping, sites.login(mariadb, None, login_port=port, login_password=Secret(CANARY)))
    assert fault.code == "auth" and "clear text" in fault.message
    assert CANARY.encode() not in b"".join(heard)


def test_fd24_a_wrong_password_has_the_code_of_the_server(mariadb: MariaDB) -> None:
    user, _password = mariadb.create_account()
    assert refusal(mysql.ping, sites.account(mariadb, user, CANARY, None)).facts == {"server_code": 1045}


def test_fd25_an_expired_password_is_named(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    mariadb.execute("SET GLOBAL disconnect_on_expired_password = 1")
    mariadb.execute(f"ALTER USER {user}@'%' PASSWORD EXPIRE")
    fault = refusal(mysql.ping, sites.account(mariadb, user, password, None))
    assert fault.code == "auth" and "expired" in fault.hint


def test_fd26_a_locked_account_and_its_limit_are_told_apart(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    mariadb.execute(f"ALTER USER {user}@'%' ACCOUNT LOCK")
    assert refusal(mysql.ping, sites.account(mariadb, user, password, None)).code == "auth"
    mariadb.execute(f"ALTER USER {user}@'%' WITH MAX_CONNECTIONS_PER_HOUR 1 ACCOUNT UNLOCK")
    mysql.ping(sites.account(mariadb, user, password, None), sites.HOST)
    assert refusal(mysql.ping, sites.account(mariadb, user, password, None)).code == "too_many_connections"


def test_fd27_a_server_without_a_free_connection_is_told_from_one_that_is_down(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    kept = [mariadb.connect() for _unused in range(10)]
    mariadb.execute("SET GLOBAL max_connections = 10")
    try:
        assert refusal(mysql.ping, sites.account(mariadb, user, password, None)).code == "too_many_connections"
    finally:
        with kept[0].cursor() as cursor:
            cursor.execute("SET GLOBAL max_connections = 151")
        for connection in kept:
            connection.close()


def test_an_account_without_rights_on_the_database_is_told_so(mariadb: MariaDB) -> None:
    user, password = mariadb.create_account()
    assert refusal(mysql.ping, sites.account(mariadb, user, password, "mysql")).code == "missing_privilege"


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
    fault = refusal(mysql.ping, Login(config_file=str(path)))
    assert fault.code == "unsafe_permissions" and fault.exit_status == 2 and str(path) in fault.hint


def test_fi04_an_option_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = tmp_path / "my.cnf"
    path.write_text("[client]\n", encoding="ascii")
    path.chmod(0o600)
    os.chown(path, 65534, 65534)
    assert refusal(mysql.ping, Login(config_file=str(path))).code == "unsafe_permissions"
