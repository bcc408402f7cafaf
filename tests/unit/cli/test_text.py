"""Text for people: the verdict first, then what to look at, then figures; nothing foreign moves the cursor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import text
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Finding, Report

FINDING = Finding("critical", "auth", subject="mysql", message="access denied", hint="check the password")
CHECKS = [
    {"name": "mysql", "status": "fail", "message": "refused", "hint": "start it", "duration_seconds": 0.25},
    {"name": "disk", "status": "pass", "message": "80 % free", "hint": "never shown", "duration_seconds": 0.0},
]


def test_the_verdict_is_the_first_line_and_findings_follow_with_what_to_do() -> None:
    report = Report("backup", "it did not work", (FINDING,), {"size_bytes": 1})
    assert text.render(report) == (
        "CRITICAL  backup: it did not work\n  critical: access denied [auth]\n    -> check the password\n"
    )


def test_figures_are_shown_where_every_figure_was_asked_for() -> None:
    facts = {
        "deleted": 90000,
        "size_bytes": 2048,
        "dry_run": True,
        "reason": None,
        "tables": ["a", "b"],
        "more": {"x": 1},
    }
    lines = text.render(Report("job", "done", facts=facts, duration_seconds=1.234), verbose=True).splitlines()
    assert lines == [
        "OK  job: done",
        "  deleted     90,000",
        "  size_bytes  2.0 KiB",
        "  dry_run     yes",
        "  reason      -",
        "  tables      a, b",
        "  more        x 1",
        "  took 1.23 s",
    ]


def test_checks_stand_in_columns_each_with_its_hint_where_it_does_not_pass() -> None:
    shown = text.render(Report("health", "1 of 2 checks fail", facts={"checks": CHECKS}), verbose=True)
    assert shown.splitlines()[1:4] == [
        "  FAIL  mysql  refused (0.25 s)",
        "               -> start it",
        "  ok    disk   80 % free (0.00 s)",
    ]


def test_a_table_is_always_shown() -> None:
    rows = [{"option": "days", "value": 3}, {"option": "batch_rows", "value": 1000}]
    assert text.render(Report("check_config", "valid", facts={"settings": rows})).splitlines() == [
        "OK  check_config: valid",
        "",
        "  settings",
        "  option      value",
        "  days        3",
        "  batch_rows  1,000",
    ]


def test_colour_is_used_only_where_asked_for() -> None:
    report = Report("job", "done", (FINDING,), {"checks": CHECKS})
    assert "\033[" not in text.render(report)
    assert text.render(report, colour=True).startswith("\033[31mCRITICAL\033[0m")


@given(st.text())
def test_ft16_foreign_text_moves_neither_line_nor_cursor(foreign: str) -> None:
    finding = Finding("warning", "code", subject=foreign, message=foreign, hint=foreign)
    checks = [{"name": "x", "status": "warn", "message": foreign, "hint": foreign, "duration_seconds": 0.0}]
    for report in (
        Report("job", foreign, (finding,), {"a": foreign, "b": [foreign], "c": {"d": foreign}, "e": [{"f": foreign}]}),
        Report("job", foreign, (finding,), {"checks": checks}),
    ):
        lines = text.render(report, verbose=True)[:-1].split("\n")
        assert all(line.isprintable() for line in lines)


def test_why_retention_keeps_an_archive_is_shown_where_every_figure_was_asked_for() -> None:
    report = Report("archives", "good archives: 1", facts={"archives": [{"name": "a", "retention": "stays: newest"}]})
    assert "stays: newest" not in text.render(report) and "stays: newest" in text.render(report, verbose=True)


def test_g01_a_dry_run_names_what_would_be_deleted_without_being_asked_for_every_figure() -> None:
    facts = {"dry_run": True, "would_delete": ["a.tar", "b.tar"]}
    assert text.render(Report("prune", "archives to delete: 2", facts=facts)).splitlines() == [
        "OK  prune: archives to delete: 2",
        "  would_delete  a.tar, b.tar",
    ]


def test_whole_numbers_of_settings_are_shown_without_a_fraction() -> None:
    rows = [{"option": "expected_seconds", "value": 1300.0}, {"option": "pause_seconds", "value": 0.02}]
    shown = text.render(Report("check_config", "valid", facts={"settings": rows}))
    assert "1,300\n" in shown and "0.02" in shown
