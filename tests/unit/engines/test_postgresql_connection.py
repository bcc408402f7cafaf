"""Where a PostgreSQL connection leads, and whose password it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import postgresql_connection
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.endpoint import Endpoint
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import Server


def passfile(tmp_path: Path, text: str) -> str:
    """Return the path of a private password file with this text."""
    path = tmp_path / "pgpass"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def resolve(server: Server, **environment: str) -> Endpoint:
    return postgresql_connection.resolve(server, Host(environment))


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the account's home be empty."""
    monkeypatch.setattr(postgresql_connection, "home_file", lambda _host, name: str(tmp_path / "none" / name))


def test_without_a_word_it_is_this_host_s_usual_port_and_the_account_s_own_database() -> None:
    found = resolve(Server(login_user="iact"))
    assert (found.place, found.user, found.database, found.tls) == ("127.0.0.1:5432", "iact", "iact", "prefer")


def test_b9_the_password_s_sources_follow_the_engine_s_order(tmp_path: Path) -> None:
    path = passfile(tmp_path, "*:*:*:iact:file\n")
    everything = Server(login_user="iact", passfile=path, login_password=Secret("given"))
    assert resolve(everything, PGPASSWORD="variable").password == Secret("given")
    by_file = Server(login_user="iact", passfile=path)
    assert resolve(by_file, PGPASSWORD="variable").password == Secret("variable")
    assert resolve(by_file).password == Secret("file")
    own = Server(login_user="iact", passfile=path, own_account=True)
    assert resolve(own, PGPASSWORD="variable").password == Secret("file")
    assert resolve(Server(login_user="other", passfile=path, own_account=True)).password is None


def test_the_server_s_usual_socket_is_localhost_in_a_password_file(tmp_path: Path) -> None:
    path = passfile(tmp_path, "localhost:5432:*:*:usual\n/srv/pg:*:*:*:special\n")
    usual = Server(login_user="iact", passfile=path, login_unix_socket="/var/run/postgresql")
    special = Server(login_user="iact", passfile=path, login_unix_socket="/srv/pg")
    assert (resolve(usual).password, resolve(special).password) == (Secret("usual"), Secret("special"))
    assert resolve(special).place == "/srv/pg"


def test_a_missing_driver_is_refused_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_connection, "DRIVER_FOUND", False)
    with pytest.raises(errors.Refused) as caught:
        postgresql_connection.connect(resolve(Server(login_user="iact")))
    assert (caught.value.code, caught.value.hint) == ("driver_missing", "apt-get install python3-psycopg2")


def test_fi05_an_identifier_is_one_whatever_it_holds() -> None:
    assert postgresql_connection.quote_identifier('a"b%s') == '"a""b%%s"'
