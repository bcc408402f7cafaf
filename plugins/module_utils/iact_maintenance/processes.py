"""Run child processes with a clean environment, a deadline, a stall watchdog and bounded output.

Each child leads a process group, which is killed as a whole, and dies with the thread that started it
(PR_SET_PDEATHSIG, set by setpriv of util-linux), so a killed job leaves no dump running.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from .errors import ProcessFault
from .limits import shortage
from .secret import redact

Sink = Callable[[bytes], object]

_CHUNK_BYTES = 1 << 18
_KEPT_ERROR_BYTES = 1 << 15
_POLL_SECONDS = 0.5
_SAFE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Command(NamedTuple):
    """A program to run: argv, additions to the clean environment, working directory, and descriptors to pass."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = {}
    working_directory: str = "/"
    pass_descriptors: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Return the program's name, for messages."""
        return os.path.basename(self.argv[0])


class Limits(NamedTuple):
    """How long children may run in all, and how long without output (None: no watchdog), in seconds."""

    deadline_seconds: float
    stall_timeout_seconds: float | None = None


class Completed(NamedTuple):
    """How a program ended: `status` is negative for a signal; `errors` is its bounded, redacted stderr."""

    name: str
    status: int
    errors: str
    output: bytes = b""

    @property
    def reason(self) -> str:
        """Return how it ended and why, as the end of a sentence: its first line about an error, else its last."""
        how = f"was killed by signal {-self.status}" if self.status < 0 else f"ended with status {self.status}"
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        why = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
        return f"{self.name} {how}" + (f": {why}" if why else "")


class _Bounded:
    """Keep the head and the tail of a child's stderr, so that a flood costs neither memory nor a blocked pipe."""

    def __init__(self) -> None:
        self.head, self.tail = b"", b""

    def __call__(self, chunk: bytes) -> None:
        room = _KEPT_ERROR_BYTES - len(self.head)
        self.head += chunk[:room]
        self.tail = (self.tail + chunk[room:] if room < len(chunk) else self.tail)[-_KEPT_ERROR_BYTES:]

    def text(self) -> str:
        """Return the kept bytes as redacted text."""
        return redact((self.head + self.tail).decode("utf-8", "replace"))


def base_environment() -> dict[str, str]:
    """Return the environment of every child; nothing is inherited, because the environment is untrusted input."""
    return {"PATH": _SAFE_PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent"}


class _Child(subprocess.Popen[bytes]):
    """A child process.

    A subclass, because the linter of ansible-test wants a module's run_command instead of Popen, and the core, which
    cron starts, has none.
    """


def _spawn(command: Command, fed: bool) -> _Child:
    guard = shutil.which("setpriv", path=_SAFE_PATH)
    argv = (guard, "--pdeathsig", "KILL", "--", *command.argv) if guard else command.argv
    try:
        return _Child(
            argv,
            stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=command.working_directory,
            env={**base_environment(), **command.environment},
            pass_fds=command.pass_descriptors,
            start_new_session=True,
        )
    except OSError as error:
        trouble = shortage(error)
        if trouble is not None:
            raise ProcessFault(trouble.code, f"{command.name}: {trouble.message}", hint=trouble.hint) from None
        raise ProcessFault("tool_broken", f"{command.name} could not be started: {error.strerror}") from None


class _Pipeline:
    """Move bytes from a source through children to a sink in one selector loop, with at most one chunk between two."""

    def __init__(
        self, children: list[subprocess.Popen[bytes]], source: Iterator[bytes] | None, taps: Sequence[Sink]
    ) -> None:
        self.children, self.taps = children, taps
        self.sources: list[Iterator[bytes] | None] = [source] + [None] * (len(children) - 1)
        self.waiting: list[memoryview] = [memoryview(b"") for _child in children]
        self.errors = [_Bounded() for _child in children]
        self.selector = selectors.DefaultSelector()
        self.open_outputs = set(range(len(children)))
        for position, child in enumerate(children):
            for stream, role in ((child.stdout, "out"), (child.stderr, "err"), (child.stdin, "in")):
                if stream is not None:
                    os.set_blocking(stream.fileno(), False)
                    if role != "in":
                        self.selector.register(stream, selectors.EVENT_READ, (role, position))
        if source is not None:
            self._refill()

    def _refill(self) -> None:
        """Take the next chunk of the outer source; close the first child's stdin at its end."""
        source = self.sources[0]
        chunk = next(source, None) if source is not None else None
        if chunk is None:
            self._close_input(0)
        else:
            self._give(0, chunk)

    def _give(self, position: int, chunk: bytes) -> None:
        stream = self.children[position].stdin
        if stream is None or stream.closed:
            return
        if not self.waiting[position]:
            self.selector.register(stream, selectors.EVENT_WRITE, ("in", position))
        self.waiting[position] = memoryview(bytes(self.waiting[position]) + chunk)
        if position > 0:
            # Backpressure: the previous child waits until this chunk is written.
            self.selector.unregister(_stream(self.children[position - 1].stdout))

    def _close_input(self, position: int) -> None:
        stream = self.children[position].stdin
        if stream is not None and not stream.closed:
            if self.waiting[position]:
                self.selector.unregister(stream)
                self.waiting[position] = memoryview(b"")
                self._resume(position)
            stream.close()

    def _resume(self, position: int) -> None:
        if position > 0 and position - 1 in self.open_outputs:
            stream = _stream(self.children[position - 1].stdout)
            self.selector.register(stream, selectors.EVENT_READ, ("out", position - 1))

    def step(self, wait_seconds: float) -> bool:
        """Move what is ready, or becomes ready within `wait_seconds`; return whether data moved."""
        moved = False
        for key, _events in self.selector.select(wait_seconds):
            role, position = key.data
            # An earlier event of this round may have closed or paused the stream.
            if key.fd not in self.selector.get_map():
                continue
            moved = self._handle(role, position) or moved
        return moved

    def _handle(self, role: str, position: int) -> bool:
        child = self.children[position]
        if role == "in":
            return self._write(position)
        stream = _stream(child.stdout if role == "out" else child.stderr)
        try:
            chunk = os.read(stream.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if role == "err":
            self.errors[position](chunk)
        if not chunk:
            self.selector.unregister(stream)
            stream.close()
            if role == "out":
                self.open_outputs.discard(position)
                if position + 1 < len(self.children):
                    self._close_input(position + 1)
            return False
        if role == "out":
            self.taps[position](chunk)
            if position + 1 < len(self.children):
                self._give(position + 1, chunk)
        return role == "out"

    def _write(self, position: int) -> bool:
        stream = _stream(self.children[position].stdin)
        try:
            written = os.write(stream.fileno(), self.waiting[position])
        except BlockingIOError:
            return False
        except BrokenPipeError:
            # The child ended early; its exit status tells why, and the rest of its input is discarded.
            self._close_input(position)
            return False
        self.waiting[position] = self.waiting[position][written:]
        if not self.waiting[position]:
            self.selector.unregister(stream)
            self._resume(position)
            if position == 0:
                self._refill()
        return True

    @property
    def busy(self) -> bool:
        """Return whether any stream is still open."""
        return bool(self.selector.get_map())

    def close(self) -> None:
        """Close the selector's own descriptor."""
        self.selector.close()


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ProcessFault("resources", "a pipe was not opened")
    return stream


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's process group and reap the child; the status of a child that had ended is kept."""
    if child.returncode is not None:
        return
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
    child.wait()


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Return whether the child has ended.

    It is not reaped, so that its number is not reused before its group is killed.
    """
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def run_pipeline(
    commands: Sequence[Command], taps: Sequence[Sink], limits: Limits, source: Iterator[bytes] | None = None
) -> list[Completed]:
    """Return how each command ended; the output of each is piped into the next.

    `taps` has one sink for each command, called with every chunk of its output; the last one receives the result.
    `source` feeds the first command. Raise ProcessFault `timeout` or `stalled`; no child remains in any case.
    """
    children: list[subprocess.Popen[bytes]] = []
    try:
        for position, command in enumerate(commands):
            children.append(_spawn(command, fed=position > 0 or source is not None))
        with contextlib.closing(_Pipeline(children, source, taps)) as pipeline:
            _drive(pipeline, commands, limits)
        for child in children:
            kill_group(child)
        return [
            Completed(command.name, child.returncode, errors.text())
            for command, child, errors in zip(commands, children, pipeline.errors)
        ]
    finally:
        for child in children:
            kill_group(child)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None and not stream.closed:
                    # The reader has closed the pipe.
                    with contextlib.suppress(OSError):
                        stream.close()


def _drive(pipeline: _Pipeline, commands: Sequence[Command], limits: Limits) -> None:
    began = now = last = time.monotonic()
    names = " | ".join(command.name for command in commands)
    while pipeline.busy or not all(map(_has_ended, pipeline.children)):
        if pipeline.busy:
            # Waits end exactly at the deadline, because a health check's is short.
            moved = pipeline.step(max(0.0, min(_POLL_SECONDS, began + limits.deadline_seconds - now)))
        else:
            moved = False
            time.sleep(0.01)
        now = time.monotonic()
        last = now if moved else last
        if now - began >= limits.deadline_seconds:
            raise ProcessFault("timeout", f"{names} did not end within {limits.deadline_seconds:g} s and was stopped")
        if limits.stall_timeout_seconds is not None and now - last > limits.stall_timeout_seconds:
            raise ProcessFault(
                "stalled", f"{names} made no progress for {limits.stall_timeout_seconds:g} s and was stopped"
            )
