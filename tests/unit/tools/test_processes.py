"""A stage of the tests ends by its time limit and leaves nothing behind."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from tests.tools.processes import TIMED_OUT, Command, Processes


def test_output_and_status_are_kept(tmp_path):
    log = tmp_path / "log"
    command = Command(
        [sys.executable, "-c", "import os; print(os.environ['WORD']); raise SystemExit(3)"], 30, {"WORD": "w"}
    )
    assert Processes().run(command, log) == 3
    assert log.read_text().splitlines()[-1] == "w"


def test_a_program_over_its_time_is_ended_with_its_children(tmp_path):
    log = tmp_path / "log"
    script = f"sleep 600 & echo $! >{tmp_path}/child; wait"
    assert Processes().run(Command(["sh", "-c", script], 0.5), log) == TIMED_OUT
    assert "ended after its" in log.read_text()
    status = Path("/proc", (tmp_path / "child").read_text().strip(), "status")
    # Where process 1 does not reap, what was killed stays as a zombie.
    deadline = time.monotonic() + 10
    while status.exists() and "State:\tZ" not in status.read_text():
        assert time.monotonic() < deadline, "the child still runs"
        time.sleep(0.01)


def test_all_are_ended_at_once_and_none_is_started_afterwards(tmp_path):
    processes, statuses = Processes(), []
    command = Command(["sh", "-c", f"touch {tmp_path}/started; exec sleep 600"], 60)
    thread = threading.Thread(target=lambda: statuses.append(processes.run(command, tmp_path / "log")))
    thread.start()
    while not (tmp_path / "started").exists():
        time.sleep(0.01)
    processes.end_all()
    thread.join(30)
    assert statuses == [-2]
    with pytest.raises(RuntimeError):
        processes.run(command, tmp_path / "log")
