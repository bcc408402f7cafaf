"""The terminal: questions, progress, colour; and writing to it when nobody reads any more."""

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
    """One line on a terminal that is overwritten while work goes on; nothing at all where there is no terminal."""

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
    """Make sure that the standard streams exist and take every text, whoever started this process and how."""
    # Else the next file to be opened, a database even, could become standard output and be written over.
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
    """Raise Refused without a terminal to ask on."""
    if not sys.stdin.isatty():
        raise Refused("not_confirmed", "this deletes rows, and there is no terminal to ask on", hint="add --force")


def confirm(report: Report) -> None:
    """Ask a person to agree to what the report announces. Raise Refused for a no, or without a terminal."""
    require()
    write(sys.stderr, f"{report.job}: {printable(report.summary)}. Go on? [y/N] ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("not_confirmed", "not confirmed: nothing was deleted")


def has_colour(stream: TextIO) -> bool:
    """Return whether colour helps: on a terminal, unless NO_COLOR says otherwise (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write(stream: TextIO, text: str) -> None:
    """Write a text, which is lost if nobody reads any more: the run's work and exit status stand."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        # Else the interpreter would try again at its end and change the exit status.
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
