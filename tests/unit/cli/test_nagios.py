"""The one line for Nagios, and its exit status."""

from __future__ import annotations

import re

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import nagios
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption, LockHeld
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import (
    Finding,
    Report,
    report_of,
    report_of_fault,
)

FORM = re.compile(r"(OK|WARNING|CRITICAL|UNKNOWN) [^|\n]+ \|( '[^']+'=[0-9.]+(s|%|B)?(;[0-9:]*){0,4})+\n")


def report(*findings: Finding, exit_status: int = 0, **check: object) -> Report:
    return Report("health", "healthy", findings, {"checks": [{"name": "disk_logs", **check}]}, exit_status=exit_status)


def test_a_healthy_site_is_ok_with_its_figures() -> None:
    measured = {"amount": 83.5, "unit": "%", "warning": "20:", "critical": "10:"}
    line = nagios.render(report(measured=measured))
    assert line == "OK healthy | 'time'=0.000s 'disk_logs'=83.5%;20:;10:;0;100\n"
    assert nagios.exit_status(report()) == 0


@pytest.mark.parametrize(
    ("severity", "word", "status"), [("warning", "WARNING", 1), ("critical", "CRITICAL", 2), ("unknown", "UNKNOWN", 3)]
)
def test_h5_the_worst_finding_gives_word_and_status(severity: str, word: str, status: int) -> None:
    found = report(Finding(severity, "mysql", "mysql", "mysql: no answer"), exit_status=1)
    assert nagios.render(found).startswith(f"{word} mysql: no answer |")
    assert nagios.exit_status(found) == status


@pytest.mark.parametrize("amount", [0, 1234567, 0.5])
@pytest.mark.parametrize("unit", ["", "s", "%"])
@pytest.mark.parametrize("thresholds", [{}, {"warning": "5", "critical": "10"}, {"critical": "9"}])
def test_every_line_has_the_plugin_s_form(amount: float, unit: str, thresholds: dict[str, str]) -> None:
    line = nagios.render(report(measured={"amount": amount, "unit": unit, **thresholds}))
    assert FORM.fullmatch(line), line


def test_ft16_foreign_text_cannot_break_the_line_or_begin_figures() -> None:
    line = nagios.render(
        report(Finding("critical", "a", "disk_logs", "x\n| 'evil'=1 \x1b[31m" + "y" * 9000), exit_status=1)
    )
    assert FORM.fullmatch(line), line
    assert len(line) < 1200


@pytest.mark.parametrize(
    ("ended", "status"),
    [(report_of("health", BadOption("--x is no option")), 3), (report_of_fault("health", ValueError("x")), 3)],
)
def test_bad_arguments_and_internal_faults_are_unknown(ended: Report, status: int) -> None:
    assert nagios.exit_status(ended) == status
    assert nagios.render(ended).startswith("UNKNOWN ")


def test_a_run_that_was_not_refused_is_never_unknown_for_being_busy() -> None:
    assert nagios.exit_status(report_of("health", LockHeld("busy"))) == 2
