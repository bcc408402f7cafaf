"""Backups that are ended from outside, and compressors that do not do their work."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.integration.backup_rig import Rig, verifies

VERSION = 'if [ "$1" = --version ]; then echo "zstd v1.5.4"; exit 0; fi\n'


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def hang(rig: Rig) -> None:
    rig.fake_tool("zstd", f"{VERSION}echo $$ > {rig.root}/pid\nexec sleep 300")


def pid_of_compressor(rig: Rig) -> int:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        text = (rig.root / "pid").read_text() if (rig.root / "pid").exists() else ""
        if text.endswith("\n"):
            return int(text)
        time.sleep(0.02)
    raise AssertionError("the compressor was not started")


def gone(pid: int) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_fh12_fh13_a_signal_ends_the_run_in_order(rig: Rig, number: signal.Signals) -> None:
    hang(rig)
    process = rig.start()
    child = pid_of_compressor(rig)
    began = time.monotonic()
    process.send_signal(number)
    output, _errors = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert time.monotonic() - began < 5
    assert json.loads(output)["outcome"] == "failed with error interrupted"
    assert gone(child)
    assert os.listdir(rig.backups) == []
    assert "interrupted" in (rig.root / "state" / "history.jsonl").read_text()


def test_fh12_a_signal_while_retention_deletes_tells_what_was_published_and_what_went(rig: Rig) -> None:
    rig.configure(retention_count=1, keep_minimum=1)
    assert rig.run()[0] == 0
    (first,) = rig.archives()
    deletion = rig.calls(("unlinkat",))[-1]
    (second,) = rig.archives()
    assert second != first
    status, made = rig.run_with(deletion, "signal=TERM")
    assert (status, made["changed"], made["deleted"]) == (143, True, [second.name]), made
    assert [str(path) for path in rig.archives()] == [made["archive"]]
    assert "after publishing" in str(made["summary"])


def test_fh14_a_killed_run_leaves_no_child_and_the_next_one_works(rig: Rig) -> None:
    hang(rig)
    process = rig.start()
    child = pid_of_compressor(rig)
    process.kill()
    process.communicate(timeout=20)
    assert gone(child), "the compressor dies with the job"
    assert len(rig.leftovers()) == 1 and rig.archives() == []
    rig.tools = ""
    assert rig.run()[0] == 0
    assert rig.leftovers() == [] and all(verifies(path) for path in rig.archives())


def test_a_compressor_that_hangs_is_given_up(rig: Rig) -> None:
    hang(rig)
    rig.configure(stall_timeout_seconds=1, log_patterns=["none"])
    began = time.monotonic()
    status, report = rig.run()
    assert (status, report["outcome"]) == (1, "failed with error stalled")
    assert time.monotonic() - began < 10
    assert gone(pid_of_compressor(rig))
    assert os.listdir(rig.backups) == []


@pytest.mark.parametrize("script", ["exit 1", "head -c 10; exit 0", "cat; exit 0", "kill -9 $$"])
def test_fh17_a_compressor_that_does_not_do_its_work_makes_no_backup(rig: Rig, script: str) -> None:
    """Also where it ends with 0: the archive is read back before it gets its name."""
    rig.fake_tool("zstd", f'{VERSION}if [ "$1" = -d ]; then exec /usr/bin/zstd "$@"; fi\n{script}')
    status, report = rig.run()
    assert status == 1, report
    assert str(report["outcome"]).startswith("failed with error ")
    assert os.listdir(rig.backups) == []


def test_without_zstd_a_backup_is_gzip_and_says_so(rig: Rig) -> None:
    rig.fake_tool("zstd", "exit 1")
    status, report = rig.run()
    assert (status, report["compression"]) == (0, "gzip")
    assert "no_zstd" in [finding["code"] for finding in report["findings"]]  # type: ignore[attr-defined]
    assert all(verifies(path) for path in rig.archives())
