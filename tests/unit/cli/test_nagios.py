"""The output for Nagios, and its exit status."""

from __future__ import annotations

import re

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import nagios
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption, LockHeld
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import (
    Finding,
    Measure,
    Report,
    report_of,
)

FIRST = re.compile(r"(OK|WARNING|CRITICAL|UNKNOWN) [^|\n]+ \|( '[^']+'=[0-9.]+(s|%|B)?(;[0-9:]*){0,4})+")


def report(*findings: Finding, exit_status: int = 0, measures: tuple[Measure, ...] = ()) -> Report:
    return Report("health", "healthy", findings, exit_status=exit_status, measures=measures)


def of_check(severity: str, name: str, hint: str = "look at it") -> Finding:
    return Finding(severity, "timeout", name, f"{name}: no answer", hint)


def check_form(output: str) -> None:
    """Check that only the first line has performance data, as every Nagios, Icinga and NRPE read it."""
    first, *rest = output.rstrip("\n").split("\n")
    assert FIRST.fullmatch(first), first
    assert not [line for line in rest if "|" in line or not line]


def test_a_healthy_site_is_ok_with_its_figures() -> None:
    line = nagios.render(report(measures=(Measure("disk_logs", 83.5, "%", "20:", "10:"),)))
    assert line == "OK healthy | 'time'=0.0s;;;0 'disk_logs'=83.5%;20:;10:;0;100\n"
    assert nagios.exit_status(report()) == 0


def test_g04_the_first_line_names_all_that_fails_and_the_lines_after_it_say_what_to_do() -> None:
    findings = [of_check("warning", "disk_logs"), of_check("critical", "mysql"), of_check("critical", "sessions", "")]
    assert nagios.render(report(*findings, exit_status=1)).split("\n") == [
        "CRITICAL critical: mysql, sessions; warning: disk_logs | 'time'=0.0s;;;0",
        "critical: mysql: no answer",
        "  -> look at it",
        "critical: sessions: no answer",
        "warning: disk_logs: no answer",
        "  -> look at it",
        "",
    ]


@pytest.mark.parametrize("number", [2, 30, 700])
def test_g04_nothing_that_fails_is_cut_however_much_warns(number: int) -> None:
    warned = [Finding("warning", "x", f"migrations_{place}", "w" * 5000, "h") for place in range(number)]
    failed = [of_check("critical", f"postgresql_{place}") for place in range(number)]
    output = nagios.render(report(*warned, *failed, exit_status=1))
    check_form(output)
    first = output.split("\n", 1)[0]
    assert all(f"{finding.subject}" in re.split("[,; ]+", first) for finding in (*failed, *warned))
    assert all(f"critical: {finding.message}\n" in output for finding in failed)
    assert output.rindex("critical: ") < output.index("\nwarning: ")


@pytest.mark.parametrize(
    ("severity", "word", "status"), [("warning", "WARNING", 1), ("critical", "CRITICAL", 2), ("unknown", "UNKNOWN", 3)]
)
def test_h5_the_worst_finding_gives_word_and_status(severity: str, word: str, status: int) -> None:
    unwell = report(of_check(severity, "mysql"), exit_status=1)
    assert nagios.render(unwell).startswith(f"{word} mysql: no answer |")
    assert nagios.exit_status(unwell) == status


@pytest.mark.parametrize("value", [0, 1234567, 0.5])
@pytest.mark.parametrize("unit", ["", "s", "%", "B"])
@pytest.mark.parametrize("limits", [("", ""), ("5", "10"), ("", "9")])
def test_every_output_has_the_plugin_s_form(value: float, unit: str, limits: tuple[str, str]) -> None:
    check_form(nagios.render(report(measures=(Measure("its", value, unit, *limits),))))


def test_ft16_foreign_text_cannot_break_the_lines_or_begin_figures() -> None:
    foreign = "x\n| 'evil'=1 \x1b[31m" + "y" * 9000
    for findings in ([Finding("critical", "a", foreign, foreign, foreign)], [of_check("critical", foreign)] * 2):
        output = nagios.render(report(*findings, exit_status=1))
        check_form(output)
        assert "\x1b" not in output and max(map(len, output.split("\n"))) < 1200


@pytest.mark.parametrize(
    ("ended", "status"),
    [(report_of("health", BadOption("--x is no option")), 3), (report_of("health", ValueError("x")), 3)],
)
def test_bad_arguments_and_internal_faults_are_unknown(ended: Report, status: int) -> None:
    assert nagios.exit_status(ended) == status
    assert nagios.render(ended).startswith("UNKNOWN ")


def test_a_run_that_was_not_refused_is_never_unknown_for_being_busy() -> None:
    assert nagios.exit_status(report_of("health", LockHeld("busy"))) == 2
