"""What a host remembers: written whole, bounded, and gathered anew where it is damaged."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import history, state
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    LockHeld,
    MaintenanceError,
    StorageFault,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Report
from tests.unit.fakes import FakeHost


def record(host: Host, directory: Path, job: str = "backup", number: int = 0) -> None:
    history.record(host, str(directory), Report(job, f"run {number}", started_at=f"T{number}"), scheduled=True)


def test_a_run_is_remembered_with_what_health_asks_for(tmp_path: Path) -> None:
    report = Report("backup", "no", exit_status=1, error_code="auth", started_at="T", duration_seconds=1.23456)
    history.record(FakeHost(), str(tmp_path), report, scheduled=False)
    assert history.runs(str(tmp_path)) == [
        {
            "job": "backup",
            "time": "T",
            "duration_seconds": 1.235,
            "exit_status": 1,
            "outcome": "failed with error auth",
            "status": "ok",
            "summary": "no",
            "scheduled": False,
        }
    ]


def test_runs_are_remembered_in_order(tmp_path: Path) -> None:
    for number in range(5):
        record(FakeHost(), tmp_path, number=number)
    assert [run["time"] for run in history.runs(str(tmp_path))] == ["T0", "T1", "T2", "T3", "T4"]


def test_nothing_is_remembered_at_first(tmp_path: Path) -> None:
    assert history.runs(str(tmp_path)) == []
    assert history.runs(str(tmp_path / "missing")) == []
    assert state.read_mapping(str(tmp_path), "health.json") == {}


@pytest.mark.parametrize(
    "line", ['{"job": []}', '{"job": {}}', '{"job": null}', "[" * 100_000, '{"a":' * 50_000, "\x00", "{", "5", '"job"']
)
def test_g1c_a_damaged_line_is_passed_over_and_dropped(tmp_path: Path, line: str) -> None:
    record(FakeHost(), tmp_path, number=1)
    with (tmp_path / history.FILE).open("a") as stream:
        stream.write(line + "\n")
    assert [run["time"] for run in history.runs(str(tmp_path))] == ["T1"]
    record(FakeHost(), tmp_path, number=2)
    assert [json.loads(kept)["time"] for kept in (tmp_path / history.FILE).read_text().splitlines()] == ["T1", "T2"]


def test_g1c_of_a_history_that_is_too_large_the_newest_part_counts(tmp_path: Path) -> None:
    with (tmp_path / history.FILE).open("w") as stream:
        stream.write((json.dumps({"job": "backup", "time": "old", "filler": "x" * 1000}) + "\n") * 20_000)
        stream.write(json.dumps({"job": "backup", "time": "newest"}) + "\n")
    assert history.runs(str(tmp_path))[-1]["time"] == "newest"
    record(FakeHost(), tmp_path, number=3)
    assert [run["time"] for run in history.runs(str(tmp_path))][-2:] == ["newest", "T3"]
    assert (tmp_path / history.FILE).stat().st_size < 2**20


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 50_000, "[1]", "{", ""])
def test_g1c_a_damaged_state_file_is_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "archives.json").write_text(content)
    assert state.read_mapping(str(tmp_path), "archives.json") == {}


def test_many_runs_of_one_job_do_not_push_another_out(tmp_path: Path) -> None:
    lines = [json.dumps({"job": "backup", "time": "night"})]
    lines += [json.dumps({"job": "health", "time": number}) for number in range(5000)]
    (tmp_path / history.FILE).write_text("\n".join(lines) + "\n")
    record(FakeHost(), tmp_path, "health", 9999)
    kept = history.runs(str(tmp_path))
    assert kept[0] == {"job": "backup", "time": "night"}
    assert kept[-1]["time"] == "T9999"
    assert [run["time"] for run in kept[1:-1]] == list(range(4801, 5000))


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe\n", b"{", b"[1, 2]\n", b"\0" * 100, b'{"job": "backup", "time"', b"\n\n"]
)
def test_a_damaged_line_is_left_out_and_the_rest_stays(tmp_path: Path, damage: bytes) -> None:
    record(FakeHost(), tmp_path, number=1)
    with (tmp_path / history.FILE).open("ab") as stream:
        stream.write(damage)
    assert [run["time"] for run in history.runs(str(tmp_path))] == ["T1"]
    record(FakeHost(), tmp_path, number=2)
    assert [run["time"] for run in history.runs(str(tmp_path))] == ["T1", "T2"]


def test_a_mapping_is_changed_in_place_and_survives_damage(tmp_path: Path) -> None:
    state.change_mapping(FakeHost(), str(tmp_path), "health.json", lambda found: found.update(mysql="T1"))
    state.change_mapping(FakeHost(), str(tmp_path), "health.json", lambda found: found.update(disk="T2"))
    assert state.read_mapping(str(tmp_path), "health.json") == {"mysql": "T1", "disk": "T2"}
    (tmp_path / "health.json").write_text("nonsense")
    assert state.read_mapping(str(tmp_path), "health.json") == {}


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    threads = [threading.Thread(target=record, args=(Host(), tmp_path, f"job{number}")) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run["job"] for run in history.runs(str(tmp_path))} == {f"job{number}" for number in range(12)}


def test_fh38_state_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        record(Host(), tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    host = FakeHost()
    record(host, tmp_path, number=1)
    host.write_fault = StorageFault("no_space", "the disk is full")
    with pytest.raises(StorageFault):
        record(host, tmp_path, number=2)
    assert [run["time"] for run in history.runs(str(tmp_path))] == ["T1"]


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
