"""What protects a process that does a job; each in a process of its own, since it is for good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PREAMBLE = """
import os, resource, signal, sys, time
sys.path.insert(0, {folder!r})
from iact_maintenance import guards
from iact_maintenance.errors import Interrupted
guards.protect()
"""


def run(checkout: Path, script: str) -> subprocess.CompletedProcess[str]:
    preamble = PREAMBLE.format(folder=str(checkout / "plugins" / "module_utils"))
    argv = [sys.executable, "-I", "-c", preamble + script]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_files_are_private_and_a_crash_leaves_no_image(checkout: Path) -> None:
    done = run(checkout, "print(os.umask(0), resource.getrlimit(resource.RLIMIT_CORE))")
    assert done.stdout == f"{0o077} (0, 0)\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_raised_and_a_second_one_does_not_disturb_the_way_out(checkout: Path, number: int) -> None:
    script = f"""
try:
    signal.raise_signal({int(number)})
except Interrupted as ended:
    signal.raise_signal(signal.SIGTERM)
    print(ended.exit_status)
"""
    assert run(checkout, script).stdout == f"{128 + number}\n"


def test_a_child_s_exit_status_is_its_own_whatever_started_us(checkout: Path) -> None:
    script = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
guards.protect()
import subprocess
print(subprocess.call([sys.executable, "-I", "-c", "raise SystemExit(3)"]))
try:
    signal.raise_signal(signal.SIGTERM)
except Interrupted as ended:
    print(ended.exit_status)
"""
    assert run(checkout, script).stdout == "3\n143\n"


def test_fh12_a_signal_that_falls_into_a_destructor_is_not_lost(checkout: Path) -> None:
    script = """
class Unlucky:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)
try:
    unlucky = Unlucky()
    del unlucky
    for _ in range(1000):
        time.sleep(0.01)
    print("went on")
except Interrupted as ended:
    print(ended.exit_status)
"""
    done = run(checkout, script)
    assert (done.stdout, done.stderr) == ("143\n", "")


def test_fs09_what_python_cannot_raise_is_not_printed_either(checkout: Path) -> None:
    script = """
class Telling:
    def __del__(self):
        raise ValueError("hunter2")
telling = Telling()
del telling
"""
    assert run(checkout, script).stderr == ""


def test_a_process_ends_with_the_one_that_holds_the_other_end_of_its_pipe(checkout: Path) -> None:
    script = """
reading, writing = os.pipe()
if os.fork() == 0:
    os.close(writing)
    try:
        guards.end_with_parent(reading)
        time.sleep(30)
    except Interrupted as ended:
        os.write(1, b"ended with %d" % ended.exit_status)
    os._exit(0)
os._exit(0)
"""
    began = time.monotonic()
    assert run(checkout, script).stdout == "ended with 143"
    assert time.monotonic() - began < 20


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_killed_module_does_not_leave_its_child_at_work(checkout: Path) -> None:
    script = """
from iact_maintenance import account
def work():
    print(os.getpid(), flush=True)
    time.sleep(60)
    return {}
account.run_as("nobody", work)
"""
    preamble = PREAMBLE.format(folder=str(checkout / "plugins" / "module_utils"))
    with subprocess.Popen([sys.executable, "-I", "-c", preamble + script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        until = time.monotonic() + 20
        while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split(")")[1][:3]:
            assert time.monotonic() < until, "the child goes on"
            time.sleep(0.05)
