"""Steps of the role on folders of this machine: what a site had before stays as it was, or makes the role say so."""

from __future__ import annotations

import json
import os
import pwd
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import accounts, preflight
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.places import (
    KEPT,
    MARKER,
    Places,
)
from tests.runner import CHECKOUT, Options, Run, run_playbook

ROLE = CHECKOUT / "roles" / "iact_maintenance"
OWN = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
ACCOUNT = pwd.getpwuid(os.getuid())
SECRET = "hunter2Tr0ub4dor"
OWN_ACCOUNT = {"login_user": "restorer", "login_password": SECRET}


class Machine:
    """The paths of the role below one folder, and an account: whoever runs the tests."""

    def __init__(self, root: Path) -> None:
        names = ("home", "home/state", "logs", "backups", "etc")
        self.home, self.state, self.logs, self.backups, self.etc = (root / name for name in names)
        self.rotation = root / "rotation"
        self.account = ACCOUNT.pw_name

    def variables(self) -> dict[str, Any]:
        """Where everything lies, for the role."""
        return {
            "iact_maintenance_user": self.account,
            "iact_maintenance_log_group": str(ACCOUNT.pw_gid),
            "iact_maintenance_state_directory": str(self.state),
            "iact_maintenance_log_directory": str(self.logs),
            "iact_maintenance_backup_directory": str(self.backups),
            "__iact_maintenance_library": str(self.home),
            "__iact_maintenance_config": str(self.etc / "maintenance.json"),
            "__iact_maintenance_rotation": str(self.rotation),
            "__iact_maintenance_command": str(self.home / "iact-maintenance"),
        }

    def look(self) -> dict[str, Any]:
        """Return what the role sees before it changes anything, but for this machine's own programs."""
        variables = {name: content for name, content in self.variables().items() if name.startswith("iact_")}
        own = (self.rotation.parent / name for name in Places._fields)
        places = Places(*map(str, own))._replace(rotation=str(self.rotation), library=str(self.home))
        seen = preflight.look(variables, Host(), places=places)
        return {**seen, "programs": ["crontab"]}

    def does(self, step: str, *arguments: str, **more: Any) -> Run:
        """Return what a file of tasks did, on what was seen; the play must end well."""
        role = {"name": "iact.maintenance.iact_maintenance", "tasks_from": step}
        task = {"name": "One step of the role", "ansible.builtin.include_role": role}
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
        looks = {"__iact_maintenance_first_look": self.look(), "__iact_maintenance_second_look": {"skipped": True}}
        run = run_playbook([play], Options(variables={**self.variables(), **looks, **more}, arguments=arguments))
        assert run.return_code == 0, run.output
        return run


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def changed(run: Run) -> list[str]:
    return [result.task for result in run.results if result.result.get("changed")]


def test_a_folder_that_the_account_had_before_stays_open_to_whom_it_was(machine: Machine) -> None:
    before = {machine.home: 0o755, machine.logs: 0o2775, machine.etc: 0o750, machine.backups: 0o755}
    for path, bits in before.items():
        path.mkdir()
        path.chmod(bits)
    machine.does("directories")
    assert (mode(machine.home), mode(machine.logs)) == (0o755, 0o2775)
    assert mode(machine.etc) == 0o751, "the account must reach the settings"
    assert (mode(machine.state), mode(machine.backups)) == (0o750, 0o700)
    assert changed(machine.does("directories")) == []


def test_folders_that_the_role_makes_have_the_documented_modes(machine: Machine) -> None:
    machine.does("directories")
    assert [mode(path) for path in (machine.home, machine.state, machine.logs)] == [0o750, 0o750, 0o755]
    assert [mode(path) for path in (machine.etc, machine.backups)] == [0o755, 0o700]


def test_check_mode_ends_well_where_an_earlier_removal_kept_folders_and_took_the_account(machine: Machine) -> None:
    for path in (machine.home, machine.logs, machine.backups):
        path.mkdir()
        (path / KEPT).touch()
    machine.account = "iact-that-is-not-there"
    run = machine.does("directories", "--check")
    assert not [result for result in run.results if result.status == "failed"]


@pytest.mark.parametrize("first", [MARKER, "# The site's own."])
def test_a_removal_leaves_a_rotation_that_the_role_did_not_write_and_a_link_to_a_folder(
    machine: Machine, first: str
) -> None:
    machine.account = "iact-that-is-not-there"
    (machine.logs.parent / "disk").mkdir()
    machine.logs.symlink_to("disk")
    machine.rotation.write_text(f"{first}\n/var/log/other.log {{\n}}\n", encoding="utf-8")
    machine.does("absent")
    assert machine.rotation.exists() == (first != MARKER)
    assert machine.logs.is_symlink()


def test_the_role_and_the_core_know_the_same_marks_and_paths() -> None:
    assert OWN["__iact_maintenance_marker"] == MARKER
    assert OWN["__iact_maintenance_kept"] == KEPT
    assert OWN["__iact_maintenance_library"] == Places().library
    assert OWN["__iact_maintenance_rotation"] == Places().rotation
    assert [OWN["__iact_maintenance_record"][place] for place in (0, 2)] == [accounts.COMMENT, accounts.SHELL]


def test_credentials_are_written_by_the_role_without_a_value_anywhere(machine: Machine) -> None:
    machine.home.mkdir()
    passwords = {"iact_maintenance_mysql_login_password": SECRET, "iact_maintenance_restore_postgresql": OWN_ACCOUNT}
    task = {"name": "Write", "iact.maintenance.iact_credentials": {"variables": "{{ given | to_json }}"}}
    files = {"iact_maintenance_mysql_config_file": f"{machine.home}/my.cnf"}
    own = {**OWN_ACCOUNT, "passfile": f"{machine.home}/restore.pgpass"}
    given = {**passwords, **files, "iact_maintenance_user": ACCOUNT.pw_name, "iact_maintenance_restore_postgresql": own}
    runs = [
        run_playbook(
            [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}],
            Options(variables={"given": given}, arguments=("--diff", "-vvv", *arguments)),
        )
        for arguments in (("--check",), ())
    ]
    assert [run.return_code for run in runs] == [0, 0], runs[0].output
    assert [run.only("Write").result["changed"] for run in runs] == [True, True]
    for run in runs:
        assert SECRET not in json.dumps(run.events, default=str)
        assert "as the variables say" in run.output
    for name in ("my.cnf", "restore.pgpass"):
        assert SECRET in (machine.home / name).read_text(encoding="utf-8")
        assert mode(machine.home / name) == 0o600
