"""Results as plain data."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.outcome import CheckResult
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Measure


@pytest.mark.parametrize(("status", "shown"), [("pass", False), ("skip", False), ("warn", True), ("fail", True)])
def test_h4_a_hint_is_shown_where_a_check_does_not_pass(status: str, shown: bool) -> None:
    result = CheckResult("name", status, "message", 0.12345, "hint").as_dict()
    assert ("hint" in result) == shown
    assert (result["name"], result["status"], result["message"], result["duration_seconds"]) == (
        "name",
        status,
        "message",
        0.123,
    )


def test_a_figure_is_shown_without_what_is_not_known_of_it() -> None:
    result = CheckResult("name", "pass", "message", 0, measure=Measure("name", 7, "s", critical="9")).as_dict()
    assert result["measured"] == {"value": 7, "unit": "s", "critical": "9"}
