"""The account of the jobs: whose it is, and whether it may have a crontab."""

from __future__ import annotations

import os
import pwd

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from tests.unit.provisioning.machine import NUMBER, Machine, record


@pytest.mark.parametrize("name", ["root", "toor"])
def test_root_is_refused_under_whatever_name(machine: Machine, name: str) -> None:
    machine.host.accounts |= {"root": record("root", 0, "/root"), "toor": record("toor", 0, "/root")}
    machine.host.accounts["toor"] = record("toor", 0, "/root")
    assert ("account_root", "user") in machine.refusals(user=name)


def test_an_account_is_named_as_the_host_names_it(machine: Machine) -> None:
    machine.host.accounts["remote"] = record("remote", 4711, str(machine.home))
    assert "the account 4711 is called remote" in machine.messages(user="4711")
    assert machine.refusals(user="4712") == [("account_name", "user")]
    machine.host.accounts["REMOTE"] = machine.host.accounts["remote"]
    assert "the account REMOTE is called remote" in machine.messages(user="REMOTE")


@pytest.mark.parametrize("name", ["call centre", "-iact", "a:b", "a/b", "~x"])
def test_a_name_that_no_account_can_have_is_refused_before_anything_changed(machine: Machine, name: str) -> None:
    assert machine.refusals(user=name) == [("account_name", "user")]


@pytest.mark.parametrize(
    ("comment", "shell", "is_made_by_role"),
    [
        ("iact.maintenance", "/usr/sbin/nologin", True),
        ("iact.maintenance", "/bin/bash", False),
        ("iact.maintenance,,,", "/usr/sbin/nologin", False),
        ("", "/usr/sbin/nologin", False),
    ],
)
def test_the_account_that_the_role_made_is_known_by_its_whole_record(
    machine: Machine, comment: str, shell: str, is_made_by_role: bool
) -> None:
    for home in (machine.places.library, "/srv/iact"):
        machine.host.accounts["iact"] = pwd.struct_passwd(("iact", "x", NUMBER, 998, comment, home, shell))
        expected = is_made_by_role and home == machine.places.library
        assert machine.look()["account"]["is_made_by_role"] is expected


@pytest.mark.parametrize(
    ("allow", "deny", "is_allowed"),
    [
        (None, None, True),
        ("root\niact\n", None, True),
        ("root\n", None, False),
        ("", None, False),
        ("iactor\n", None, False),
        (None, "nobody\n", True),
        (None, "nobody\niact\n", False),
        ("iact\n", "iact\n", True),
    ],
)
def test_g62_an_account_that_may_have_no_crontab_is_refused(
    machine: Machine, allow: str | None, deny: str | None, is_allowed: bool
) -> None:
    for name, text in (("cron_allow", allow), ("cron_deny", deny)):
        if text is not None:
            machine.write(name, text)
    assert (machine.refusals() == []) is is_allowed
    if not is_allowed:
        assert machine.refusals() == [("cron_not_allowed", "user")]
        assert str(machine.root / "cron_") in machine.messages()


def test_a_group_is_joined_only_by_whom_is_outside(machine: Machine) -> None:
    machine.host.memberships["iact"] = {"adm"}
    assert machine.look(groups=["adm", "33"])["account"]["groups_to_join"] == ["www-data"]
    del machine.host.accounts["iact"]
    assert machine.look(groups=["adm", "33"])["account"]["groups_to_join"] == ["adm", "www-data"]


def test_a_home_is_wanted_only_where_credentials_would_lie_in_it(machine: Machine) -> None:
    machine.home.rmdir()
    assert machine.refusals() == []
    assert machine.refusals(mysql_login_password="x") == [("no_home", "mysql_config_file")]
    assert machine.refusals(mysql_login_password="x", credentials="keep") == []
    assert machine.refusals(mysql_login_password="x", mysql_config_file="/etc/x.cnf") == []


def test_the_host_knows_accounts_and_groups_by_name_and_number() -> None:
    host, own = Host(), pwd.getpwuid(os.getuid())
    assert host.account(own.pw_name) == host.account(str(own.pw_uid)) == own
    assert own.pw_gid in host.groups_of(own)
    assert host.group_name("root") == host.group_name("0") == "root"
    for name in ("no-such-account", "9" * 30, "\0", ""):
        assert host.account(name) is None
        assert host.group_name(name) is None
