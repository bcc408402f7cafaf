"""When the health check at the end of the role fails the play."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import json
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import (
    Report,
    report_of,
)
from tests.unit.role import ROLE, evaluated

UNHEALTHY = Report("health", "1 of 9 checks failed", exit_status=1, error_code="unhealthy")
NOT_CONFIGURED = report_of("health", Refused("not_configured", "neither a Django project nor a database is configured"))
REFUSED = report_of("health", Refused("not_permitted", "may not be read by this user"))


def unexpected() -> Report:
    """Return what the command says of a fault that nobody foresaw."""
    try:
        raise ValueError('"outcome": "failed with error unhealthy"')
    except ValueError as fault:
        return report_of("health", fault)


def fails(report: Report, *, strict: bool = False) -> bool:
    """Return whether the play fails where the command ends with this report."""
    task = yaml.safe_load((ROLE / "tasks" / "proof.yml").read_text(encoding="utf-8"))[0]
    proof = {"rc": report.exit_status, "stdout": json.render(report)}
    given = {"__iact_maintenance_proof": proof, "iact_maintenance_strict": strict}
    return bool(evaluated(task["failed_when"], **given))


@pytest.mark.parametrize("report", [UNHEALTHY, NOT_CONFIGURED])
def test_findings_fail_only_a_strict_play(report: Report) -> None:
    assert not fails(report)
    assert fails(report, strict=True)


@pytest.mark.parametrize("report", [unexpected(), REFUSED])
def test_a_check_that_could_not_run_fails_every_play(report: Report) -> None:
    assert fails(report)


def test_a_healthy_host_passes_a_strict_play() -> None:
    assert not fails(Report("health", "9 checks passed"), strict=True)
