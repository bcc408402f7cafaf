"""A stage of the tests ends by its time limit and leaves nothing behind."""

from __future__ import annotations

import re
import subprocess
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


ODD_SIGNALS = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGQUIT, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP])
os.close(0)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""
STARTS_A_CHILD = """
import signal, subprocess, sys
from tests.tools.processes import give_children_ordinary_signals
give_children_ordinary_signals()
signal.raise_signal(signal.SIGHUP)
look = "import re; print(re.findall('Sig(?:Ign|Blk):.([0-9a-f]+)', open('/proc/self/status').read())); exit(3)"
done = subprocess.run([sys.executable, "-c", look], stdin=subprocess.DEVNULL, capture_output=True, text=True)
print(done.returncode, done.stdout)
"""


def test_a_child_has_ordinary_signals_however_the_tests_were_started(checkout):
    """G08: SIGHUP ignored by nohup, SIGINT by a shell's `&`, others ignored or blocked by whatever started us."""
    command = [sys.executable, "-c", ODD_SIGNALS, STARTS_A_CHILD]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, start_new_session=True)
    # Python itself ignores SIGPIPE (13) and SIGXFSZ (25).
    status, blocked, ignored = re.findall(r"[0-9a-f]+", done.stdout)
    # 32 and 33 are the C library's own, which no program can set.
    masks = [int(mask, 16) & ~(1 << 31 | 1 << 32) for mask in (blocked, ignored)]
    assert (status, masks) == ("3", [0, 1 << 12 | 1 << 24]), done.stderr


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
