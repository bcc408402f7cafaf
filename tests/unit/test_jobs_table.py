"""The table of jobs is the only list of them: code, command line and role agree with it."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli.flags import COMMANDS
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import (
    jobs as provisioning_jobs,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.variables import read
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.jobs import (
    JOBS,
    SCHEDULED_JOBS,
    JobRow,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import SECTIONS


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
    listed = [(job["name"], job["arguments"], job["log"]) for job in provisioning_jobs.facts(read({})[0])]
    assert listed == [
        ("session-cleanup", "session-cleanup --force", "cleanup.log"),
        ("health", "health", "health.log"),
        ("backup", "backup", "backup.log"),
    ]
    assert [log for _name, _arguments, log in listed] == [row.log for row in SCHEDULED_JOBS]


def test_only_a_job_that_asks_can_be_forced() -> None:
    assert {command.name for command in COMMANDS if command.asks} == {row.command for row in JOBS if row.asks}
