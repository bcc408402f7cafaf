"""Calls that are given up after a while."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import timeouts
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError


def test_an_answer_in_time_is_returned_and_trouble_is_raised() -> None:
    assert timeouts.call_with_timeout(5, "it", lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        timeouts.call_with_timeout(5, "it", lambda: 1 // 0)


def test_a_call_that_hangs_is_given_up_and_its_late_answer_discarded() -> None:
    go, discarded = threading.Event(), threading.Event()
    began = time.monotonic()
    with pytest.raises(timeouts.GaveUp):
        timeouts.call_with_timeout(0.1, "it", lambda: go.wait(10), lambda _late: discarded.set())
    assert time.monotonic() - began < 5
    go.set()
    assert discarded.wait(5)


def test_an_answer_can_be_asked_for_by_many() -> None:
    call = timeouts.BackgroundCall("it", object)
    assert call.result() is call.result(1)


def test_g1k_a_thread_that_cannot_be_started_is_expected_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(MaintenanceError, match="no further process or thread can be started .*RLIMIT_NPROC") as caught:
        timeouts.call_with_timeout(5, "it", lambda: 3)
    assert (caught.value.code, bool(caught.value.hint)) == ("resources", True)
