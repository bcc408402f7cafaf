"""The command's own process: it ends with its command line, whatever still hangs in it, and loses no word."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.unit.session_site import MODULE_UTILS

HANGING = """
import sys, threading, time
sys.path.insert(0, {folder!r})
from iact_maintenance.cli import command, start
threading.Thread(target=time.sleep, args=(60,)).start()
sys.argv = ["iact-maintenance", *{words!r}]
start.start()
"""


@pytest.mark.parametrize(
    ("words", "status", "output"), [(["version"], 0, "iact-maintenance "), (["no-such-command"], 2, "")]
)
def test_a_thread_that_hangs_does_not_keep_the_process_and_nothing_said_is_lost(
    words: list[str], status: int, output: str
) -> None:
    script = HANGING.format(folder=str(MODULE_UTILS), words=words)
    # Into a pipe, where Python keeps what is written until it is told to give it away.
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == status
    assert done.stdout.startswith(output)
    assert bool(done.stderr) == bool(status)


def test_help_goes_through_a_pipe_as_well() -> None:
    argv = [sys.executable, "-c", "from iact_maintenance.cli.start import start; start()", "health", "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30, cwd=MODULE_UTILS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--disk-warning-percent" in done.stdout
    assert "Example: iact-maintenance health --verbose" in done.stdout


@pytest.mark.parametrize("name", ["host", "settings", "history", "jobs.events", "jobs.runner", "engines.table"])
def test_a_version_loads_nothing_that_only_jobs_need(name: str) -> None:
    script = (
        "import sys; from iact_maintenance.cli.command import main; "
        f"raise SystemExit(main(['version']) or 'iact_maintenance.{name}' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, timeout=30, cwd=MODULE_UTILS
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_fh12_a_signal_that_comes_while_the_report_is_made_ends_without_a_traceback() -> None:
    script = (
        "from iact_maintenance.errors import Interrupted\nfrom iact_maintenance.cli import command, start\n"
        "def present(report, parsed):\n    raise Interrupted(15)\n"
        "command._present = present\nimport sys\nsys.argv = ['x', 'version']\nstart.start()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, timeout=30, cwd=MODULE_UTILS
    )
    assert (done.returncode, done.stderr) == (143, b"")


def test_a_ctrl_c_while_the_code_is_still_loaded_ends_without_a_traceback() -> None:
    script = (
        "import builtins, os, signal, sys\nfrom iact_maintenance.cli import start\nload = builtins.__import__\n"
        "def interrupting(name, *rest):\n"
        "    if name == 'command':\n        os.kill(os.getpid(), signal.SIGINT)\n    return load(name, *rest)\n"
        "builtins.__import__ = interrupting\nsys.argv = ['x', 'version']\nstart.start()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, timeout=30, cwd=MODULE_UTILS
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
