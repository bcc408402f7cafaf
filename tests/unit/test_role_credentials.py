"""What the role writes into credentials files is what the command finds in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import config_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import (
    mysql_connection,
    postgresql_connection,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.endpoint import Endpoint
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer
from tests.unit.role import evaluated, rendered

HOSTILE = "ärger # \"zwei\" 'eins' \\n C:\\ ; = %d $(id) [client]"
RESOLVE = {"mysql": mysql_connection.resolve, "postgresql": postgresql_connection.resolve}
FILE = {"mysql": "config_file", "postgresql": "passfile"}
PLACES = {
    "nowhere_named": ({}, "127.0.0.1"),
    "a_host": ({"login_host": "db.example.org", "login_port": 1234}, "db.example.org"),
    "an_address": ({"login_host": "::1"}, "::1"),
    "the_usual_socket": ({"login_unix_socket": "/var/run/postgresql"}, "/var/run/postgresql"),
    "its_other_name": ({"login_unix_socket": "/run/postgresql"}, "/run/postgresql"),
    "another_socket": ({"login_unix_socket": "/srv/db:1"}, "/srv/db:1"),
    "a_socket_and_a_host": ({"login_unix_socket": "/srv/db", "login_host": "localhost"}, "/srv/db"),
}


def resolved(folder: Path, engine: str, **given: Any) -> Endpoint:
    """Where the command connects with the config file and the credentials that the role writes for these variables."""
    path = folder / "credentials"
    given[f"iact_maintenance_{engine}_{FILE[engine]}"] = str(path)
    (account,) = evaluated("__iact_maintenance_accounts", **given)
    path.write_text(rendered(f"{engine}.credentials.j2", item=account, **given), encoding="utf-8")
    path.chmod(0o600)
    config = folder / "maintenance.json"
    config.write_text(rendered("maintenance.json.j2", **given), encoding="utf-8")
    settings = config_file.load(Host({}), str(config), Layer("parameter", {}))
    server = getattr(settings, engine)
    assert server is not None
    return RESOLVE[engine](server, Host({}))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("engine", FILE)
def test_the_command_finds_the_password_that_the_role_wrote(tmp_path: Path, engine: str, place: str) -> None:
    options, expected = PLACES[place]
    given = {f"iact_maintenance_{engine}_{name}": content for name, content in options.items()}
    given |= {f"iact_maintenance_{engine}_login_user": "iact", f"iact_maintenance_{engine}_login_password": HOSTILE}
    found = resolved(tmp_path, engine, **given)
    assert found.password is not None
    assert found.password.reveal() == HOSTILE
    assert (found.socket or found.host, found.user) == (expected, "iact")


@pytest.mark.parametrize("engine", FILE)
def test_a_variable_that_is_null_is_one_that_is_not_set(tmp_path: Path, engine: str) -> None:
    names = ("login_host", "login_port", "login_unix_socket", "login_user", "login_db")
    given: dict[str, Any] = {f"iact_maintenance_{engine}_{name}": None for name in names}
    found = resolved(tmp_path, engine, **given, **{f"iact_maintenance_{engine}_login_password": "one"})
    assert "None" not in (tmp_path / "credentials").read_text(encoding="utf-8")
    assert (found.host, found.password and found.password.reveal()) == ("127.0.0.1", "one")


@pytest.mark.parametrize("engine", FILE)
def test_a_password_that_is_null_is_none(engine: str) -> None:
    given = {f"iact_maintenance_{engine}_login_password": None, f"iact_maintenance_{engine}_{FILE[engine]}": None}
    given[f"iact_maintenance_restore_{engine}"] = {"login_user": "restorer", "login_password": None, "login_port": None}
    assert evaluated("__iact_maintenance_accounts", **given) == []
    assert "None" not in str(evaluated("__iact_maintenance_credentials", **given))
    config = json.loads(rendered("maintenance.json.j2", **given))
    assert config["restore"] == {engine: {"login_user": "restorer"}}
