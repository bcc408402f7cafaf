"""The table of jobs is the only list of them: code, command line and role agree with it."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli.flags import COMMANDS
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.jobs import (
    JOBS,
    SCHEDULED_JOBS,
    JobRow,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import SECTIONS
from tests.unit.role import ROLE


@pytest.mark.parametrize("row", JOBS, ids=lambda row: row.name)
def test_each_job_is_what_its_row_says(row: JobRow) -> None:
    job = table.job(row.name)
    assert (job.name, job.lock) == (row.name, row.lock)
    assert row.section in SECTIONS


def test_each_job_has_its_command() -> None:
    words = {f"{command.name} --{switch}" for command in COMMANDS for switch in command.switches}
    assert {row.command for row in JOBS} <= {command.name for command in COMMANDS} | words


@pytest.mark.parametrize("row", SCHEDULED_JOBS, ids=lambda row: row.name)
def test_a_scheduled_job_says_when_it_is_late_and_when_it_is_slow(row: JobRow) -> None:
    names = {option.name for option in SECTIONS[row.section]}
    assert names >= {"schedule", "enabled", "max_age_seconds", "expected_seconds"}


def test_the_role_schedules_these_jobs_and_no_other() -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    listed = {(job["name"], job["log"]) for job in variables["__iact_maintenance_jobs"]}
    assert listed == {(row.command, row.log) for row in SCHEDULED_JOBS}
