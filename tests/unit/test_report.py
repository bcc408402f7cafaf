"""What a run came to, and the words that its log line holds."""

from __future__ import annotations

import re
import signal

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    BadOption,
    DatabaseFault,
    Interrupted,
    LockHeld,
    MaintenanceError,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import (
    STATUSES,
    Finding,
    Measure,
    Report,
    counts,
    report_of,
    stamped,
    worst,
)


def finding(severity: str) -> Finding:
    return Finding(severity, "code", subject="subject", message="message")


@pytest.mark.parametrize(
    ("severities", "status"),
    [
        ([], "ok"),
        (["info"], "ok"),
        (["info", "warning"], "warning"),
        (["critical", "warning", "info"], "critical"),
        (["unknown", "warning"], "unknown"),
        (["unknown", "critical"], "critical"),
    ],
)
def test_the_status_is_the_worst_finding_s(severities: list[str], status: str) -> None:
    assert Report("job", "", tuple(map(finding, severities))).status == status


def test_nothing_is_fine() -> None:
    assert worst([]) == "ok"
    assert worst(["warning", "unknown"]) == "unknown"


def test_a_good_run_is_done_and_any_other_failed_with_error() -> None:
    assert Report("job", "").outcome == "done"
    assert Report("job", "", (finding("critical"),)).outcome == "done"
    assert Report("job", "", exit_status=1, error_code="no_table").outcome == "failed with error no_table"
    assert Report("job", "", exit_status=75).outcome == "failed with error unknown"


def test_the_plain_form_has_the_order_and_the_words_of_a_log_line() -> None:
    report = Report(
        "job",
        "did it",
        (Finding("warning", "c", "s", "m", "h"),),
        {"deleted": 3},
        True,
        0,
        "",
        None,
        "T",
        "web1",
        1.23456,
        (Measure("deleted", 3, critical="9"),),
    )
    assert list(report.as_dict().items()) == [
        ("time", "T"),
        ("host", "web1"),
        ("job", "job"),
        ("outcome", "done"),
        ("status", "warning"),
        ("changed", True),
        ("summary", "did it"),
        ("duration_seconds", 1.235),
        ("findings", [{"severity": "warning", "code": "c", "subject": "s", "message": "m", "hint": "h"}]),
        ("measures", [{"name": "deleted", "value": 3, "critical": "9"}]),
        ("deleted", 3),
    ]


def test_every_word_for_a_status_stands_in_one_table() -> None:
    """DESIGN's table of words: severity, status, exit status of Nagios, and what `fail_on` takes for bad."""
    assert [(row.severity, row.name, row.nagios, row.fail_on) for row in STATUSES] == [
        ("info", "ok", 0, ()),
        ("warning", "warning", 1, ("warning",)),
        ("unknown", "unknown", 3, ("warning", "critical")),
        ("critical", "critical", 2, ("warning", "critical")),
    ]
    assert [row.checks for row in STATUSES] == [("pass", "skip"), ("warn",), (), ("fail",)]


def test_figures_that_are_not_known_are_no_measures() -> None:
    assert counts(deleted=0, size_bytes=7, returned_bytes=None) == (
        Measure("deleted", 0),
        Measure("size_bytes", 7, "B"),
    )


def test_the_numbers_of_a_run_that_broke_off_are_measures() -> None:
    error = DatabaseFault("lost", "m", facts={"deleted": 3, "dry_run": False, "archive": "a", "deletion_seconds": 0.5})
    assert report_of("job", error).measures == counts(deleted=3, deletion_seconds=0.5)


def test_trouble_that_knows_its_subject_gives_it_to_its_finding() -> None:
    error = DatabaseFault("lost", "m")
    assert report_of("job", error).findings[0].subject == "job"
    error.subject = "mysql.iact"
    assert report_of("job", error).findings[0].subject == "mysql.iact"


def test_a_finding_without_a_hint_has_no_hint_key() -> None:
    assert "hint" not in finding("info").as_dict()


def test_findings_are_added_at_the_end_of_a_copy() -> None:
    report = Report("job", "", (finding("info"),))
    longer = report.with_findings([finding("critical")])
    assert [each.severity for each in longer.findings] == ["info", "critical"]
    assert len(report.findings) == 1


@pytest.mark.parametrize(
    ("error", "exit_status", "code"),
    [
        (MaintenanceError("trouble", "m", hint="h"), 1, "trouble"),
        (DatabaseFault("auth", "m", hint="h"), 1, "auth"),
        (BadOption("m", hint="h"), 2, "bad_option"),
        (LockHeld("m"), 75, "busy"),
    ],
)
def test_expected_trouble_becomes_a_critical_report(error: MaintenanceError, exit_status: int, code: str) -> None:
    report = report_of("job", error)
    assert (report.summary, report.status, report.exit_status) == ("m", "critical", exit_status)
    assert report.outcome == f"failed with error {code}"
    assert report.findings == (Finding("critical", code, "job", "m", error.hint),)
    assert not report.changed


def test_what_was_done_before_the_trouble_is_in_the_report() -> None:
    error = DatabaseFault("db_unreachable", "m", facts={"deleted": 5})
    error.changed = True
    report = report_of("job", error)
    assert report.changed
    assert report.as_dict()["deleted"] == 5


def test_a_fault_of_our_own_is_unknown_and_ends_with_1() -> None:
    with pytest.raises(KeyError) as raised:
        {}["hunter2"]
    report = report_of("job", raised.value)
    assert (report.status, report.exit_status) == ("unknown", 1)
    assert re.fullmatch(r"internal fault: KeyError at test_report\.py:\d+", report.summary)
    assert report.outcome == "failed with error internal_fault"


def test_the_report_of_an_interrupted_run_keeps_what_was_done_and_says_what_to_do() -> None:
    ended = Interrupted(signal.SIGTERM)
    ended.so_far, ended.facts, ended.changed = "10 rows", {"deleted": 10}, True
    report = report_of("job", ended)
    assert (report.exit_status, report.error_code, report.changed) == (143, "interrupted", True)
    assert (report.facts, report.measures) == ({"deleted": 10}, counts(deleted=10))
    assert report.summary == "interrupted by SIGTERM after 10 rows"
    assert report.findings[0].subject == "job" and report.findings[0].hint


def test_a_report_made_before_the_run_gets_its_time_and_host() -> None:
    fresh = stamped(Report("work", ""), "T", "web1")
    assert (fresh.started_at, fresh.host) == ("T", "web1")
    assert stamped(fresh, "T2", "web2") is fresh
