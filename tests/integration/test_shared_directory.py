"""Two hosts whose archives lie in one directory of a network disk, started by cron at the same second."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.backup_rig import Rig, verifies

ROUNDS = 6


@pytest.fixture
def hosts(tmp_path: Path) -> list[Rig]:
    """Two hosts, each with a state, a database and logs of its own, and one directory of archives."""
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found.append(Rig(tmp_path / name, log_bytes=400_000))
    for host in found:
        host.configure(directory=str(found[0].backups), retention_count=4, keep_minimum=2)
    return found


def run_together(hosts: list[Rig]) -> list[dict[str, object]]:
    """Return the reports of a backup of each host, all started at once."""
    started = [host.start() for host in hosts]
    ended = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * len(hosts), ended
    return [json.loads(output) for output in ended]


def owned(host: Rig) -> dict[str, str]:
    """Return the archives of the directory by name, each with what it is to this host."""
    _status, listed = host.run((), "archives")
    return {entry["name"]: entry["kind"] for entry in listed["archives"]}  # type: ignore[attr-defined]


def test_g21_two_hosts_that_begin_at_the_same_second_work_side_by_side(hosts: list[Rig]) -> None:
    written: list[set[str]] = [set(), set()]
    deleted: list[set[str]] = [set(), set()]
    for _round in range(ROUNDS):
        for place, report in enumerate(run_together(hosts)):
            written[place].add(Path(str(report["archive"])).name)
            deleted[place] |= set(report["deleted"])  # type: ignore[call-overload]
    assert not written[0] & written[1] and len(written[0] | written[1]) == 2 * ROUNDS
    for place in (0, 1):
        assert deleted[place] < written[place]
    assert all(map(verifies, hosts[0].archives())) and hosts[0].leftovers() == []
    for place, host in enumerate(hosts):
        kinds = owned(host)
        assert {name for name, kind in kinds.items() if kind == "good"} == written[place] - deleted[place]
        assert {name for name, kind in kinds.items() if kind == "other_host"} == written[1 - place] - deleted[1 - place]


def test_g21_a_host_that_was_killed_is_tidied_up_by_itself_alone(hosts: list[Rig]) -> None:
    # The first writes to a compressor that never ends, so that it is there to be killed half way.
    hosts[0].fake_tool("zstd", 'case "$*" in *--version*) exec /usr/bin/zstd "$@";; esac; exec sleep 600')
    process = hosts[0].start()
    while not hosts[0].leftovers():
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    (left,) = hosts[0].leftovers()
    assert hosts[1].run()[0] == 0 and hosts[1].run((), "prune")[0] == 0
    assert hosts[0].leftovers() == [left]
    hosts[0].tools = ""
    assert hosts[0].run()[0] == 0
    assert hosts[0].leftovers() == []


def test_g16_a_run_whose_lock_was_deleted_keeps_the_next_one_out(hosts: list[Rig]) -> None:
    host = hosts[0]
    gate = host.root / "gate"
    wait = f"while [ ! -e {gate} ]; do sleep 0.05; done"
    host.fake_tool("zstd", f'case "$*" in *--version*|*-d*) ;; *) {wait};; esac; exec /usr/bin/zstd "$@"')
    first = host.start()
    while not host.leftovers():
        assert first.poll() is None, first.communicate()
    (host.root / "state" / "archives.lock").unlink()
    status, report = host.run()
    assert status == 75 and "another run of this host" in str(report["summary"])
    gate.touch()
    output, _errors = first.communicate(timeout=60)
    report = json.loads(output)
    assert first.returncode == 0 and "lock_replaced" in {finding["code"] for finding in report["findings"]}
    assert len(host.archives()) == 1 and verifies(host.archives()[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_fh06_a_disk_that_is_mounted_is_written_to_and_one_that_is_not_is_refused(hosts: list[Rig]) -> None:
    host = hosts[1]
    directory = host.root / "nas"
    directory.mkdir(mode=0o700)
    host.configure(directory=str(directory), require_mountpoint=True)
    status, report = host.run()
    assert status == 1 and report["findings"][0]["code"] == "not_mounted"  # type: ignore[index]
    assert list(directory.iterdir()) == []
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m,mode=0700", "tmpfs", directory], check=True)
    try:
        assert host.run()[0] == 0
        assert len(list(directory.iterdir())) == 1
        # A tenth of this disk stays free by itself, whatever else is on it.
        (directory / "database").write_bytes(bytes(18_400_000))
        status, report = host.run()
        assert status == 1 and report["findings"][0]["code"] == "no_space"  # type: ignore[index]
    finally:
        subprocess.run(["umount", directory], check=True)
