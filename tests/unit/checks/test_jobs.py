"""Late jobs, and jobs that did not do their work."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import Context
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.jobs import jobs
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.outcome import Outcome
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused

from .conftest import NOW

Make = Callable[..., Context]
HOUR = 3600


def run(job: str, hours_ago: float, exit_status: int = 0, scheduled: bool = True) -> dict[str, Any]:
    time = (NOW - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"job": job, "time": time, "exit_status": exit_status, "scheduled": scheduled}


@pytest.fixture
def judge(tmp_path: Path, make_context: Make) -> Callable[..., dict[str, Outcome]]:
    """Judge the jobs by these runs."""

    def judge_runs(*runs: dict[str, Any], written: float | None = None, **options: object) -> dict[str, Outcome]:
        (tmp_path / "state").mkdir(exist_ok=True)
        (tmp_path / "state/history.jsonl").write_text("".join(json.dumps(each) + "\n" for each in runs))
        written_at = None if written is None else NOW.timestamp() - written
        return {each.part: each for each in jobs(make_context(options, written_at=written_at))}

    return judge_runs


Judge = Callable[..., dict[str, Outcome]]


def test_a_recent_scheduled_success_passes(judge: Judge) -> None:
    assert judge(run("session_cleanup", 5))["session_cleanup"].status == "pass"


def test_a_late_job_fails_although_a_person_ran_it_meanwhile(judge: Judge) -> None:
    outcome = judge(run("session_cleanup", 8), run("session_cleanup", 1, scheduled=False))["session_cleanup"]
    assert outcome.status == "fail"
    assert "late" in outcome.message


def test_a_last_run_that_did_not_do_its_work_warns_while_the_job_is_not_late(judge: Judge) -> None:
    outcome = judge(run("session_cleanup", 6), run("session_cleanup", 0.1, exit_status=1))["session_cleanup"]
    assert outcome.status == "warn"
    # The line of a run that ends with 0 must not match the operator's grep.
    assert not any(word in (outcome.message + outcome.hint).lower() for word in ("error", "fail"))


@pytest.mark.parametrize(
    ("further", "how", "where"),
    [
        ({"started_by": "hand", "user": "anna"}, "by hand (anna)", "on that person's terminal, not in cleanup.log"),
        ({"started_by": "ansible"}, "by Ansible", "in the output of that play, not in cleanup.log"),
        ({}, "by hand or by Ansible", "not in cleanup.log"),
        ({"started_by": "hand", "user": ["\x1b[31m"]}, "by hand (", "not in cleanup.log"),
    ],
)
def test_g15_a_run_that_cron_did_not_start_says_who_did_and_where_its_output_is(
    judge: Judge, further: dict[str, Any], how: str, where: str
) -> None:
    last = {**run("session_cleanup", 0.1, exit_status=1, scheduled=False), **further}
    outcome = judge(run("session_cleanup", 6), last)["session_cleanup"]
    assert outcome.message.startswith(f"its last run, started {how}")
    assert "ended with exit status 1; its last scheduled success began 6 h ago" in outcome.message
    assert where in outcome.hint and "\x1b" not in outcome.message


def test_g15_a_run_by_cron_has_its_output_in_the_log(judge: Judge) -> None:
    outcome = judge(run("session_cleanup", 6), run("session_cleanup", 0.1, exit_status=1))["session_cleanup"]
    assert "started by cron at" in outcome.message and outcome.hint.startswith("read cleanup.log")


def test_fh25_a_run_ahead_of_the_clock_does_not_keep_a_job_from_being_late(judge: Judge) -> None:
    ahead = run("session_cleanup", -5 * 365 * 24)
    outcome = judge(run("session_cleanup", 8), ahead)["session_cleanup"]
    assert outcome.status == "fail" and "late" in outcome.message
    outcome = judge(run("session_cleanup", 5), ahead)["session_cleanup"]
    assert (outcome.status, outcome.code) == ("warn", "ahead_of_clock") and "2031-02-28" in outcome.message
    assert judge(ahead)["session_cleanup"].status == "warn"


def test_fh25_a_run_ahead_of_the_clock_is_forgotten_with_the_next(judge: Judge) -> None:
    runs = [run("session_cleanup", -5 * 365 * 24), run("session_cleanup", 1)]
    assert judge(*runs)["session_cleanup"].status == "pass"


@pytest.mark.parametrize("last", [run("backup", 0.1, exit_status=75), run("backup", 0.1, 2, scheduled=False)])
def test_a_busy_run_and_a_person_s_mistake_are_no_runs(judge: Judge, last: dict[str, Any]) -> None:
    assert judge(run("backup", 3), last, backup={"tables": ["dora_metrics"]})["backup"].status == "pass"


def test_a_busy_run_does_not_lull(judge: Judge) -> None:
    runs = [run("session_cleanup", 8), run("session_cleanup", 1, exit_status=75)]
    assert judge(*runs)["session_cleanup"].status == "fail"


def test_a_health_check_that_found_something_has_run(judge: Judge) -> None:
    assert judge(run("health", 0.1, exit_status=1))["health"].status == "pass"


def test_a_job_that_never_ran_is_skipped_until_it_is_late_by_the_config_file_s_age(judge: Judge) -> None:
    assert judge(written=6 * HOUR)["session_cleanup"].status == "skip"
    assert judge(written=8 * HOUR)["session_cleanup"].status == "fail"


def test_a_job_that_only_failed_counts_from_the_config_file_s_last_write(judge: Judge) -> None:
    only = run("session_cleanup", 1, exit_status=1)
    assert judge(only, written=8 * HOUR)["session_cleanup"].status == "fail"


def test_without_a_config_file_nothing_is_late(judge: Judge) -> None:
    assert judge()["session_cleanup"].status == "skip"


def test_fc15_a_disabled_job_is_skipped(judge: Judge) -> None:
    outcome = judge(run("session_cleanup", 80), session_cleanup={"enabled": False})["session_cleanup"]
    assert outcome.status == "skip"


def test_a_backup_that_is_not_configured_is_no_job(judge: Judge) -> None:
    assert "backup" not in judge()


def test_a_damaged_history_is_read_as_far_as_it_goes(judge: Judge, tmp_path: Path, make_context: Make) -> None:
    judge(run("session_cleanup", 5))
    with (tmp_path / "state/history.jsonl").open("a") as stream:
        stream.write('{"job": "session_cleanup", "time": 3\nnonsense\n[]\n{"job": "session_cleanup"}\n')
    assert {each.part: each.status for each in jobs(make_context())}["session_cleanup"] == "warn"


def test_a_history_that_may_not_be_read_names_the_way_out(tmp_path: Path, make_context: Make) -> None:
    (tmp_path / "state").write_text("not a directory")
    with pytest.raises(Refused, match="Not a directory") as caught:
        jobs(make_context())
    assert "create it" in caught.value.hint
