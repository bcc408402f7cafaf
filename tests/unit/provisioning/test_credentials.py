"""What the role writes into credentials files is what the command finds in them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import config_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import (
    mysql_connection,
    option_file,
    password_file,
    postgresql_connection,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.endpoint import Endpoint
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import (
    config,
    credentials,
    variables,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.places import MARKER
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer
from tests.unit.provisioning.machine import Machine

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
PASSWORD = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=40)
TEXT = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=("Cs",)), min_size=1)


def site(**options: Any) -> variables.Site:
    """Return what variables, given without their prefix, ask for."""
    read, refusals = variables.read({variables.PREFIX + name: content for name, content in options.items()})
    assert refusals == []
    return read


def resolved(folder: Path, engine: str, **options: Any) -> Endpoint:
    """Return where the command connects with the config file and the credentials that the role writes."""
    path = folder / "credentials"
    asked = site(**options, **{f"{engine}_{FILE[engine]}": str(path)})
    (file,) = credentials.wanted(asked, "/nonexistent")
    path.write_text(credentials.content(file), encoding="utf-8", newline="")
    path.chmod(0o600)
    written = folder / "maintenance.json"
    written.write_text(json.dumps(config.content(asked, [file], (), "/nonexistent")), encoding="utf-8")
    settings_of_host = config_file.load(Host({}), str(written), Layer("parameter", {}))
    server = settings_of_host.servers.get(engine)
    assert server is not None
    return RESOLVE[engine](server, Host({}))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("engine", FILE)
def test_the_command_finds_the_password_that_the_role_wrote(tmp_path: Path, engine: str, place: str) -> None:
    options, expected = PLACES[place]
    given_options = {f"{engine}_{name}": content for name, content in options.items()}
    given_options |= {f"{engine}_login_user": "iact", f"{engine}_login_password": HOSTILE}
    found = resolved(tmp_path, engine, **given_options)
    assert found.password is not None
    assert found.password.reveal() == HOSTILE
    assert (found.socket or found.host, found.user) == (expected, "iact")


@pytest.mark.parametrize("engine", FILE)
def test_a_variable_that_is_null_is_one_that_is_not_set(tmp_path: Path, engine: str) -> None:
    names = ("login_host", "login_port", "login_unix_socket", "login_user", "login_db")
    options: dict[str, Any] = {f"{engine}_{name}": None for name in names}
    found = resolved(tmp_path, engine, **options, **{f"{engine}_login_password": "one"})
    assert "None" not in (tmp_path / "credentials").read_text(encoding="utf-8")
    assert (found.host, found.password and found.password.reveal()) == ("127.0.0.1", "one")


@pytest.mark.parametrize("engine", FILE)
def test_a_password_that_is_null_is_none(engine: str) -> None:
    own = {"login_user": "restorer", "login_password": None, "login_port": None}
    asked = site(**{f"{engine}_login_password": None, f"{engine}_{FILE[engine]}": None, f"restore_{engine}": own})
    assert credentials.wanted(asked, "/home") == []
    assert config.content(asked, [], (), "/home")["restore"] == {engine: {"login_user": "restorer"}}


@given(password=PASSWORD, user=TEXT, host=TEXT)
@settings(max_examples=300)
def test_d_an_option_file_is_read_back_as_it_was_written(password: str, user: str, host: str) -> None:
    named = {"login_password": password, "login_user": user, "login_host": host, "login_port": 13306}
    file = credentials.CredentialsFile(credentials.KINDS[0], "", "/x", named, "v")
    text = credentials.content(file)
    assert text.startswith(f"{MARKER}\n")
    expected = {"password": password, "user": user, "host": host, "port": "13306"}
    assert option_file.parse(text, "/x") == expected


@given(password=PASSWORD.filter(lambda text: not set("\r\n") & set(text)), user=TEXT, host=TEXT)
@settings(max_examples=300)
def test_d_a_password_file_is_read_back_as_it_was_written(password: str, user: str, host: str) -> None:
    named = {"login_password": password, "login_user": user, "login_host": host, "login_port": 15432}
    file = credentials.CredentialsFile(credentials.KINDS[1], "", "/x", named, "v")
    text = credentials.content(file)
    assert text.startswith(f"{MARKER}\n")
    found = password_file.find_password(text, (host, "15432", "any", user))
    assert found is not None
    assert found.reveal() == password
    if user != "*":
        assert password_file.find_password(text, (host, "15432", "any", user + "x")) is None


def test_a_job_s_own_account_is_laid_over_the_shared_connection() -> None:
    shared = {"mysql_login_host": "db", "mysql_login_user": "iact", "mysql_login_password": "one"}
    asked = site(**shared, restore_mysql={"login_user": "restorer", "login_password": 12345, "tls": "require"})
    first, second = credentials.wanted(asked, "/home/iact")
    assert (first.path, second.path) == ("/home/iact/.my.cnf", "/home/iact/.iact/restore.cnf")
    assert option_file.parse(credentials.content(second), "") == {"host": "db", "user": "restorer", "password": "12345"}
    written = config.content(asked, [first, second], (), "/home/iact")
    assert written["restore"] == {"mysql": {"login_user": "restorer", "tls": "require", "config_file": second.path}}
    assert written["mysql"] == {"login_host": "db", "login_user": "iact", "config_file": first.path}


def test_a_file_that_is_there_is_used_where_no_password_is_given() -> None:
    asked = site(mysql_login_port=1)
    assert config.content(asked, [], (), "/h")["mysql"] == {"login_port": 1}
    assert config.content(asked, [], ("/h/.my.cnf",), "/h")["mysql"] == {"login_port": 1, "config_file": "/h/.my.cnf"}


def test_an_option_that_is_there_although_no_password_is_given_has_its_section() -> None:
    asked = site(mysql_login_password="x")
    files = credentials.wanted(asked, "/h")
    assert config.content(asked, files, (), "/h")["mysql"] == {"config_file": "/h/.my.cnf"}
    assert config.refusals(config.content(asked, files, (), "/h")) == []


def test_a_removal_looks_for_every_job_s_credentials_whatever_it_is_told() -> None:
    places = credentials.places(site(), "/var/lib/iact")
    assert len(places) == len(set(places)) == 10
    assert {"/var/lib/iact/.my.cnf", "/var/lib/iact/.pgpass", "/var/lib/iact/.iact/backup.pgpass"} <= set(places)
    told = credentials.places(site(restore_mysql={"login_password": "one"}), "/var/lib/iact")
    assert sorted(told) == sorted(places)


def test_credentials_of_others_are_refused_by_the_names_in_them_and_never_by_a_value(machine: Machine) -> None:
    machine.write("home/.my.cnf", '[client]\npassword = "hush"\nuser=me\n[mysqldump]\nquick\n')
    machine.write("home/.pgpass", "*:*:*:me:hush=hush\n# a\n")
    passwords = {"mysql_login_password": "one", "postgresql_login_password": "one"}
    expected = [("foreign_credentials", "credentials")] * 2
    assert machine.refusals(**passwords) == expected
    message = machine.messages(**passwords)
    assert "home/.my.cnf and would replace it; it holds [client] password user [mysqldump]." in message
    assert "it holds 2 lines." in message
    assert "hush" not in str(machine.look(**passwords))
    assert machine.refusals(**passwords, credentials="keep") == []
    assert machine.refusals() == []


def test_our_own_credentials_are_known_by_their_first_line_and_a_pipe_or_a_link_is_not_ours(machine: Machine) -> None:
    os.mkfifo(machine.home / ".pgpass")
    machine.write("ours", f"{MARKER}\n[client]\n")
    (machine.home / ".my.cnf").symlink_to("../ours")
    passwords = {"mysql_login_password": "one", "postgresql_login_password": "one"}
    assert [code for code, _variable in machine.refusals(**passwords)] == ["foreign_credentials"] * 2
    (machine.home / ".my.cnf").unlink()
    machine.write("home/.my.cnf", f"{MARKER}\n[client]\n")
    seen = {entry["path"]: entry["is_ours"] for entry in machine.look()["credentials"]}
    assert seen == {f"{machine.home}/.my.cnf": True, f"{machine.home}/.pgpass": False}
