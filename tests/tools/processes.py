"""Run programs for the test driver, with a log file and a time limit, and leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

# What a shell's `timeout` gives, so that people know the number.
TIMED_OUT = 124
GRACE_SECONDS = 30
_ORDINARY: dict[signal.Signals, Callable[[int, FrameType | None], None] | signal.Handlers] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGCHLD: signal.SIG_DFL,
}


def give_children_ordinary_signals() -> None:
    """Undo for all programs that are started from here what nohup, a shell's `&` or a daemon left ignored or blocked.

    We go on ignoring it ourselves, by a handler, because an ignored signal is inherited and a handler is not. Two are
    otherwise: SIGINT is what ends our stages, and with SIGCHLD ignored every child seems to have ended with status 0.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    # Python itself ignores these two, and undoes it for its children.
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _ORDINARY.get(number, _go_on))


def _go_on(number: int, frame: FrameType | None) -> None:
    """Ignore a signal."""


@dataclass(frozen=True)
class Command:
    """A program to run: its arguments, its time limit, and changes to the environment."""

    argv: Sequence[str]
    timeout_seconds: float
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


class Processes:
    """Start programs in sessions of their own, and end all that still run."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run(self, command: Command, log: Path) -> int:
        """Return the program's exit status, or TIMED_OUT; its output is appended to the log.

        Raise RuntimeError after end_all(), so that another thread starts nothing more.
        """
        if self._closed:
            raise RuntimeError("no more programs are started")
        with log.open("ab") as stream:
            stream.write(f"$ {' '.join(command.argv)}\n".encode())
            stream.flush()
            process = subprocess.Popen(
                list(command.argv),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.environment},
                cwd=command.folder,
                start_new_session=True,
            )
            self._running.add(process)
            try:
                return process.wait(command.timeout_seconds)
            except subprocess.TimeoutExpired:
                _end(process)
                stream.write(f"\nended after its {command.timeout_seconds:.0f} s\n".encode())
                return TIMED_OUT
            finally:
                self._running.discard(process)

    def end_all(self) -> None:
        """End every running program with its children, and start no more."""
        self._closed = True
        for process in list(self._running):
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    # First SIGINT, on which pytest and Molecule still clear away what they started; then whatever is left of the group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
