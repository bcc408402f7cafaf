"""Run a call in a daemon thread and stop waiting for it at a deadline.

Not in an executor, which joins its threads at interpreter exit and would hang with them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from .limits import shortage

_Answer = TypeVar("_Answer")


class GaveUp(Exception):
    """The call did not end in time; it may continue in its thread."""


class BackgroundCall(Generic[_Answer]):
    """A call that runs in a daemon thread; a result after the deadline is passed to `discard`."""

    def __init__(
        self, name: str, action: Callable[[], _Answer], discard: Callable[[_Answer], object] = lambda _late: None
    ) -> None:
        self._action, self._discard = action, discard
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._is_abandoned = False
        self._answers: list[_Answer] = []
        self._trouble: BaseException | None = None
        try:
            threading.Thread(target=self._run, name=name, daemon=True).start()
        except RuntimeError as fault:
            self._trouble = shortage(fault) or fault
            self._ended.set()

    def _run(self) -> None:
        try:
            answer = self._action()
        except BaseException as trouble:
            self._trouble = trouble
            self._ended.set()
            return
        with self._lock:
            self._answers.append(answer)
            self._ended.set()
            is_late = self._is_abandoned
        if is_late:
            self._discard(answer)

    def _abandon(self) -> bool:
        """Return whether nobody waits any more; False if the result arrived."""
        with self._lock:
            self._is_abandoned = not self._ended.is_set()
        return self._is_abandoned

    def result(self, timeout_seconds: float | None = None) -> _Answer:
        """Return what the action returned. Raise what it raised, or GaveUp at the deadline."""
        if not self._ended.wait(timeout_seconds) and self._abandon():
            raise GaveUp
        if self._trouble is not None:
            raise self._trouble
        return self._answers[0]


def call_with_timeout(
    timeout_seconds: float,
    name: str,
    action: Callable[[], _Answer],
    discard: Callable[[_Answer], object] = lambda _late: None,
) -> _Answer:
    """Return what `action` returns. Raise what it raises, or GaveUp at the deadline."""
    return BackgroundCall(name, action, discard).result(timeout_seconds)
