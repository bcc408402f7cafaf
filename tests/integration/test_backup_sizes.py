"""Large backups: memory stays flat, whatever the size."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.backup_rig import PACKAGES, Rig, verifies

MEASURE = (
    "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
    "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
)


def measured(rig: Rig, *words: str) -> tuple[int, int]:
    """Return the exit status, and the memory of the largest process in MiB."""
    argv = [sys.executable, "-c", MEASURE, *rig.argv(*words)]
    shown = subprocess.run(argv, cwd=PACKAGES, capture_output=True, text=True, check=True).stdout
    status, peak = map(int, shown.split())
    return status, peak


@pytest.mark.long
@pytest.mark.parametrize("gibibytes", [2, 9])
def test_fl03_memory_stays_flat_and_sizes_above_8_gib_are_written_and_read(tmp_path: Path, gibibytes: int) -> None:
    """Use a log that has holes instead of bytes; its inner archive needs a base-256 size all the same."""
    rig = Rig(tmp_path)
    os.truncate(rig.root / "logs" / "a_json.log", gibibytes * 1024**3)
    status, peak = measured(rig)
    assert status == 0 and peak < 100
    assert all(verifies(path) for path in rig.archives())
    target = rig.root / "restored"
    status, peak = measured(rig, "restore", "--components", "logs", "--target-directory", str(target))
    assert status == 0 and peak < 100
    assert (target / "a_json.log").stat().st_size == gibibytes * 1024**3
