"""The machine itself: files that are whole or old, locks that die with their holder, faults with stable codes."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import permissions
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    LockHeld,
    Refused,
    StorageFault,
    ToolMissing,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.files import storage
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Command, Limits
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.timestamps import iso

FORK = multiprocessing.get_context("fork")


def failing(number: int) -> Callable[..., None]:
    """Return a system call that fails with that error."""

    def call(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def test_clocks_are_utc_and_never_jump() -> None:
    host = Host()
    assert host.now().tzinfo is timezone.utc
    before = host.monotonic()
    host.sleep(0.01)
    assert host.monotonic() - before >= 0.01
    assert 0.5 <= host.jitter() <= 1.5


def test_a_moment_is_shown_in_utc_whatever_its_zone() -> None:
    moment = datetime(2026, 1, 1, 1, 30, 59, 999999, tzinfo=timezone(timedelta(hours=2)))
    assert iso(moment) == "2025-12-31T23:30:59Z"


def test_a_tool_is_found_by_its_absolute_path(tmp_path: Path) -> None:
    tool = tmp_path / "mariadb-dump"
    tool.touch(mode=0o755)
    host = Host({"PATH": str(tmp_path)})
    assert host.find_tool("mysqldump-of-nobody", "mariadb-dump") == str(tool)
    assert os.path.isabs(Host({}).find_tool("sh"))


def test_fh41_a_missing_tool_is_refused_by_name_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "no-such-tool").touch(mode=0o644)
    with pytest.raises(ToolMissing, match="no-such-tool or nor-this") as caught:
        Host({"PATH": str(tmp_path)}).find_tool("no-such-tool", "nor-this", hint="apt install it")
    assert (caught.value.exit_status, caught.value.hint) == (2, "apt install it")


def test_run_keeps_the_first_bytes_of_what_a_program_writes() -> None:
    done = Host().run(Command(("/bin/sh", "-c", "printf 1234567890")), Limits(10), keep_bytes=4)
    assert (done.status, done.output) == (0, b"1234")


def test_room_is_what_this_user_may_use(tmp_path: Path) -> None:
    assert Host().free_bytes(str(tmp_path)) > 0
    bytes_percent, files_percent = Host().free_percent(str(tmp_path))
    assert 0 <= bytes_percent <= 100
    assert 0 <= files_percent <= 100
    with pytest.raises(StorageFault, match="No such file"):
        Host().free_bytes(str(tmp_path / "missing"))


@pytest.mark.parametrize("mask", [0, 0o022, 0o777])
def test_fh38_a_file_has_the_mode_it_was_given_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        Host().write_atomic(str(tmp_path / "private"), b"x")
        Host().write_atomic(str(tmp_path / "public"), b"x", 0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "public").stat().st_mode & 0o777 == 0o644


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and longer")
    Host().write_atomic(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_leftover_of_a_killed_run_is_no_obstacle(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "file.part").symlink_to(victim)
    Host().write_atomic(str(tmp_path / "file"), b"new")
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("call", ["open", "fchmod", "fsync", "rename"])
@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "no_space"), (errno.EDQUOT, "no_space"), (errno.EIO, "storage")]
)
def test_fh08_a_fault_at_any_step_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(number))
        with pytest.raises(StorageFault) as caught:
            Host().write_atomic(str(path), b"new")
    assert caught.value.code == code
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_file_is_synced_before_its_name_and_the_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    sync, rename = os.fsync, os.rename

    def noted_sync(descriptor: int) -> None:
        calls.append("directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        sync(descriptor)

    def noted_rename(source: str, target: str) -> None:
        calls.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "rename", noted_rename)
    Host().write_atomic(str(tmp_path / "file"), b"new")
    assert calls == ["file", "rename", "directory"]


def test_a_fault_is_named_by_what_to_do_about_it() -> None:
    with pytest.raises(StorageFault) as caught, storage("/var/x"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.code, caught.value.message) == ("no_space", "the disk is full: /var/x")
    assert caught.value.hint
    with pytest.raises(StorageFault) as caught, storage("/var/x"):
        raise OSError(errno.EROFS, "Read-only file system")
    assert (caught.value.code, caught.value.message) == ("storage", "/var/x: Read-only file system")


def test_fh19_a_held_lock_names_its_holder_and_never_waits(tmp_path: Path) -> None:
    path = str(tmp_path / "job.lock")
    began = time.monotonic()
    with Host().lock(path, "backup"), pytest.raises(LockHeld) as caught, Host().lock(path, "restore"):
        raise AssertionError("entered twice")
    assert time.monotonic() - began < 1
    said = rf"busy: backup runs as process {os.getpid()} on \S+ since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(said, caught.value.message)
    assert caught.value.exit_status == 75


def test_a_lock_is_free_after_its_holder_and_after_an_exception(tmp_path: Path) -> None:
    path = str(tmp_path / "job.lock")
    with pytest.raises(KeyError), Host().lock(path, "backup"):
        raise KeyError
    with Host().lock(path, "backup"):
        assert (tmp_path / "job.lock").stat().st_mode & 0o777 == 0o600


def test_shared_holders_do_not_disturb_each_other_but_keep_an_exclusive_one_out(tmp_path: Path) -> None:
    path = str(tmp_path / "archives.lock")
    with Host().lock(path, "verify", shared=True), Host().lock(path, "archives", shared=True):
        with pytest.raises(LockHeld, match="^busy: "), Host().lock(path, "backup"):
            raise AssertionError("entered")
    with Host().lock(path, "backup"), pytest.raises(LockHeld), Host().lock(path, "verify", shared=True):
        raise AssertionError("entered")


def test_a_reader_does_not_name_the_writer_of_yesterday(tmp_path: Path) -> None:
    path = str(tmp_path / "archives.lock")
    with Host().lock(path, "backup"):
        pass
    with Host().lock(path, "verify", shared=True), pytest.raises(LockHeld) as caught, Host().lock(path, "prune"):
        raise AssertionError("entered")
    assert caught.value.message == "busy: another run is active on this host"


def test_a_lock_that_is_waited_for_is_taken_when_it_is_free(tmp_path: Path) -> None:
    path = str(tmp_path / "job.lock")
    holder = FORK.Process(target=_hold, args=(path, 0.5))
    holder.start()
    _wait_until_held(path)
    with Host().lock(path, "restore", wait_seconds=20):
        pass
    holder.join()


def test_fh20_the_lock_of_a_killed_run_is_free_and_its_file_no_obstacle(tmp_path: Path) -> None:
    path = str(tmp_path / "job.lock")
    holder = FORK.Process(target=_hold, args=(path, 60))
    holder.start()
    _wait_until_held(path)
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join()
    with Host().lock(path, "backup"):
        assert json.loads((tmp_path / "job.lock").read_bytes())["pid"] == os.getpid()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]", b'{"pid": 1}', b"\xff" * 100])
def test_a_damaged_note_in_a_held_lock_is_no_fault(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "job.lock"
    with Host().lock(str(path), "backup"):
        path.write_bytes(content)
        with pytest.raises(LockHeld, match="^busy: another run"), Host().lock(str(path), "backup"):
            raise AssertionError("entered")


def test_a_full_disk_does_not_keep_a_lock_from_being_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", failing(errno.ENOSPC))
    entered = False
    with Host().lock(str(tmp_path / "job.lock"), "backup"):
        entered = True
    assert entered


def test_a_missing_state_directory_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught, Host().lock(str(tmp_path / "none/job.lock"), "backup"):
        raise AssertionError("entered")
    assert caught.value.code == "no_state_directory"
    assert caught.value.hint


def test_a_lock_that_may_not_be_opened_names_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", failing(errno.EACCES))
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    monkeypatch.setattr(permissions, "_jobs", {"user": "iact"})
    with pytest.raises(Refused) as caught, Host().lock(str(tmp_path / "job.lock"), "backup"):
        raise AssertionError("entered")
    assert caught.value.code == "not_permitted"
    assert "sudo" in caught.value.hint


def test_fh23_a_lock_that_cannot_be_made_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link.lock").symlink_to(tmp_path / "target")
    with pytest.raises(StorageFault) as caught, Host().lock(str(tmp_path / "link.lock"), "backup"):
        raise AssertionError("entered")
    assert caught.value.code == "lock"
    monkeypatch.setattr(os, "open", failing(errno.EROFS))
    with pytest.raises(StorageFault, match="Read-only"), Host().lock(str(tmp_path / "job.lock"), "backup"):
        raise AssertionError("entered")


def _hold(path: str, seconds: float) -> None:
    # Waiting, because the probe of _wait_until_held may have the lock for a moment.
    with Host().lock(path, "backup", wait_seconds=20):
        time.sleep(seconds)


def _wait_until_held(path: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            with Host().lock(path, "probe"):
                pass
        except LockHeld:
            return
        time.sleep(0.01)
    raise AssertionError("the lock was never held")


def test_a_program_of_the_current_directory_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zstd-of-somebody").write_text("#!/bin/sh\n")
    (tmp_path / "zstd-of-somebody").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for path in ({}, {"PATH": ""}, {"PATH": ".:"}, {"PATH": "bin:../"}):
        with pytest.raises(ToolMissing):
            Host(path).find_tool("zstd-of-somebody")


def test_e4_what_a_killed_run_left_beside_a_state_file_is_taken_away_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl.part").write_text("half")
    Host().write_atomic(str(tmp_path / "history.jsonl"), b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["history.jsonl"]
