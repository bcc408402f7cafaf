"""The health job: its report, its deadline and its memory."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.outcome import Outcome
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.running import Check
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import text
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import health
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.model import Mode
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.runner import run
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Measure, Report
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, Settings, build


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "state").mkdir()
    sqlite3.connect(tmp_path / "site.sqlite3").execute(
        "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text, expire_date datetime)"
    ).connection.close()
    raw = {"state_directory": str(tmp_path / "state"), "sqlite": {"path": str(tmp_path / "site.sqlite3")}}
    return build([Layer("test", raw)])


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the checks of the site be one that finds this."""

    def replace(*outcomes: Outcome) -> None:
        check = Check("thing", lambda context: list(outcomes), lambda settings: True)
        monkeypatch.setattr(health, "CHECKS", (check,))

    return replace


def check_health(settings: Settings, **mode: Any) -> Report:
    return run(health.JOB, settings, Host(), Mode(**mode))


def checks_of(report: Report) -> dict[str, dict[str, Any]]:
    checks = report.as_dict()["checks"]
    assert isinstance(checks, list)
    return {check["name"]: check for check in checks}


def test_a_small_site_is_healthy(settings: Settings) -> None:
    report = check_health(settings)
    assert (report.exit_status, report.status, report.changed) == (0, "ok", False)
    assert checks_of(report)["sqlite"]["status"] == "pass"
    assert checks_of(report)["sessions"]["measured"]["value"] == 0


def test_every_figure_that_a_check_judged_is_a_measure_of_its_name(settings: Settings) -> None:
    report = check_health(settings)
    judged = {name: check["measured"] for name, check in checks_of(report).items() if "measured" in check}
    assert set(judged) >= {"sessions"}
    assert {measure.name: measure.value for measure in report.measures} == {
        name: measured["value"] for name, measured in judged.items()
    }


def test_r8_the_line_of_a_healthy_run_holds_neither_word(settings: Settings) -> None:
    line = json.dumps(check_health(settings).as_dict()).lower()
    assert "error" not in line
    assert "fail" not in line


def test_x1_a_check_that_fails_makes_the_run_end_with_1(settings: Settings, found: Callable[..., None]) -> None:
    found(Outcome("fail", "it is down", "start it"), Outcome("pass", "fine", part="b"))
    report = check_health(settings)
    assert (report.exit_status, report.status, report.outcome) == (1, "critical", "failed with error unhealthy")
    assert report.summary == "1 of 2 checks fail: thing"
    assert [finding.as_dict() for finding in report.findings] == [
        {
            "severity": "critical",
            "code": "thing",
            "subject": "thing",
            "message": "thing: it is down",
            "hint": "start it",
        }
    ]


def test_a_check_that_warns_leaves_the_run_healthy(settings: Settings, found: Callable[..., None]) -> None:
    found(Outcome("warn", "soon", "act", measure=Measure("thing", 3)), Outcome("skip", "no", part="b"))
    report = check_health(settings)
    assert (report.exit_status, report.status) == (0, "warning")
    assert "thing" in report.summary


def test_x11_checks_that_hang_end_with_the_deadline(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(context: object) -> list[Outcome]:
        threading.Event().wait()
        return []

    quick = Check("quick", lambda context: [Outcome("pass", "fine")], lambda settings: True)
    monkeypatch.setattr(health, "CHECKS", (Check("slow", hang, lambda settings: True), quick))
    hurried = build([Layer("test", {"sqlite": {"path": "/x"}, "health": {"deadline_seconds": 1}})])
    began = time.monotonic()
    report = check_health(hurried)
    assert time.monotonic() - began < 1.0
    assert [check["status"] for check in checks_of(report).values()] == ["fail", "pass"]


def test_nothing_configured_is_one_clear_line_and_2(tmp_path: Path) -> None:
    report = check_health(build([Layer("test", {"state_directory": str(tmp_path)})]))
    assert report.exit_status == 2
    assert report.summary == "neither a Django project nor a database is configured"


def test_since_when_a_check_fails_is_remembered_until_it_passes(
    settings: Settings, found: Callable[..., None], tmp_path: Path
) -> None:
    found(Outcome("fail", "down"))
    first = checks_of(check_health(settings))["thing"]["since_at"]
    memory = tmp_path / "state/health.json"
    memory.write_text(memory.read_text().replace(first, "2026-01-01T00:00:00Z"))
    assert checks_of(check_health(settings))["thing"]["since_at"] == "2026-01-01T00:00:00Z"
    found(Outcome("warn", "less bad"))
    assert checks_of(check_health(settings))["thing"]["since_at"] != "2026-01-01T00:00:00Z"
    found(Outcome("pass", "up"))
    assert "since_at" not in checks_of(check_health(settings))["thing"]
    assert json.loads(memory.read_text()) == {"checks": {}}


@pytest.mark.parametrize(
    "content", ["", "{", '{"checks": 3}', '{"checks": {"thing": 3}}', '{"checks": {"thing": {"status": "fail"}}}']
)
def test_a_damaged_memory_is_begun_anew(
    settings: Settings, found: Callable[..., None], tmp_path: Path, content: str
) -> None:
    (tmp_path / "state/health.json").write_text(content)
    found(Outcome("fail", "down"))
    assert check_health(settings).exit_status == 1
    assert "since_at" in json.loads((tmp_path / "state/health.json").read_text())["checks"]["thing"]


def test_fh19_another_run_that_writes_the_memory_makes_this_one_neither_busy_nor_silent(
    settings: Settings, found: Callable[..., None], tmp_path: Path
) -> None:
    found(Outcome("fail", "down"))
    descriptor = os.open(tmp_path / "state/health.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    report = check_health(settings)
    os.close(descriptor)
    assert report.exit_status == 1
    assert not (tmp_path / "state/health.json").exists()
    assert (tmp_path / "state/history.jsonl").exists()


def test_check_mode_runs_every_check_and_writes_nothing(settings: Settings, tmp_path: Path) -> None:
    assert "sqlite" in checks_of(check_health(settings, dry_run=True))
    assert os.listdir(tmp_path / "state") == []


def test_a_host_without_a_state_directory_is_still_looked_at(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "state").rmdir()
    report = check_health(settings)
    assert (report.exit_status, report.status) == (0, "warning")
    assert [finding.code for finding in report.findings] == ["not_recorded"]
    assert "not in the history" in text.render(report)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read the state")
def test_somebody_who_may_not_read_the_state_gets_one_line_that_names_the_way(
    settings: Settings, tmp_path: Path
) -> None:
    for path in (tmp_path, *tmp_path.parents[:-2]):
        path.chmod(0o755)
    os.chmod(tmp_path / "state", 0o700)
    os.seteuid(65534)
    try:
        report = check_health(settings)
    finally:
        os.seteuid(0)
    assert (report.exit_status, report.findings[0].code) == (2, "not_permitted")
    assert "sudo" in report.findings[0].hint
