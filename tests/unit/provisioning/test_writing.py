"""Credentials files are their account's alone, replaced whole, and never written through a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import option_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption, StorageFault
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import writing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.variables import PREFIX
from tests.unit.provisioning.machine import NUMBER, Machine


def changes(machine: Machine, **given: Any) -> list[writing.Change]:
    """Return what would be written for these variables."""
    variables = {PREFIX + name: content for name, content in {"mysql_login_password": "hush", **given}.items()}
    return writing.plan(variables, machine.host, machine.places)


def write(machine: Machine, **given: Any) -> list[bool]:
    """Write what differs, and return which files did."""
    planned = changes(machine, **given)
    needed = [change.is_needed for change in planned]
    for change in planned:
        if change.is_needed:
            writing.apply(change)
    return needed


def mode(path: Path) -> int:
    """Return the permissions of a path."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_is_written_once_and_is_the_account_s_alone(machine: Machine) -> None:
    path = machine.home / ".my.cnf"
    assert write(machine) == [True]
    assert option_file.parse(path.read_text(encoding="utf-8"), str(path)) == {"password": "hush"}
    assert (mode(path), path.stat().st_uid) == (0o600, NUMBER)
    assert write(machine) == [False]
    assert [entry.name for entry in machine.home.iterdir()] == [".my.cnf"]


@pytest.mark.parametrize("what", ["content", "mode", "owner"])
def test_a_file_is_written_again_where_content_owner_or_mode_differ(machine: Machine, what: str) -> None:
    path = machine.home / ".my.cnf"
    write(machine)
    if what == "mode":
        path.chmod(0o640)
    elif what == "owner":
        if os.getuid() != 0:
            pytest.skip("only root gives files away")
        os.chown(path, 0, 0)
    assert write(machine, **({"mysql_login_password": "other"} if what == "content" else {})) == [True]
    assert (mode(path), path.stat().st_uid) == (0o600, NUMBER)


def test_what_a_change_shows_holds_no_value(machine: Machine) -> None:
    (first,) = changes(machine)
    assert first.before is None
    assert first.after.words == f"owner: {NUMBER}\ngroup: {NUMBER}\nmode: 0600\ncontent: as the variables say\n"
    writing.apply(first)
    (second,) = changes(machine, mysql_login_password="whisper")
    assert second.before is not None
    assert "content: another" in second.before.words
    assert not [word for word in ("hush", "whisper") if word in first.after.words + second.before.words]


def test_a_link_is_replaced_and_what_it_points_to_stays(machine: Machine) -> None:
    target = machine.write("target", "kept")
    (machine.home / ".my.cnf").symlink_to(target)
    (machine.home / ".my.cnf.part").symlink_to(target)
    assert write(machine) == [True]
    assert target.read_text(encoding="utf-8") == "kept"
    assert not (machine.home / ".my.cnf").is_symlink()


def test_a_folder_behind_a_link_that_the_account_planted_is_not_written_into(machine: Machine) -> None:
    target = machine.root / "etc"
    target.mkdir()
    (machine.home / ".iact").symlink_to(target)
    os.chown(machine.home / ".iact", NUMBER, -1, follow_symlinks=False)
    with pytest.raises(StorageFault, match="is a link that another account created"):
        write(machine, mysql_login_password=None, restore_mysql={"login_password": "x"})
    assert list(target.iterdir()) == []


def test_a_fault_leaves_the_file_as_it_was(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    write(machine)
    before = (machine.home / ".my.cnf").read_bytes()

    def broken(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", broken)
    with pytest.raises(StorageFault, match="the disk is full"):
        write(machine, mysql_login_password="other")
    assert (machine.home / ".my.cnf").read_bytes() == before
    assert [entry.name for entry in machine.home.iterdir()] == [".my.cnf"]


def test_a_missing_folder_is_named(machine: Machine) -> None:
    with pytest.raises(StorageFault, match="/nowhere/x.cnf: No such file or directory"):
        write(machine, mysql_config_file="/nowhere/x.cnf")


def test_kept_credentials_and_a_removal_write_nothing(machine: Machine) -> None:
    assert changes(machine, credentials="keep") == []
    assert changes(machine, state="absent") == []


def test_wrong_variables_are_refused_and_not_shown(machine: Machine) -> None:
    with pytest.raises(BadOption, match="iact_maintenance_mysql_login_port") as refused:
        changes(machine, mysql_login_port="hunter2")
    assert "hunter2" not in str(refused.value)
