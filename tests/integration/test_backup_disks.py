"""Backups onto disks that are full, read-only or too small, and two backups at once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.names import copy_name
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import sqlite
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Limits
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories.folder import open_folder
from tests.integration.backup_rig import Rig, verifies

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


@contextlib.contextmanager
def small_disk(path: Path, options: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path, log_bytes=200_000)


def test_fh01_a_full_disk_ends_the_run_and_gives_its_space_back(rig: Rig) -> None:
    outcomes = set()
    for kilobytes in (4, 8, 12, 16, 32, 64, 100, 128, 160, 180, 196, 200, 204, 208, 212, 216, 220, 240, 300, 400):
        with small_disk(rig.backups, f"size={kilobytes}k"):
            status, report = rig.run()
            outcomes.add(status)
            if status == 0:
                assert all(verifies(path) for path in rig.archives()) and rig.archives()
            else:
                assert (status, report["outcome"]) == (1, "failed with error no_space"), (kilobytes, report)
                assert list(rig.backups.iterdir()) == []
    assert outcomes == {0, 1}


def test_fh01_where_the_disk_fills_up_while_an_sqlite_file_is_copied_it_is_the_disk_that_is_named(rig: Rig) -> None:
    with sqlite3.connect(rig.database) as connection:
        connection.executemany("INSERT INTO dora_metrics (value) VALUES (?)", [("x" * 1000,)] * 1000)
    limits, folder = Limits(30), str(rig.backups)
    with (
        small_disk(rig.backups, "size=400k"),
        open_folder(Host(), folder) as opened,
        sqlite.private(opened.descriptor, os.path.join(opened.path, copy_name(1, "1" * 32))) as private,
    ):
        with pytest.raises(MaintenanceError) as caught:
            sqlite.copy(Host(), Source("sqlite.site", "sqlite", str(rig.database), ()), private, limits)
    assert (caught.value.code, caught.value.message) == ("no_space", f"the disk is full: {folder}")


def test_fh01_what_is_known_before_is_said_before(rig: Rig) -> None:
    with small_disk(rig.backups, "size=4k"):
        status, report = rig.run((), "backup", "--dry-run")
    assert (status, report["outcome"]) == (1, "failed with error no_space")
    assert "has 0.0 MiB free" in str(report["summary"])


def test_fh02_a_disk_without_inodes_ends_the_run(rig: Rig) -> None:
    with small_disk(rig.backups, "size=5m,nr_inodes=1"):
        status, report = rig.run()
        assert (status, report["outcome"]) == (1, "failed with error no_space"), report
        assert list(rig.backups.iterdir()) == []


def test_fh04_a_read_only_directory_ends_the_run_before_a_dump_starts(rig: Rig) -> None:
    with small_disk(rig.backups, "size=5m,ro"):
        status, report = rig.run()
    assert (status, report["outcome"]) == (1, "failed with error storage"), report
    assert report["findings"][0]["message"].endswith("Read-only file system")  # type: ignore[index]


def test_fh19_a_second_run_is_busy_at_once_and_names_the_first(rig: Rig) -> None:
    with Host().lock(str(rig.root / "state" / "archives.lock"), "backup"):
        for words in (("backup",), ("archives",), ("verify",), ("prune",), ("restore",)):
            began = time.monotonic()
            status, report = rig.run((), *words)
            assert (status, report["outcome"]) == (75, "failed with error busy")
            assert f"process {os.getpid()}" in str(report["summary"])
            assert time.monotonic() - began < 2
    assert rig.run()[0] == 0


def test_fh19_of_many_runs_at_once_each_works_or_is_busy(rig: Rig) -> None:
    running = [rig.start() for _number in range(8)]
    statuses = []
    for process in running:
        process.communicate(timeout=60)
        statuses.append(process.returncode)
    assert set(statuses) <= {0, 75}
    assert len(rig.archives()) == statuses.count(0) > 0
    assert all(verifies(path) for path in rig.archives())


def test_lists_and_proofs_share_the_lock(rig: Rig) -> None:
    assert rig.run()[0] == 0
    with Host().lock(str(rig.root / "state" / "archives.lock"), "archives", shared=True):
        assert rig.run((), "archives")[0] == 0
        assert rig.run((), "verify")[0] == 0
        assert rig.run((), "prune")[0] == 75
