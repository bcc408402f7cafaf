"""The terminal: asking, showing progress, colour, and writing when nobody reads."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import terminal
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Report
from tests.unit.session_site import MODULE_UTILS


class Screen(io.StringIO):
    """A terminal that keeps what is shown on it and answers what it was given."""

    def isatty(self) -> bool:
        return True


def test_progress_overwrites_one_line_and_shows_no_control_characters() -> None:
    screen = Screen()
    terminal.Progress(screen).show("half\n\x1b[2Jway")
    assert screen.getvalue() == "\r\033[Khalf\\n\\x1b[2Jway"


def test_progress_is_shown_ten_times_a_second_at_most_and_can_be_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.05, 100.11, 100.12])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    screen = Screen()
    progress = terminal.Progress(screen)
    for said in ("1", "2", "3", ""):
        progress.show(said)
    assert screen.getvalue().split("\r\033[K") == ["", "1", "3", ""]


def test_progress_is_not_wanted_in_a_file() -> None:
    assert terminal.Progress(Screen()).wanted
    assert not terminal.Progress(io.StringIO()).wanted


@pytest.mark.parametrize("answer", ["y\n", "Y\n", "yes\n", " yes \n"])
def test_a_yes_goes_on(answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", Screen(answer))
    terminal.confirm(Report("work", "would\ndelete 3"))
    assert capsys.readouterr().err == "work: would\\ndelete 3. Go on? [y/N] "


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yy\n", "si\n"])
def test_anything_else_is_a_no(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Screen(answer))
    with pytest.raises(Refused, match="nothing was") as caught:
        terminal.confirm(Report("work", ""))
    assert caught.value.exit_status == 2


def test_colour_helps_on_a_terminal_only_and_obeys_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal.has_colour(Screen())
    assert not terminal.has_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal.has_colour(Screen())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal.has_colour(Screen())


def test_fh13_writing_to_a_pipe_nobody_reads_loses_the_text_and_nothing_more() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        terminal.write(stream, "x" * 100_000)
        terminal.write(stream, "again")
    assert stream.closed


STREAMS = (
    "import os, sys\n"
    "from iact_maintenance.cli import terminal\n"
    "terminal.secure_streams()\n"
    "opened = os.open('/dev/null', os.O_RDONLY)\n"
    "print(opened > 2, sys.stdin.read())\n"
    "print('\\u65e5', file=sys.stderr)\n"
)


@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_fh40_closed_streams_are_never_taken_by_a_file(closed: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec {sys.executable} -c "$0" {closed}', STREAMS],
        cwd=MODULE_UTILS,
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0
    assert done.stdout == (b"" if ">&-" in closed.replace("2>&-", "") else b"True \n")
    assert done.stderr == (b"" if "2>&-" in closed else b"\\u65e5\n")
