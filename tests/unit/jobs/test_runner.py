"""One run of one job: lock, plan, confirm, apply, record; and a report of whatever happened."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import history
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    BadOption,
    DatabaseFault,
    Interrupted,
    Refused,
    StorageFault,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import events, runner
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.model import Job, Mode, Progress
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Finding, Report
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    PARAMETER,
    Layer,
    Settings,
    build,
)
from tests.unit.fakes import FakeHost


@dataclass
class Recorder:
    """A job that notes what is called, and does what a test tells it to in one of its phases."""

    calls: list[str] = field(default_factory=list)
    in_phase: dict[str, Callable[[FakeHost], None]] = field(default_factory=dict)
    name: str = "work"

    def _phase(self, name: str, host: Any) -> None:
        self.calls.append(name)
        self.in_phase.get(name, lambda host: None)(host)

    def plan(self, settings: Settings, host: Host) -> str:
        self._phase("plan", host)
        return "the plan"

    def apply(self, planned: str, host: Host, progress: Progress) -> Report:
        self._phase("apply", host)
        progress("half way")
        return Report(self.name, f"applied {planned}", changed=True)

    def preview(self, planned: str, host: Host) -> Report:
        self._phase("preview", host)
        return Report(self.name, f"would apply {planned}", changed=True)

    def job(self, **options: Any) -> Job:
        return Job(self.name, self.plan, self.apply, self.preview, **{"lock": "work.lock", **options})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings whose state lies in a folder of the test's own."""
    return build([Layer(PARAMETER, {"state_directory": str(tmp_path)})])


def raising(error: BaseException) -> Callable[[FakeHost], None]:
    def act(_host: FakeHost) -> None:
        raise error

    return act


def test_a_run_plans_applies_and_is_remembered(settings: Settings) -> None:
    work, said = Recorder(), list[str]()
    report = runner.run(work.job(), settings, FakeHost(), Mode(scheduled=True, progress=said.append))
    assert work.calls == ["plan", "apply"]
    assert said == ["half way", ""]
    assert (report.summary, report.exit_status, report.host) == ("applied the plan", 0, "testhost")
    assert report.started_at == "2026-03-01T12:00:00Z"
    (run,) = history.runs(settings.state_directory)
    assert (run["job"], run["time"], run["scheduled"], run["outcome"]) == ("work", report.started_at, True, "done")


def test_the_time_a_run_took_is_measured(settings: Settings) -> None:
    work = Recorder(in_phase={"apply": lambda host: host.sleep(7.5)})
    report = runner.run(work.job(), settings, FakeHost(), Mode())
    assert report.duration_seconds == 7.5


@pytest.mark.parametrize("job", ["session_cleanup", "health", "backup"])
@pytest.mark.parametrize(("took_seconds", "is_slow"), [(30, False), (31, True)])
def test_a_run_that_takes_longer_than_expected_is_slow_and_ends_as_it_would(
    tmp_path: Path, job: str, took_seconds: float, is_slow: bool
) -> None:
    settings = build([Layer(PARAMETER, {"state_directory": str(tmp_path), job: {"expected_seconds": 30}})])
    work = Recorder(in_phase={"apply": lambda host: host.sleep(took_seconds)}, name=job)
    report = runner.run(work.job(), settings, FakeHost(), Mode())
    assert (report.exit_status, report.changed) == (0, True)
    findings = [(finding.severity, finding.code, finding.subject) for finding in report.findings]
    assert findings == ([("warning", "slow", job)] if is_slow else [])
    assert all(f"{job}.expected_seconds" in finding.hint for finding in report.findings)


def test_a_question_that_nobody_answers_for_an_hour_makes_no_run_slow(tmp_path: Path) -> None:
    settings, host = build([Layer(PARAMETER, {"state_directory": str(tmp_path)})]), FakeHost()
    mode = Mode(confirm=lambda report: host.sleep(3600))
    report = runner.run(Recorder(name="session_cleanup").job(), settings, host, mode)
    assert (report.duration_seconds, report.findings) == (0, ())


@pytest.mark.parametrize("error", [Refused("no", "no"), Interrupted(signal.SIGTERM)])
def test_a_run_that_did_nothing_or_was_ended_is_not_called_slow(tmp_path: Path, error: BaseException) -> None:
    settings = build([Layer(PARAMETER, {"state_directory": str(tmp_path), "backup": {"expected_seconds": 0}})])
    report = runner.run(Recorder([], {"apply": raising(error)}, "backup").job(), settings, FakeHost(), Mode())
    assert "slow" not in {finding.code for finding in report.findings}


def test_c3_a_dry_run_is_the_plan_alone_and_writes_nothing_at_all(settings: Settings, tmp_path: Path) -> None:
    work, host = Recorder(), FakeHost()
    report = runner.run(work.job(), settings, host, Mode(dry_run=True))
    assert work.calls == ["plan", "preview"]
    assert report.summary == "would apply the plan"
    assert os.listdir(tmp_path) == []


def test_a_job_that_changes_nothing_runs_whole_in_a_dry_run_but_remembers_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    work, remembered = Recorder(), list[str]()
    job = work.job(always_runs=True, remember=lambda report, settings, host: remembered.append(report.summary))
    runner.run(job, settings, FakeHost(), Mode(dry_run=True))
    assert work.calls == ["plan", "apply"]
    assert (remembered, history.runs(settings.state_directory)) == ([], [])
    runner.run(job, settings, FakeHost(), Mode())
    assert remembered == ["applied the plan"]


def test_the_lock_is_held_from_the_plan_to_the_end_and_free_for_the_record(settings: Settings, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    held = {"plan": lambda host: seen.append(list(host.held)), "apply": lambda host: seen.append(list(host.held))}
    host = FakeHost()
    runner.run(Recorder(in_phase=held).job(), settings, host, Mode())
    assert seen == [[str(tmp_path / "work.lock")]] * 2
    assert host.held == []


def test_fh19_a_second_run_is_busy_and_touches_nothing(settings: Settings, tmp_path: Path) -> None:
    work = Recorder()
    report = runner.run(work.job(), settings, FakeHost(held_by_others={str(tmp_path / "work.lock")}), Mode())
    assert work.calls == []
    assert (report.exit_status, report.changed) == (75, False)
    assert report.outcome == "failed with error busy"
    assert history.runs(settings.state_directory)[0]["exit_status"] == 75


def test_a_job_without_a_lock_takes_none(settings: Settings) -> None:
    host = FakeHost()
    seen: list[list[str]] = []
    work = Recorder(in_phase={"apply": lambda host: seen.append(list(host.held))})
    runner.run(work.job(lock=""), settings, host, Mode())
    assert seen == [[]]


def test_who_says_no_gets_nothing_done(settings: Settings) -> None:
    asked: list[str] = []

    def refuse(report: Report) -> None:
        asked.append(report.summary)
        raise Refused("not_confirmed", "not confirmed")

    work = Recorder()
    report = runner.run(work.job(), settings, FakeHost(), Mode(confirm=refuse))
    assert asked == ["would apply the plan"]
    assert work.calls == ["plan", "preview"]
    assert (report.exit_status, report.error_code if report.error_code else "") == (2, "not_confirmed")


@pytest.mark.parametrize("phase", ["plan", "apply"])
@pytest.mark.parametrize(
    ("error", "exit_status", "code"),
    [
        (DatabaseFault("auth", "access denied"), 1, "auth"),
        (Refused("read_only", "may not"), 2, "read_only"),
        (BadOption("days is x"), 2, "bad_option"),
        (Interrupted(signal.SIGTERM), 143, "interrupted"),
        (Interrupted(signal.SIGINT), 130, "interrupted"),
    ],
)
def test_e8_trouble_in_any_phase_is_reported_and_remembered(
    settings: Settings, phase: str, error: BaseException, exit_status: int, code: str
) -> None:
    host = FakeHost()
    report = runner.run(Recorder(in_phase={phase: raising(error)}).job(), settings, host, Mode())
    assert (report.exit_status, report.error_code, report.status) == (exit_status, code, "critical")
    assert host.held == []
    (run,) = history.runs(settings.state_directory)
    assert (run["exit_status"], run["outcome"]) == (exit_status, f"failed with error {code}")


@pytest.mark.parametrize("phase", ["plan", "apply"])
@pytest.mark.parametrize(
    "fault",
    [
        ValueError("hunter2"),
        KeyError("hunter2"),
        RecursionError("hunter2"),
        OSError(5, "hunter2"),
        ZeroDivisionError("hunter2"),
    ],
)
def test_fs05_a_fault_of_our_own_names_its_kind_and_place_and_repeats_nothing(
    settings: Settings, phase: str, fault: Exception
) -> None:
    report = runner.run(Recorder(in_phase={phase: raising(fault)}).job(), settings, FakeHost(), Mode())
    assert (report.exit_status, report.status) == (1, "unknown")
    assert f"internal fault: {type(fault).__name__} at test_runner.py:" in report.summary
    assert "hunter2" not in str(report.as_dict())
    assert "hunter2" not in str(history.runs(settings.state_directory))


@pytest.mark.parametrize("exit_status", [0, 1])
def test_a_run_that_cannot_be_recorded_keeps_its_outcome(settings: Settings, exit_status: int) -> None:
    host = FakeHost(write_fault=StorageFault("no_space", "the disk is full", hint="free some space"))
    phases = {"apply": raising(DatabaseFault("auth", "denied"))} if exit_status else {}
    report = runner.run(Recorder(in_phase=phases).job(), settings, host, Mode())
    assert report.exit_status == exit_status
    codes = [finding.code for finding in report.findings]
    assert codes == (["auth"] if exit_status else ["not_recorded"])
    if not exit_status:
        assert report.status == "warning"
        assert "the disk is full" in report.findings[0].message


def test_a_run_of_which_nobody_said_anything_says_what_to_set(tmp_path: Path) -> None:
    work = Recorder()
    report = runner.run(work.job(), build([]), FakeHost(), Mode())
    assert work.calls == []
    assert (report.exit_status, report.error_code) == (2, "not_configured")
    assert "/etc/iact/maintenance.json" in report.findings[0].hint


def test_a_question_holds_no_lock_and_what_was_planned_is_read_again_after_the_answer(settings: Settings) -> None:
    work, host = Recorder(), FakeHost()
    held: list[list[str]] = []
    report = runner.run(work.job(), settings, host, Mode(confirm=lambda shown: held.append(list(host.held))))
    assert held == [[]]
    assert work.calls == ["plan", "preview", "plan", "apply"]
    assert report.exit_status == 0


def test_h6_a_state_directory_that_hangs_costs_the_record_and_not_the_deadline(settings: Settings) -> None:
    ended = threading.Event()

    def hang(_report: Report, _settings: Settings, _host: Host) -> None:
        ended.wait(30)

    began = time.monotonic()
    report = runner.run(Recorder().job(remember=hang, recording_seconds=0.2), settings, FakeHost(), Mode())
    ended.set()
    assert time.monotonic() - began < 10
    assert [(finding.severity, finding.code) for finding in report.findings] == [("warning", "not_recorded")]
    assert report.exit_status == 0


def hearing(monkeypatch: pytest.MonkeyPatch, hear: Callable[[events.Event], list[Finding]]) -> None:
    kinds = (events.STARTED, events.FINISHED, events.INTERRUPTED)
    listener = events.Listener("pings", "nobody was pinged", kinds, hear)
    monkeypatch.setattr(events, "LISTENERS", (listener, *events.LISTENERS))


@pytest.mark.parametrize(
    ("ended_by", "kinds"),
    [
        (None, ["started", "finished"]),
        (DatabaseFault("auth", "denied"), ["started", "finished"]),
        (Interrupted(signal.SIGTERM), ["started", "interrupted"]),
    ],
)
def test_listeners_are_told_of_the_start_and_the_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, ended_by: BaseException | None, kinds: list[str]
) -> None:
    heard: list[events.Event] = []
    hearing(monkeypatch, lambda event: heard.append(event) or [])
    work = Recorder(in_phase={"apply": raising(ended_by)} if ended_by else {})
    report = runner.run(work.job(), settings, FakeHost(), Mode())
    assert [event.kind for event in heard] == kinds
    assert heard[0].report is None
    assert heard[1].report is not None and heard[1].report.summary == report.summary


def test_nobody_is_told_of_a_dry_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[events.Event] = []
    hearing(monkeypatch, lambda event: heard.append(event) or [])
    runner.run(Recorder().job(always_runs=True), settings, FakeHost(), Mode(dry_run=True))
    assert heard == []


@pytest.mark.parametrize("trouble", [ValueError("hunter2"), StorageFault("storage", "the disk"), Refused("no", "no")])
def test_no_listener_can_fail_a_run_or_keep_it_from_the_history(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def hear(event: events.Event) -> list[Finding]:
        raise trouble

    hearing(monkeypatch, hear)
    report = runner.run(Recorder().job(), settings, FakeHost(), Mode())
    assert (report.exit_status, report.changed, report.status) == (0, True, "warning")
    assert {(finding.code, finding.subject) for finding in report.findings} == {("not_recorded", "pings")}
    assert all(finding.message.startswith("nobody was pinged: ") and finding.hint for finding in report.findings)
    assert "hunter2" not in str(report.as_dict())
    assert len(history.runs(settings.state_directory)) == 1


def test_a_listener_that_hangs_does_not_lengthen_a_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    hearing(monkeypatch, lambda event: ended.wait(30) and [] or [])
    began = time.monotonic()
    report = runner.run(Recorder().job(recording_seconds=0.2), settings, FakeHost(), Mode())
    ended.set()
    assert time.monotonic() - began < 10
    assert (report.exit_status, {finding.subject for finding in report.findings}) == (0, {"pings"})


def test_a_signal_while_the_end_is_written_down_takes_nothing_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object) -> None:
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(events, "call_with_timeout", interrupted)
    report = runner.run(Recorder().job(), settings, FakeHost(), Mode())
    assert (report.exit_status, report.summary) == (0, "applied the plan")
    assert [finding.code for finding in report.findings] == ["not_recorded"]


def test_g1b_a_history_whose_lock_is_held_says_nothing_of_the_run_s_own_work(
    settings: Settings, tmp_path: Path
) -> None:
    host = FakeHost(held_by_others={str(tmp_path / f"{history.FILE}.lock")})
    (finding,) = runner.run(Recorder().job(), settings, host, Mode()).findings
    assert (finding.code, finding.subject) == ("not_recorded", "history")
    assert finding.message.startswith("this run is not in the history: busy: ")
    assert "nothing was changed" not in finding.message + finding.hint


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode(scheduled=True, started_by="cron"), (True, "cron", None)),
        (Mode(started_by="ansible"), (False, "ansible", None)),
        (Mode(user="anna"), (False, "hand", "anna")),
    ],
)
def test_who_started_a_run_is_in_the_history(settings: Settings, mode: Mode, expected: tuple[object, ...]) -> None:
    runner.run(Recorder().job(), settings, FakeHost(), mode)
    (entry,) = history.runs(settings.state_directory)
    assert (entry["scheduled"], entry["started_by"], entry.get("user")) == expected
