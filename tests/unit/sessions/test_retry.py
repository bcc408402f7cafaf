"""Trying again: only for what gets better by itself, and never for long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import DatabaseFault
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sessions import retry
from tests.unit.fakes import NOON, FakeHost


def faulty(code: str, times: int) -> Callable[[], str]:
    """Return an action that meets the fault so many times, and then works."""
    left = [times]

    def action() -> str:
        if left[0]:
            left[0] -= 1
            raise DatabaseFault(code, "as scripted")
        return "done"

    return action


def test_what_works_at_once_waits_for_nothing() -> None:
    host = FakeHost()
    assert retry.connecting(host, lambda: "done") == "done"
    assert host.sleeps == []


def test_fd27_a_server_out_of_connections_is_tried_again_with_growing_pauses() -> None:
    host = FakeHost()
    assert retry.connecting(host, faulty("too_many_connections", 7)) == "done"
    assert host.sleeps == [0.5, 1, 2, 4, 8, 8, 8]


def test_fd27_after_a_minute_it_is_given_up() -> None:
    host = FakeHost()
    with pytest.raises(DatabaseFault):
        retry.connecting(host, faulty("too_many_connections", 10**6))
    assert 60 <= (host.moment - NOON).total_seconds() <= 70


@pytest.mark.parametrize("code", ["auth", "db_unreachable", "timeout", "no_database", "deadlock"])
def test_fd24_nothing_else_is_tried_twice_while_connecting(code: str) -> None:
    host = FakeHost()
    with pytest.raises(DatabaseFault):
        retry.connecting(host, faulty(code, 1))
    assert host.sleeps == []


@pytest.mark.parametrize("code", ["deadlock", "lock_timeout"])
def test_fd36_rows_that_others_hold_are_tried_five_times(code: str) -> None:
    host = FakeHost()
    assert retry.locking(host, faulty(code, 4)) == "done"
    assert host.sleeps == [0.1, 0.2, 0.4, 0.8]
    with pytest.raises(DatabaseFault):
        retry.locking(FakeHost(), faulty(code, 5))


def test_two_runs_that_try_again_do_not_stay_in_step() -> None:
    class Other(FakeHost):
        """A host that was dealt another number."""

        def jitter(self) -> float:
            return 1.5

    host = Other()
    retry.locking(host, faulty("deadlock", 1))
    assert host.sleeps == [pytest.approx(0.15)]
