"""Children: real ones, that flood, stall, die early, leave grandchildren, or never end."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import ProcessFault
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import (
    Command,
    Completed,
    Limits,
    run_pipeline,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret

SOON = Limits(20)


def shell(script: str, **environment: str) -> Command:
    return Command(("/bin/sh", "-c", script), environment)


def run(
    *commands: Command, limits: Limits = SOON, source: Iterator[bytes] | None = None
) -> tuple[list[Completed], bytes]:
    """How the commands ended, and what the last one wrote."""
    kept = bytearray()
    taps = [lambda chunk: None] * (len(commands) - 1) + [kept.extend]
    return run_pipeline(commands, taps, limits, source), bytes(kept)


def is_running(process_id: int) -> bool:
    try:
        with open(f"/proc/{process_id}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def process_id_in(path: Path) -> int:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if path.exists() and path.read_text().endswith("\n"):
            return int(path.read_text())
        time.sleep(0.01)
    raise AssertionError("the child never started")


def assert_gone(process_id: int) -> None:
    until = time.monotonic() + 5
    while is_running(process_id) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_running(process_id)


def test_output_status_and_complaints_are_read() -> None:
    (done,), output = run(shell("printf out; printf complaint >&2; exit 3"))
    assert (done.status, done.errors, output) == (3, "complaint", b"out")
    assert done.reason == "sh ended with status 3: complaint"


def test_a_child_killed_by_a_signal_says_so() -> None:
    (done,), _output = run(shell("kill -9 $$"))
    assert done.status == -9
    assert done.reason == "sh was killed by signal 9"


def test_each_status_in_a_pipe_is_read() -> None:
    done, output = run(shell("echo data; exit 3"), shell("cat"), shell("cat; exit 4"))
    assert [each.status for each in done] == [3, 0, 4]
    assert output == b"data\n"


def test_megabytes_pass_through_a_pipe_unchanged() -> None:
    chunks = [os.urandom(1 << 18) for _unused in range(40)]
    done, output = run(shell("cat"), shell("cat"), source=iter(chunks))
    assert [each.status for each in done] == [0, 0]
    assert output == b"".join(chunks)


def test_empty_chunks_of_a_source_are_no_end() -> None:
    _done, output = run(shell("cat"), source=iter([b"", b"a", b"", b"b"]))
    assert output == b"ab"


def test_a_source_of_nothing_closes_the_child_s_input() -> None:
    (done,), output = run(shell("cat; echo end"), source=iter([]))
    assert (done.status, output) == (0, b"end\n")


def test_each_tap_sees_its_own_child_s_output() -> None:
    first, second = bytearray(), bytearray()
    run_pipeline([shell("printf abc"), shell("tr a-z A-Z")], [first.extend, second.extend], SOON)
    assert (bytes(first), bytes(second)) == (b"abc", b"ABC")


def test_a_reader_that_ends_early_does_not_hang_its_writer() -> None:
    began = time.monotonic()
    done, output = run(shell("head -c 5000000 /dev/zero; echo over >&2"), shell("head -c 3"))
    assert (done[0].status, done[0].errors, output) == (0, "over\n", b"\0\0\0")
    (done_alone,), _output = run(shell("exit 7"), source=iter([b"x" * 1_000_000] * 10))
    assert done_alone.status == 7
    assert time.monotonic() - began < 15


def test_fh48_a_flood_of_complaints_is_drained_and_bounded() -> None:
    (done,), output = run(shell("echo first >&2; head -c 30000000 /dev/zero | tr '\\0' x >&2; echo last >&2; echo out"))
    assert (done.status, output) == (0, b"out\n")
    assert len(done.errors) < 70_000
    assert done.errors.startswith("first\n")
    assert done.errors.endswith("last\n")


def test_fs03_a_password_that_a_child_repeats_is_struck_out() -> None:
    Secret("hunter2-canary")
    (done,), _output = run(shell("echo 'access denied (hunter2-canary)' >&2; exit 1"))
    assert done.errors == "access denied (***)\n"
    assert "hunter2" not in done.reason


def test_fs02_nothing_of_our_environment_reaches_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", "hunter2")
    monkeypatch.setenv("LD_PRELOAD", "/nonexistent.so")
    _done, output = run(Command((sys.executable, "-c", "import os; print(sorted(os.environ))"), {"ADDED": "x"}))
    assert output == b"['ADDED', 'HOME', 'LANG', 'LC_ALL', 'PATH', 'TZ']\n"


def test_arguments_are_never_a_shell_s() -> None:
    _done, output = run(Command(("/bin/echo", "$(id)", "`id`", "; rm -rf /", "*", "a b")))
    assert output == b"$(id) `id` ; rm -rf / * a b\n"


def test_a_program_that_is_not_there_ends_with_127() -> None:
    (done,), _output = run(Command(("/nonexistent/tool",)))
    assert done.status == 127
    assert "tool" in done.reason


def test_fh18_a_child_that_cannot_be_started_is_a_fault() -> None:
    with pytest.raises(ProcessFault) as caught:
        run(Command(("/bin/true",), working_directory="/nonexistent"))
    assert caught.value.code == "tool_broken"


def test_fd04_a_child_that_never_ends_is_ended_at_its_deadline(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ProcessFault, match="^sh did not end within 0.5 s and was stopped$") as caught:
        run(shell(f"echo $$ > {tmp_path}/pid; exec sleep 600"), limits=Limits(0.5))
    assert caught.value.code == "timeout"
    assert time.monotonic() - began < 5
    assert_gone(process_id_in(tmp_path / "pid"))


def test_fd06_a_child_that_stops_giving_bytes_is_ended(tmp_path: Path) -> None:
    script = f"echo $$ > {tmp_path}/pid; printf data; exec sleep 600"
    with pytest.raises(ProcessFault, match="made no progress for 0.5 s") as caught:
        run(shell(script), shell("cat"), limits=Limits(60, stall_timeout_seconds=0.5))
    assert caught.value.code == "stalled"
    assert_gone(process_id_in(tmp_path / "pid"))


def test_a_slow_child_that_goes_on_giving_bytes_is_not_ended() -> None:
    limits = Limits(60, stall_timeout_seconds=3)
    (done,), output = run(shell("for i in 1 2 3 4 5 6 7 8; do printf $i; sleep 0.45; done"), limits=limits)
    assert (done.status, output) == (0, b"12345678")


def test_complaints_alone_are_no_progress() -> None:
    with pytest.raises(ProcessFault, match="made no progress"):
        run(shell("while :; do echo x >&2; sleep 0.1; done"), limits=Limits(60, stall_timeout_seconds=1))


def test_a_grandchild_that_holds_the_pipe_is_ended_too(tmp_path: Path) -> None:
    with pytest.raises(ProcessFault, match="did not end"):
        run(shell(f"sleep 600 & echo $! > {tmp_path}/pid; exit 0"), limits=Limits(1))
    assert_gone(process_id_in(tmp_path / "pid"))


def test_no_grandchild_survives_a_run_that_ended_well(tmp_path: Path) -> None:
    (done,), _output = run(shell(f"sleep 600 >/dev/null 2>&1 & echo $! > {tmp_path}/pid; exit 5"))
    assert done.status == 5
    assert_gone(process_id_in(tmp_path / "pid"))


def test_no_child_survives_a_sink_that_breaks(tmp_path: Path) -> None:
    def full(_chunk: bytes) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_pipeline([shell(f"echo $$ > {tmp_path}/pid; echo data; exec sleep 600")], [full], SOON)
    assert_gone(process_id_in(tmp_path / "pid"))


def test_no_child_survives_a_source_that_breaks(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        process_id_in(tmp_path / "pid")
        raise OSError("unreadable")

    with pytest.raises(OSError, match="unreadable"):
        run(shell(f"echo $$ > {tmp_path}/pid; cat >/dev/null; exec sleep 600"), source=broken())
    assert_gone(process_id_in(tmp_path / "pid"))


def test_fd52_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    parent = os.fork()
    if parent == 0:
        try:
            run(shell(f"echo $$ > {tmp_path}/pid; exec sleep 600"))
        finally:
            os._exit(0)
    child = process_id_in(tmp_path / "pid")
    assert is_running(child)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert_gone(child)


def test_no_descriptor_is_left_open() -> None:
    run(shell("true"))
    before = len(os.listdir("/proc/self/fd"))
    for _unused in range(5):
        run(shell("echo a"), shell("cat"), source=iter([]))
        with pytest.raises(ProcessFault):
            run(shell("sleep 60"), limits=Limits(0.01))
    assert len(os.listdir("/proc/self/fd")) == before


def test_only_named_descriptors_are_handed_on() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"from the pipe")
    os.close(writing)
    try:
        named = Command(("/bin/cat", f"/dev/fd/{reading}"), pass_descriptors=(reading,))
        _done, output = run(named)
        assert output == b"from the pipe"
        (done,), _output = run(Command(("/bin/cat", f"/dev/fd/{reading}")))
        assert done.status != 0
    finally:
        os.close(reading)
