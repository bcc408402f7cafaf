"""The role gives cron lines that it reads as they are meant."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.role import ROLE, said


@pytest.mark.parametrize("name", ["iact", "100%", "a b; $(false) 'c' \\"])
def test_a_job_writes_into_its_log_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    task = yaml.safe_load((ROLE / "tasks" / "cron.yml").read_text(encoding="utf-8"))[0]
    item = {"arguments": "health", "log": "health.log"}
    given = {"iact_maintenance_log_directory": str(folder), "__iact_maintenance_command": "echo"}
    line = said(task["ansible.builtin.cron"]["job"], item=item, **given)
    assert "%" not in line.replace("\\%", "")
    subprocess.run(["sh", "-c", line.replace("\\%", "%")], check=True)
    assert (folder / "health.log").read_text(encoding="utf-8") == "health --json --scheduled\n"
