"""The terminal: questions, progress, colour, and output to a closed pipe."""

from __future__ import annotations

import io
import os
import sys
import time
from typing import TextIO

from ..errors import Refused
from ..report import Report
from ..secret import printable

_FRAMES_A_SECOND = 10
_STANDARD_ERROR = 2


class Progress:
    """A line on a terminal that is overwritten while work continues; without a terminal nothing is written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = 0.0
        self._shown = False
        self.wanted = stream.isatty()

    def show(self, text: str) -> None:
        """Show one line of progress, at most ten times a second; an empty text removes it."""
        now = time.monotonic()
        if (text and now - self._last < 1 / _FRAMES_A_SECOND) or (not text and not self._shown):
            return
        self._last, self._shown = now, bool(text)
        write(self._stream, f"\r\033[K{printable(text)}")


def secure_streams() -> None:
    """Open missing standard streams, and make them accept any text."""
    # Otherwise the next file that is opened, even a database, could become standard output.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def require() -> None:
    """Raise Refused if there is no terminal to ask on."""
    if not sys.stdin.isatty():
        raise Refused(
            "not_confirmed",
            "this deletes rows, and there is no terminal to ask for confirmation",
            hint="add --force to run without confirmation",
        )


def confirm(report: Report) -> None:
    """Ask a person to confirm what the report says. Raise Refused for a no, or without a terminal."""
    require()
    write(sys.stderr, f"{report.job}: {printable(report.summary)}. Go on? [y/N] ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("not_confirmed", "not confirmed: nothing was deleted")


def has_colour(stream: TextIO) -> bool:
    """Return whether to use colour: on a terminal without NO_COLOR (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write(stream: TextIO, text: str) -> None:
    """Write a text; it is lost if nobody reads it, because work and exit status of the run do not depend on it."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        # Otherwise the interpreter would try again at exit and change the exit status.
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
