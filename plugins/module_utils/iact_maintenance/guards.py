"""Protect the process of a job: private files, no core dump, and signals that end it in order.

A signal becomes an Interrupted in the main thread, so that every `finally` is executed.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from .errors import Interrupted

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_AGAIN_SECONDS = 0.02


def protect() -> None:
    """Make new files private, disable core dumps, and turn ending signals into Interrupted."""
    os.umask(0o077)
    # The parent may ignore SIGCHLD; then every child, even a failed dump, would end with status 0.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # A blocked signal would never end the process.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.unraisablehook = _unraisable
    _on_signals(_interrupt)


def release() -> None:
    """Restore the default action of ending signals, because there is nothing left to clean up."""
    _on_signals(signal.SIG_DFL)


def end_with_parent(alive: int) -> None:
    """Send this process SIGTERM when the other end of the pipe `alive` is closed, however its holder ended."""

    def wait() -> None:
        os.read(alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _on_signals(_go_on)
    raise Interrupted(number)


def _go_on(number: int, frame: FrameType | None) -> None:
    """Ignore a signal while the run is already ending."""


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Print nothing, since foreign text may hold a secret, and resend a signal whose exception Python dropped.

    The handler may run inside a destructor or a weak reference's callback, where Python drops exceptions.
    """
    if isinstance(lost.exc_value, Interrupted):
        _on_signals(_interrupt)
        again = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), lost.exc_value.number))
        again.daemon = True
        again.start()


def _on_signals(action: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Set the handler of ending signals, except those that the parent (nohup, a shell's `&`) ignores."""
    for number in _ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, action)
