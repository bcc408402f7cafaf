"""Checks side by side, each with its deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import Context
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.outcome import Outcome
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.running import (
    Check,
    run_checks,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError

Make = Callable[..., Context]


def check(name: str, function: Callable[[Context], list[Outcome]], share: float = 1.0) -> Check:
    return Check(name, function, lambda settings: True, share)


def passes(context: Context) -> list[Outcome]:
    return [Outcome("pass", "fine")]


def hangs(context: Context) -> list[Outcome]:
    threading.Event().wait()
    return []


def test_results_keep_the_order_of_the_checks_and_name_their_parts(make_context: Make) -> None:
    def slow(context: Context) -> list[Outcome]:
        time.sleep(0.1)
        return [Outcome("pass", "a", part="a"), Outcome("warn", "b", "do", "b")]

    results = run_checks([check("first", slow), check("second", passes)], make_context())
    assert [result.name for result in results] == ["first_a", "first_b", "second"]
    assert results[0].duration_seconds >= 0.1


def test_checks_that_hang_are_given_up_together_at_the_deadline(make_context: Make) -> None:
    began = time.monotonic()
    checks = [check("one", hangs), check("two", hangs), check("three", passes), check("four", hangs, 0.5)]
    results = run_checks(checks, make_context(limit_seconds=0.4))
    assert time.monotonic() - began < 0.8
    assert [result.status for result in results] == ["fail", "fail", "pass", "fail"]
    assert "0.4 s" in results[0].message
    assert results[3].duration_seconds == 0.2


def test_expected_trouble_fails_with_its_hint(make_context: Make) -> None:
    def troubled(context: Context) -> list[Outcome]:
        raise MaintenanceError("x", "what happened", hint="what to do")

    (result,) = run_checks([check("one", troubled)], make_context())
    assert (result.status, result.message, result.hint) == ("fail", "what happened", "what to do")
    assert result.as_dict()["code"] == "x"


def test_fs05_a_fault_of_our_own_names_its_place_and_no_foreign_text(make_context: Make) -> None:
    def broken(context: Context) -> list[Outcome]:
        raise ValueError("secret")

    (result,) = run_checks([check("one", broken)], make_context())
    assert result.status == "fail"
    assert "ValueError at test_running.py:" in result.message
    assert "secret" not in result.message
