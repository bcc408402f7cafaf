"""Each kind of trouble ends a run with the exit status that its kind promises."""

from __future__ import annotations

import signal

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors


@pytest.mark.parametrize(
    ("error", "exit_status", "code"),
    [
        (errors.MaintenanceError("x", "m"), 1, "x"),
        (errors.StorageFault("no_space", "m"), 1, "no_space"),
        (errors.ProcessFault("timeout", "m"), 1, "timeout"),
        (errors.DatabaseFault("auth", "m"), 1, "auth"),
        (errors.Refused("not_confirmed", "m"), 2, "not_confirmed"),
        (errors.BadOption("m"), 2, "bad_option"),
        (errors.ToolMissing("zstd"), 2, "tool_missing"),
        (errors.LockHeld("m"), 75, "busy"),
    ],
)
def test_each_kind_has_its_exit_status_and_code(error: errors.MaintenanceError, exit_status: int, code: str) -> None:
    assert (error.exit_status, error.code) == (exit_status, code)
    assert not error.changed
    assert error.facts == {}


def test_a_missing_tool_says_what_to_install() -> None:
    assert errors.ToolMissing("zstd").hint == "install zstd"
    assert errors.ToolMissing("zstd", hint="apt install zstd").hint == "apt install zstd"


@pytest.mark.parametrize(("number", "exit_status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_with_128_and_its_number(number: int, exit_status: int) -> None:
    ended = errors.Interrupted(number)
    assert ended.exit_status == exit_status
    assert str(ended) == f"interrupted by {signal.Signals(number).name}"


def test_a_signal_is_no_expected_trouble_of_a_component() -> None:
    assert not issubclass(errors.Interrupted, Exception)
