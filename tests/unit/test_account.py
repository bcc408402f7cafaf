"""Who runs: root becomes the settings' user, in a module by a child that sends plain data back."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import account
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    BadOption,
    MaintenanceError,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def identity() -> Mapping[str, object]:
    return {
        "user_id": os.getuid(),
        "effective_user_id": os.geteuid(),
        "group_id": os.getgid(),
        "groups": os.getgroups(),
        "home": os.environ["HOME"],
        "name": os.environ["USER"],
        "directory": os.getcwd(),
    }


def test_only_root_with_a_named_user_becomes_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert account.must_become("iact")
    assert not account.must_become(None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not account.must_become("iact")


@pytest.mark.parametrize("user", ["no-such-user", "root", "\0", "../x", "-rf"])
def test_only_an_account_other_than_root_s_is_allowed(user: str) -> None:
    with pytest.raises(BadOption, match="this host has no account with that name|any account except root is allowed$"):
        account.become(user)
    with pytest.raises(BadOption, match="^user is ") as caught:
        account.run_as(user, identity)
    assert "iact_maintenance_user" in caught.value.hint


@as_root
def test_a_child_is_the_user_in_every_respect_and_the_caller_stays_root() -> None:
    nobody = pwd.getpwnam("nobody")
    before = os.getcwd()
    found = account.run_as("nobody", identity)
    assert found == {
        "user_id": nobody.pw_uid,
        "effective_user_id": nobody.pw_uid,
        "group_id": nobody.pw_gid,
        "groups": os.getgrouplist("nobody", nobody.pw_gid),
        "home": nobody.pw_dir,
        "name": "nobody",
        "directory": "/",
    }
    assert os.geteuid() == 0
    assert os.getcwd() == before


@as_root
def test_a_child_cannot_become_root_again() -> None:
    def try_it() -> Mapping[str, object]:
        try:
            os.setuid(0)
        except PermissionError:
            return {"came_back": False}
        return {"came_back": True}

    assert account.run_as("nobody", try_it) == {"came_back": False}


@as_root
def test_a_long_answer_comes_through_whole() -> None:
    assert account.run_as("nobody", lambda: {"text": "x" * 1_000_000}) == {"text": "x" * 1_000_000}


@as_root
def test_fs05_a_child_that_ends_without_an_answer_is_a_fault_that_repeats_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def break_down() -> Mapping[str, object]:
        raise RuntimeError("hunter2")

    with pytest.raises(MaintenanceError, match="ended with status 1 and no report") as caught:
        account.run_as("nobody", break_down)
    assert caught.value.code == "internal_fault"
    assert "hunter2" not in "".join(capfd.readouterr())


@as_root
def test_a_child_that_is_killed_is_a_fault() -> None:
    def die() -> Mapping[str, object]:
        os.kill(os.getpid(), 9)
        return {}

    with pytest.raises(MaintenanceError, match="ended with status -9 and no report"):
        account.run_as("nobody", die)
