"""Logging in to a real PostgreSQL, and what is said when it does not work (FAULTS 4.1)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
from tests.hostile import PASSWORDS
from tests.integration import sites
from tests.integration.logins import CANARY, refusal
from tests.integration.servers import PostgreSQL


def test_fd24_a_password_that_is_not_given_is_a_matter_of_the_account(postgresql: PostgreSQL) -> None:
    assert refusal(engine.ping, sites.login(postgresql, "postgres", login_password=None)).code == "auth"


def test_fd29_the_account_s_own_database_is_named_if_it_is_missing(postgresql: PostgreSQL) -> None:
    user, password = postgresql.create_account()
    assert refusal(engine.ping, sites.account(postgresql, user, password, None)).code == "no_database"


def test_fd26_an_account_that_may_not_log_in_and_its_limit_are_told_apart(postgresql: PostgreSQL) -> None:
    user, password = postgresql.create_account()
    postgresql.execute(f"ALTER ROLE {user} NOLOGIN")
    assert refusal(engine.ping, sites.account(postgresql, user, password, "postgres")).code == "auth"
    postgresql.execute(f"ALTER ROLE {user} LOGIN CONNECTION LIMIT 0")
    assert refusal(engine.ping, sites.account(postgresql, user, password, "postgres")).code == "too_many_connections"


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
    fault = refusal(engine.ping, Login(passfile=str(path)))
    assert fault.code == "unsafe_permissions" and fault.exit_status == 2 and str(path) in fault.hint


def test_fi04_a_password_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = tmp_path / "pgpass"
    path.write_text("", encoding="ascii")
    path.chmod(0o600)
    os.chown(path, 65534, 65534)
    assert refusal(engine.ping, Login(passfile=str(path))).code == "unsafe_permissions"
