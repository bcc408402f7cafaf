"""Steps of the role on folders of this machine: what a site had before stays as it was, or makes the role say so."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.runner import CHECKOUT, Options, Run, run_playbook

ROLE = CHECKOUT / "roles" / "iact_maintenance"
OWN = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
MARKER = OWN["__iact_maintenance_marker"]
ACCOUNT = pwd.getpwuid(os.getuid())


class Machine:
    """The paths of the role below one folder, and an account: whoever runs the tests."""

    def __init__(self, root: Path) -> None:
        names = ("home", "home/state", "logs", "backups", "etc")
        self.home, self.state, self.logs, self.backups, self.etc = (root / name for name in names)
        self.rotation = root / "rotation"
        self.account = ACCOUNT.pw_name

    def variables(self) -> dict[str, Any]:
        """Where everything lies, for the role."""
        entry = ["x", str(ACCOUNT.pw_uid), str(ACCOUNT.pw_gid), "", str(self.home), "/bin/sh"]
        return {
            "__iact_maintenance_account": entry if self.account == ACCOUNT.pw_name else [],
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

    def look(self) -> list[str]:
        """What the role sees before it changes anything."""
        environment = {
            "IACT_USER": self.account,
            "IACT_HOME": str(self.home),
            "IACT_GROUPS": "",
            "IACT_LOG_GROUP": str(ACCOUNT.pw_gid),
            "IACT_LOGS": str(self.logs),
            "IACT_FOLDERS": "\n".join(str(path) for path in (self.home, self.state, self.logs, self.backups)),
            "IACT_CREDENTIALS": f"{self.home}/.my.cnf\n{self.home}/.pgpass",
            "IACT_MARKER": MARKER,
            "IACT_KEPT": OWN["__iact_maintenance_kept"],
            "IACT_ROTATION": str(self.rotation),
        }
        script = ["/bin/sh", str(ROLE / "files" / "look.sh")]
        seen = subprocess.run(script, env=environment, check=True, capture_output=True, text=True, timeout=30)
        return seen.stdout.splitlines()

    def does(self, step: str, *arguments: str, look: list[str] | None = None) -> Run:
        """A file of tasks, on what was seen; the play must end well."""
        role = {"name": "iact.maintenance.iact_maintenance", "tasks_from": step}
        task = {"name": "One step of the role", "ansible.builtin.include_role": role}
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
        seen = {"stdout_lines": self.look() if look is None else look}
        # crontabs of this machine are none of the test's business
        variables = {**self.variables(), "__iact_maintenance_look": seen, "__iact_maintenance_programs": ["crontab"]}
        run = run_playbook([play], Options(variables=variables, arguments=arguments))
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
    machine.account = "iact-that-is-not-there"
    kept = [f"kept\t{path}\t" for path in (machine.home, machine.logs, machine.backups)]
    machine.does("directories", "--check", look=kept)


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


def test_a_pipe_instead_of_credentials_holds_nobody_up_and_is_not_the_role_s(machine: Machine) -> None:
    machine.home.mkdir()
    os.mkfifo(machine.home / ".pgpass")
    (machine.home / ".my.cnf").write_text(f"{MARKER}\n[client]\n", encoding="utf-8")
    kinds = {tuple(line.split("\t")[:2]) for line in machine.look()}
    assert ("secret", f"{machine.home}/.pgpass") in kinds
    assert ("own_secret", f"{machine.home}/.my.cnf") in kinds
