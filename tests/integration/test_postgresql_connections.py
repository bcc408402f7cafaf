"""Logging in to a real PostgreSQL, and what is said when it does not work (FAULTS 4.1)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import (
    password_file,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import (
    postgresql as engine,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.faults import LOOPBACK, closed_port, tarpit
from tests.hostile import PASSWORDS
from tests.integration import network, sites
from tests.integration.servers import PostgreSQL

CANARY = "canary-7f3a:/?#[x]%20"


def refusal(login: Login, host: Host = sites.HOST) -> errors.MaintenanceError:
    """Return the error of a login that must not work, after a look for the password in its words."""
    with pytest.raises(errors.MaintenanceError) as caught:
        engine.ping(login, host)
    assert CANARY not in caught.value.message + caught.value.hint
    return caught.value


def away(port: int, **changes: object) -> Login:
    """Return the settings of a login to some port of this host."""
    settings: dict[str, object] = {"login_host": LOOPBACK, "login_port": port, "login_user": "iact", "login_db": "site"}
    return Login(**{**settings, "login_password": Secret(CANARY), "connect_timeout": 1.0, **changes})  # type: ignore[arg-type]


def test_h3_a_server_that_answers_tells_its_version(postgresql: PostgreSQL) -> None:
    assert engine.ping(sites.login(postgresql, "postgres"), sites.HOST)[0].isdigit()


def test_fd01_a_closed_port_is_unreachable_at_once_and_named() -> None:
    began = time.monotonic()
    with closed_port() as port:
        fault = refusal(away(port))
    assert fault.code == "db_unreachable" and f"{LOOPBACK}:{port}" in fault.message
    assert time.monotonic() - began < 1


def test_fd01_a_socket_that_is_not_there_is_unreachable() -> None:
    fault = refusal(away(1, login_unix_socket="/nonexistent"))
    assert fault.code == "db_unreachable" and "/nonexistent" in fault.message


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


def test_a_suspended_server_ends_at_the_deadline(postgresql: PostgreSQL) -> None:
    postgresql.suspend()
    began = time.monotonic()
    assert refusal(sites.login(postgresql, "postgres", connect_timeout=1.0)).code == "timeout"
    assert time.monotonic() - began < 2


def test_a_name_that_does_not_exist_is_unreachable() -> None:
    assert refusal(away(5432, login_host="database.invalid", connect_timeout=20.0)).code == "db_unreachable"


@pytest.mark.parametrize(
    "said", [b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\0" * 64, b"\xff" * 64, b"\x4a\0\0\0\x0a5.5", b"SSH-2.0-x\r\n"]
)
def test_a_server_that_speaks_another_language_is_a_fault_of_protocol(said: bytes) -> None:
    with network.speaking(said) as port:
        assert refusal(away(port, connect_timeout=3.0)).code in ("db_protocol", "connection_lost", "timeout")


def test_fd24_a_wrong_password_is_a_matter_of_the_account(postgresql: PostgreSQL) -> None:
    user, _password = postgresql.create_account()
    fault = refusal(sites.account(postgresql, user, CANARY, "postgres"))
    assert fault.code == "auth" and fault.hint
    assert refusal(sites.account(postgresql, "nobody_here", CANARY, "postgres")).code == "auth"
    assert refusal(sites.login(postgresql, "postgres", login_password=None)).code == "auth"


def test_fd26_an_account_that_may_not_log_in_and_its_limit_are_told_apart(postgresql: PostgreSQL) -> None:
    user, password = postgresql.create_account()
    postgresql.execute(f"ALTER ROLE {user} NOLOGIN")
    assert refusal(sites.account(postgresql, user, password, "postgres")).code == "auth"
    postgresql.execute(f"ALTER ROLE {user} LOGIN CONNECTION LIMIT 0")
    assert refusal(sites.account(postgresql, user, password, "postgres")).code == "too_many_connections"


def test_fd28_where_tls_is_demanded_of_a_server_without_it_nothing_is_sent(postgresql: PostgreSQL) -> None:
    user, password = postgresql.create_account()
    for mode in ("require", "verify"):
        assert refusal(sites.account(postgresql, user, password, "postgres", tls=mode)).code == "tls"
    for mode in ("disable", "prefer", None):
        assert engine.ping(sites.account(postgresql, user, password, "postgres", tls=mode), sites.HOST)


def test_fd29_a_missing_database_is_named(postgresql: PostgreSQL) -> None:
    fault = refusal(sites.login(postgresql, "nowhere"))
    assert fault.code == "no_database" and "nowhere" in fault.message
    user, password = postgresql.create_account()
    assert refusal(sites.account(postgresql, user, password, None)).code == "no_database"


@pytest.mark.parametrize("password", PASSWORDS)
def test_fi11_a_hostile_password_logs_in_by_password_file_and_by_option(
    postgresql: PostgreSQL, tmp_path: Path, password: str
) -> None:
    user, _password = postgresql.create_account(password=password)
    assert engine.ping(sites.account(postgresql, user, password, "postgres"), Host({}))
    login = sites.login(postgresql, "postgres", login_user=user, login_password=None)
    assert engine.ping(login, Host({"PGPASSWORD": password}))
    if "\n" in password or "\r" in password:
        return  # No password file can hold a line break.
    path = tmp_path / "pgpass"
    path.write_text(password_file.render(Secret(password)), encoding="utf-8", newline="")
    path.chmod(0o600)
    by_file = sites.login(postgresql, "postgres", login_user=user, login_password=None, passfile=str(path))
    assert engine.ping(by_file, Host({}))


def test_the_variables_of_libpq_change_nothing(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"PGHOSTADDR": "203.0.113.1", "PGSERVICE": "none", "PGOPTIONS": "-c nonsense=1",
                       "PGSSLMODE": "verify-full", "PGTZ": "Asia/Tokyo", "PGPASSWORD": "wrong"}.items():  # fmt: skip
        monkeypatch.setenv(name, text)
    assert engine.ping(sites.login(postgresql, "postgres"), sites.HOST)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
def test_fi04_a_password_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pgpass"
    path.write_text(f"*:*:*:*:{CANARY}\n", encoding="ascii")
    path.chmod(mode)
    fault = refusal(Login(passfile=str(path)))
    assert fault.code == "unsafe_permissions" and fault.exit_status == 2 and str(path) in fault.hint


def test_fi04_a_password_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = tmp_path / "pgpass"
    path.write_text("", encoding="ascii")
    path.chmod(0o600)
    os.chown(path, 65534, 65534)
    assert refusal(Login(passfile=str(path))).code == "unsafe_permissions"
