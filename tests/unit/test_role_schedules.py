"""The role takes the schedules that cron takes, and no other, and gives cron lines that it reads as they are meant."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.unit.role import ROLE, evaluated, said

GOOD = (
    "* * * * *",
    "0 */6 * * *",
    "59 23 31 12 7",
    "00,30 1-5/2,7 01 jan-Mar,dec Mon-fri",
    "0\t2  * * sun",
    "*/5 8-18 * * 1-5",
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
    "@reboot",
)
BAD = (
    "99 99 * * *",
    "a b c d e",
    "@every",
    "@every 5m",
    "2 * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * 32 * *",
    "* * * 13 *",
    "* * * 0 *",
    "* * * * 8",
    "*/0 * * * *",
    "5/10 * * * *",
    "1- * * * *",
    "1,,2 * * * *",
    "* * * mon *",
    "* * * * *; reboot",
    "",
)


@pytest.mark.parametrize("schedule", GOOD)
def test_a_schedule_that_cron_understands_passes(schedule: str) -> None:
    assert evaluated("schedule is match(__iact_maintenance_cron_pattern)", schedule=schedule)


@pytest.mark.parametrize("schedule", BAD)
def test_a_schedule_that_cron_would_not_understand_is_refused(schedule: str) -> None:
    assert not evaluated("schedule is match(__iact_maintenance_cron_pattern)", schedule=schedule)


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
