"""What a run says when a limit of its process is reached: real limits, in children of their own (G1K)."""

from __future__ import annotations

import errno
import json
import resource
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import limits
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from tests.unit.session_site import MODULE_UTILS, Site

START = "from iact_maintenance.cli.start import start; start()"


def run(site: Site, words: list[str], limit: int, most: int) -> dict[str, Any]:
    """Return the JSON answer of a command that runs under a limit."""
    done = subprocess.run(
        [sys.executable, "-c", START, *words, "--json", "--config", str(site.config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=MODULE_UTILS,
        preexec_fn=lambda: resource.setrlimit(limit, (most, most)),
    )
    assert "Traceback" not in done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def codes(answer: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in answer["findings"] if finding["severity"] in ("critical", "unknown")}


@pytest.mark.parametrize("most", [10, 20, 45])
@pytest.mark.parametrize("words", [["health"], ["session-cleanup", "--force"], ["archives"]])
def test_g1k_few_file_descriptors_are_told_by_the_limit_s_name(site: Site, words: list[str], most: int) -> None:
    site.add(1, timedelta(days=1))
    answer = run(site, words, resource.RLIMIT_NOFILE, most)
    assert codes(answer) == {"resources"}
    assert f"RLIMIT_NOFILE is {most}" in answer["summary"]
    assert "ulimit -n" in answer["findings"][0]["hint"]


def test_g1k_a_soft_limit_is_raised_as_far_as_a_run_needs() -> None:
    script = (
        "import resource; from iact_maintenance import limits\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (12, hard))\n"
        "limits.check(); raise SystemExit(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 48)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=30, cwd=MODULE_UTILS).returncode == 0


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (MemoryError(), "RLIMIT_AS"),
        (OSError(errno.ENOMEM, "x"), "RLIMIT_AS"),
        (OSError(errno.EMFILE, "x"), "RLIMIT_NOFILE"),
        (OSError(errno.ENFILE, "x"), "fs.file-max"),
        (OSError(errno.EFBIG, "x"), "RLIMIT_FSIZE"),
        (BlockingIOError(errno.EAGAIN, "x"), "RLIMIT_NPROC"),
        (RuntimeError("can't start new thread"), "RLIMIT_NPROC"),
        (ImportError("x.so: failed to map segment from shared object"), "RLIMIT_AS"),
    ],
)
def test_g1k_each_shortage_names_its_limit_and_what_to_do(fault: Exception, name: str) -> None:
    trouble = limits.shortage(fault)
    assert trouble is not None and (trouble.code, name in trouble.message) == ("resources", True)
    assert trouble.hint
    with pytest.raises(MaintenanceError):
        limits.raise_shortage(fault)


@pytest.mark.parametrize(
    "fault", [OSError(errno.EACCES, "x"), RuntimeError("x"), ValueError("out of memory"), OSError()]
)
def test_another_fault_is_no_shortage(fault: Exception) -> None:
    assert limits.shortage(fault) is None
    limits.raise_shortage(fault)


def test_g1k_no_thread_and_no_memory_are_told_by_real_limits(site: Site) -> None:
    site.add(1, timedelta(days=1))
    seen = set()
    for mebibytes in (40, 60, 80, 100):
        script_needs = subprocess.run(
            [sys.executable, "-c", "import json, subprocess, threading, sqlite3"],
            check=False,
            capture_output=True,
            preexec_fn=lambda most=mebibytes << 20: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
        )
        if script_needs.returncode == 0:
            seen |= codes(run(site, ["session-cleanup", "--force"], resource.RLIMIT_AS, mebibytes << 20))
    assert seen <= {"resources"}
