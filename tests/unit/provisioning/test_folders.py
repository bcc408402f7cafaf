"""Folders that are there already: whose they are, and what an operator can do about it."""

from __future__ import annotations

import os

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.places import KEPT
from tests.unit.provisioning.machine import NUMBER, Machine, record

OTHER = NUMBER + 1


def test_a_folder_of_the_account_is_taken_as_it_is(machine: Machine) -> None:
    machine.folder(machine.logs)
    (seen,) = machine.look()["folders"]
    assert seen == {"path": str(machine.logs), "owner": "iact", "is_ours": True, "is_kept": False}
    assert machine.refusals() == []


def test_a_folder_of_another_names_both_ways_out(machine: Machine) -> None:
    machine.folder(machine.logs)
    machine.host.accounts = {
        "callcenter": record("callcenter", NUMBER, "/srv"),
        "iact": record("iact", OTHER, "/"),
    }
    assert machine.refusals() == [("foreign_folder", "log_directory")]
    message = machine.messages()
    assert f"{machine.logs} belongs to callcenter; set iact_maintenance_user to callcenter" in message
    assert "iact_maintenance_log_directory (the backup still reads" in message


@pytest.mark.skipif(os.getuid() != 0, reason="the tests' own folders are root's only there")
@pytest.mark.parametrize("exists", [True, False])
def test_g79_a_folder_of_root_s_is_given_away_or_another_is_named(machine: Machine, exists: bool) -> None:
    machine.backups.mkdir()
    machine.host.accounts = {"root": record("root", 0, "/root")}
    if exists:
        machine.host.accounts["iact"] = record("iact", OTHER, "/")
    assert machine.refusals() == [("foreign_folder", "backup_directory")]
    message = machine.messages()
    assert f"{machine.backups} belongs to root" in message
    assert f"chown iact {machine.backups}" in message
    assert "iact_maintenance_backup_directory" in message
    assert "iact_maintenance_user" not in message


@pytest.mark.skipif(os.getuid() != 0, reason="only root keeps a folder")
def test_a_folder_that_an_earlier_removal_kept_is_taken_over(machine: Machine) -> None:
    machine.backups.mkdir()
    (machine.backups / KEPT).touch()
    machine.host.accounts = {"iact": record("iact", OTHER, "/")}
    assert machine.refusals() == []
    assert machine.look()["folders"][0]["is_kept"]


def test_a_file_in_place_of_a_folder_is_refused(machine: Machine) -> None:
    machine.state.touch()
    assert machine.refusals() == [("not_a_directory", "state_directory")]


def test_links_that_the_account_could_have_planted_are_refused(machine: Machine) -> None:
    machine.folder(machine.logs)
    (machine.logs / "health.log").symlink_to("/etc/shadow")
    (machine.home / ".iact").symlink_to("/etc")
    machine.backups.symlink_to("nowhere")
    os.chown(machine.backups, NUMBER, -1, follow_symlinks=False)
    assert sorted(machine.refusals()) == [("link", ""), ("link", ""), ("link", "backup_directory")]
    assert f"{machine.logs}/health.log is a link" in machine.messages()
