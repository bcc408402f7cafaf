"""Retry transient database errors, for a limited time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import DatabaseFault
from ..host import Host

_Result = TypeVar("_Result")

# A server without free connections usually has one soon; retrying a wrong password can lock the account.
CONNECTING = frozenset({"too_many_connections"})
LOCKING = frozenset({"deadlock", "lock_timeout"})

_LONGEST_WAIT_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 8.0


def connecting(host: Host, action: Callable[[], _Result]) -> _Result:
    """Return what `action` returns; retry for up to a minute while the server has no free connection."""
    return _again(host, action, CONNECTING, attempts=1000, pause_seconds=0.5)


def locking(host: Host, action: Callable[[], _Result]) -> _Result:
    """Return what `action` returns; try up to five times while other transactions hold the rows."""
    return _again(host, action, LOCKING, attempts=5, pause_seconds=0.1)


def _again(
    host: Host, action: Callable[[], _Result], codes: frozenset[str], *, attempts: int, pause_seconds: float
) -> _Result:
    until = host.monotonic() + _LONGEST_WAIT_SECONDS
    while True:
        try:
            return action()
        except DatabaseFault as fault:
            attempts -= 1
            if fault.code not in codes or attempts < 1 or host.monotonic() >= until:
                raise
        host.sleep(min(pause_seconds, _LONGEST_PAUSE_SECONDS) * host.jitter())
        pause_seconds *= 2
