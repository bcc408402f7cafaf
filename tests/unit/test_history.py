"""The history of runs: appended, read from its end, compacted, and whole again after any damage."""

from __future__ import annotations

import json
import os
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import history
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    LockHeld,
    MaintenanceError,
    StorageFault,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.history import Starter
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import (
    Finding,
    Measure,
    Report,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.timestamps import iso
from tests.unit.fakes import NOON, FakeHost

CRON = Starter(True, "cron")
DAMAGE = [b"\xff\xfe\n", b"{", b"[1, 2]\n", b"\0" * 100, b'{"job": "backup", "time"', b"\n\n", b"5", b'"job"\n']
DAMAGE += [b'{"job": []}\n', b'{"job": {}}', b'{"job": null}\n', b"[" * 100_000, b'{"job": "backup", "a":' * 50_000]


def record(host: Host, directory: Path, job: str = "backup", number: int = 0) -> None:
    report = Report(job, f"run {number}", started_at=f"2026-03-01T12:00:{number:02}Z")
    history.record(host, str(directory), report, CRON)


def summaries(directory: Path, job: str = "") -> list[object]:
    return [run["summary"] for run in history.newest_first(str(directory), job)][::-1]


def line(job: str, age: timedelta, **further: Any) -> bytes:
    entry = {"job": job, "time": iso(NOON - age), "exit_status": 0, "scheduled": True, "status": "ok", **further}
    return json.dumps(entry).encode()


def test_a_run_is_remembered_with_its_figures_its_findings_and_who_started_it(tmp_path: Path) -> None:
    finding = Finding("critical", "auth", "mysql.iact", "m" * 900, "h" * 900)
    report = Report("backup", "no", (finding,), exit_status=1, error_code="auth", started_at="T")
    report = report._replace(duration_seconds=1.23456, measures=(Measure("size_bytes", 7, "B", "9"),))
    history.record(FakeHost(), str(tmp_path), report, Starter(False, "hand", "anna"))
    assert history.runs(str(tmp_path)) == [
        {
            "job": "backup",
            "time": "T",
            "duration_seconds": 1.235,
            "exit_status": 1,
            "ended": "failed",
            "outcome": "failed with error auth",
            "status": "critical",
            "summary": "no",
            "changed": False,
            "scheduled": False,
            "started_by": "hand",
            "user": "anna",
            "measures": {"size_bytes": 7},
            "findings": [
                {
                    "severity": "critical",
                    "code": "auth",
                    "subject": "mysql.iact",
                    "message": "m" * 500,
                    "hint": "h" * 500,
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("exit_status", "ended"), [(0, "done"), (1, "failed"), (2, "refused"), (75, "busy"), (143, "interrupted")]
)
def test_a_refused_a_busy_and_an_interrupted_run_are_recorded_as_what_they_are(
    tmp_path: Path, exit_status: int, ended: str
) -> None:
    history.record(FakeHost(), str(tmp_path), Report("backup", "", exit_status=exit_status, started_at="T"), CRON)
    assert history.runs(str(tmp_path))[0]["ended"] == ended


def test_runs_are_remembered_in_order(tmp_path: Path) -> None:
    for number in range(5):
        record(FakeHost(), tmp_path, number=number)
    assert summaries(tmp_path) == [f"run {number}" for number in range(5)]


def test_nothing_is_remembered_at_first(tmp_path: Path) -> None:
    assert history.runs(str(tmp_path)) == []
    assert history.runs(str(tmp_path / "missing")) == []


def test_a_line_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    old = '{"job": "backup", "time": "2026-02-28T02:00:00Z", "exit_status": 0, "summary": "old", "scheduled": true}\n'
    (tmp_path / history.FILE).write_text(old)
    record(FakeHost(), tmp_path, number=1)
    assert summaries(tmp_path, "backup") == ["old", "run 1"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_g1c_a_damaged_line_is_passed_over_and_costs_no_other(tmp_path: Path, damage: bytes) -> None:
    record(FakeHost(), tmp_path, number=1)
    with (tmp_path / history.FILE).open("ab") as stream:
        stream.write(damage)
    assert summaries(tmp_path) == ["run 1"]
    record(FakeHost(), tmp_path, number=2)
    assert summaries(tmp_path) == summaries(tmp_path, "backup") == ["run 1", "run 2"]


def test_g1c_of_a_history_that_is_too_large_the_newest_part_is_read(tmp_path: Path) -> None:
    with (tmp_path / history.FILE).open("w") as stream:
        stream.write((json.dumps({"job": "backup", "summary": "old", "filler": "x" * 1000}) + "\n") * 20_000)
        stream.write(json.dumps({"job": "backup", "time": "2026-02-01T00:00:00Z", "summary": "newest"}) + "\n")
    assert summaries(tmp_path)[-1] == "newest"
    record(FakeHost(), tmp_path, number=3)
    assert summaries(tmp_path)[-2:] == ["newest", "run 3"]
    assert (tmp_path / history.FILE).stat().st_size < 2**20


def test_a_job_s_last_run_is_read_from_the_end_and_not_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line("health", timedelta(minutes=number), summary="h" * 200) for number in range(50_000, 0, -1)]
    (tmp_path / history.FILE).write_bytes(b"\n".join(lines) + b"\n")
    record(FakeHost(), tmp_path, number=1)
    parsed: list[bytes] = []
    entry_of = history.state.entry_of
    monkeypatch.setattr(history.state, "entry_of", lambda text: parsed.append(text) or entry_of(text))
    assert next(history.newest_first(str(tmp_path), "backup"))["summary"] == "run 1"
    assert next(history.newest_first(str(tmp_path)))["summary"] == "run 1"
    assert len(parsed) < 5


@pytest.mark.parametrize("length", [1, 65_535, 65_536, 65_537, 200_000])
def test_lines_are_whole_wherever_the_blocks_end_that_are_read(tmp_path: Path, length: int) -> None:
    lines = [json.dumps({"job": "backup", "summary": str(number) * length}) for number in range(4)]
    (tmp_path / history.FILE).write_text("\n".join(lines) + "\n")
    assert summaries(tmp_path) == [str(number) * length for number in range(4)]


def test_old_runs_go_and_old_days_of_health_become_a_line_each() -> None:
    day = timedelta(days=1)
    lines = [line("backup", (500 - number) * day, summary=number) for number in range(480)]
    lines += [line("health", 30 * day - timedelta(minutes=5 * number), exit_status=number % 2) for number in range(200)]
    lines += [line("health", 6 * day - timedelta(minutes=5 * number)) for number in range(100)]
    lines += [line("backup", timedelta(minutes=1)), line("backup", timedelta(0))]
    kept = [json.loads(each) for each in history.compact(lines, NOON)]
    backups = [entry["summary"] for entry in kept if entry["job"] == "backup" and "summary" in entry]
    assert backups == list(range(100, 480))
    health = [entry for entry in kept if entry["job"] == "health"]
    assert len(health) == 2 + 100
    assert sum(entry["runs"] for entry in health[:2]) == 200
    assert health[0]["statuses"] == {"ok": health[0]["runs"]}
    assert kept[-1]["time"] == iso(NOON)


def test_a_day_of_health_keeps_its_last_scheduled_success_and_each_finding_once() -> None:
    def finding(subject: str, message: str) -> dict[str, str]:
        return {"severity": "critical", "code": "timeout", "subject": subject, "message": message}

    ages = [timedelta(days=20, minutes=-number) for number in range(4)]
    lines = [
        line("health", ages[0], exit_status=1, status="critical", findings=[finding("mysql", "first")]),
        line("health", ages[1], exit_status=1, status="critical", findings=[finding("mysql", "a"), finding("b", "b")]),
        line("health", ages[2], scheduled=False),
        line("health", ages[3], exit_status=2, status="critical"),
        line("backup", timedelta(minutes=1)),
        line("backup", timedelta(0)),
    ]
    (day, *_backups) = map(json.loads, history.compact(lines, NOON))
    assert (day["time"], day["exit_status"], day["scheduled"], day["runs"]) == (iso(NOON - ages[1]), 1, True, 4)
    assert day["statuses"] == {"critical": 3, "ok": 1}
    assert day["findings"] == [finding("mysql", "a"), finding("b", "b")]


@pytest.mark.parametrize("jump", [timedelta(days=14), timedelta(days=5000)])
def test_g23_a_clock_that_is_wrong_for_one_run_costs_nothing_of_the_history(tmp_path: Path, jump: timedelta) -> None:
    lines = [line("backup", timedelta(days=number)) for number in range(390, 0, -1)]
    (tmp_path / history.FILE).write_bytes(b"\n".join(lines) + b"\n")
    host = FakeHost(moment=NOON + jump)
    history.record(host, str(tmp_path), Report("backup", "", started_at=iso(host.now())), CRON)
    assert len(history.runs(str(tmp_path))) == 391


def test_of_each_job_some_runs_stay_whatever_their_age() -> None:
    lines = [line("restore", timedelta(days=900 - number)) for number in range(30)]
    lines += [line("backup", timedelta(days=2)), line("backup", timedelta(0))]
    assert history.compact(lines, NOON) == lines[10:]


def test_a_job_s_first_run_of_a_day_compacts_and_no_other(tmp_path: Path) -> None:
    host = FakeHost()
    (tmp_path / history.FILE).write_bytes(b"damaged\n" + line("backup", timedelta(hours=1)) + b"\n")
    record(host, tmp_path, number=1)
    assert (tmp_path / history.FILE).read_bytes().startswith(b"damaged\n")
    history.record(host, str(tmp_path), Report("backup", "", started_at="2026-03-02T00:00:00Z"), CRON)
    assert len((tmp_path / history.FILE).read_bytes().splitlines()) == len(history.runs(str(tmp_path))) == 3


def test_a_line_that_was_torn_behind_a_finding_costs_a_day_of_health_no_other_run() -> None:
    torn = line("health", timedelta(days=20), findings=[{"code": "timeout"}])[:-2]
    lines = [torn, line("health", timedelta(days=20)), line("backup", timedelta(1)), line("backup", timedelta(0))]
    (day, *_backups) = map(json.loads, history.compact(lines, NOON))
    assert torn.endswith(b"}") and day["runs"] == 1


MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2027, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
ENTRIES = st.builds(
    lambda job, moment, further: {"job": job, "time": iso(moment.replace(tzinfo=timezone.utc)), **further},
    st.sampled_from(["health", "backup", "session_cleanup"]),
    MOMENTS,
    st.fixed_dictionaries(
        {"exit_status": st.sampled_from([0, 1, 2, 75]), "scheduled": st.booleans()},
        optional={
            "status": st.sampled_from(["ok", "warning", "critical", 3, None]),
            "runs": st.one_of(st.integers(-3, 300), st.booleans(), st.text(max_size=2)),
            "statuses": st.one_of(st.none(), st.dictionaries(st.text(max_size=3), st.integers(-1, 9), max_size=2)),
            "findings": st.one_of(st.integers(), st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=4)))),
        },
    ),
)
LINES = st.lists(st.one_of(ENTRIES.map(lambda entry: json.dumps(entry).encode()), st.binary(max_size=30)), max_size=60)


@given(lines=LINES, torn=st.integers(0, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_g1c_whatever_lines_there_are_the_next_run_is_appended_read_and_kept(
    tmp_path: Path, lines: list[bytes], torn: int
) -> None:
    """Torn at any place, with lines of any content: nothing is raised, and the new run is the newest one."""
    content = b"\n".join(lines)
    (tmp_path / history.FILE).write_bytes(content[: len(content) - torn])
    before = history.runs(str(tmp_path))
    host = FakeHost()
    history.record(host, str(tmp_path), Report("verify", "the new one", started_at="2026-03-01T12:00:00Z"), CRON)
    after = history.runs(str(tmp_path))
    assert after[-1]["summary"] == "the new one"
    assert len(after) <= len(before) + 1
    kept = {entry["time"] for entry in before if entry["job"] == "backup" and "T" in str(entry.get("time"))}
    newest = max((str(entry["time"]) for entry in before if str(entry["time"]) in kept), default="")
    assert not newest or newest in {entry.get("time") for entry in after}


@given(lines=LINES)
@settings(max_examples=150)
def test_what_was_compacted_is_compact_and_no_run_is_counted_twice(lines: list[bytes]) -> None:
    once = history.compact(lines, NOON)
    assert history.compact(once, NOON) == once
    assert all(each in lines for each in once if json.loads(each)["job"] != "health")


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    threads = [threading.Thread(target=record, args=(Host(), tmp_path, f"job{number}")) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run["job"] for run in history.runs(str(tmp_path))} == {f"job{number}" for number in range(12)}


def test_fh38_the_history_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        record(Host(), tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(Host(), tmp_path, number=1)
    before = (tmp_path / history.FILE).read_bytes()

    def write(descriptor: int, content: bytes) -> int:
        monkeypatch.undo()
        monkeypatch.setattr(os, "write", refuse)
        return os.writev(descriptor, [content[:5]])

    def refuse(_descriptor: int, _content: bytes) -> int:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StorageFault) as caught:
        Host().append_line(str(tmp_path / history.FILE), b"x" * 100)
    assert caught.value.code == "no_space"
    assert (tmp_path / history.FILE).read_bytes() == before


def test_a_lock_that_is_not_given_in_time_is_said_so(tmp_path: Path) -> None:
    host = FakeHost(held_by_others={str(tmp_path / "history.jsonl.lock")})
    with pytest.raises(LockHeld):
        record(host, tmp_path)
    assert host.sleeps == [5.0]


def test_a_history_that_is_no_plain_file_is_expected_trouble(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious\n")
    (tmp_path / history.FILE).symlink_to("elsewhere")
    with pytest.raises(MaintenanceError):
        record(FakeHost(), tmp_path)
    assert (tmp_path / "elsewhere").read_text() == "precious\n"
    (tmp_path / history.FILE).unlink()
    (tmp_path / history.FILE).mkdir()
    with pytest.raises(MaintenanceError):
        record(FakeHost(), tmp_path)
    (tmp_path / history.FILE).rmdir()
    os.mkfifo(tmp_path / history.FILE)
    with pytest.raises(MaintenanceError, match="not a regular file"):
        record(FakeHost(), tmp_path)
