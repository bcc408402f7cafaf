"""The last line of `make test` tells the truth."""

from __future__ import annotations

from tests.tools.results import Result, from_junit, judge, one, skip, summary

REPORT = """<testsuites><testsuite>
<testcase classname="unit.a" name="good"/>
<testcase classname="unit.a" name="bad"><failure message="x">y</failure></testcase>
<testcase classname="unit.a" name="unprepared"><error message="x">y</error></testcase>
<testcase classname="unit.a" name="left"><skipped message="no server"/></testcase>
<testcase classname="unit.b" name="left"><skipped message="no server"/></testcase>
</testsuite></testsuites>"""


def test_a_report_is_counted_with_the_reasons(tmp_path):
    report = tmp_path / "unit.xml"
    report.write_text(REPORT)
    result = from_junit("unit", report, status=1)
    assert (result.passed, result.failed, result.skipped) == (1, 2, 2)
    assert set(result.reasons) == {"unit.a.bad", "unit.a.unprepared", "2 x no server"}


def test_a_run_that_was_cut_short_fails_whatever_its_report_says(tmp_path):
    report = tmp_path / "unit.xml"
    assert from_junit("unit", report, status=124).failed == 1
    report.write_text('<testsuites><testcase classname="a" name="good"/></testsuites>')
    assert from_junit("unit", report, status=2).failed == 1
    assert from_junit("unit", report, status=0).failed == 0


def test_a_stage_without_a_test_fails():
    assert judge(Result("unit"), skips_fail=False).failed == 1


def test_a_skip_is_a_failure_only_where_it_must_not_be():
    skipped = skip("sanity", "no git")
    assert judge(skipped, skips_fail=False).skipped == 1
    judged = judge(skipped, skips_fail=True)
    assert (judged.failed, judged.skipped, judged.reasons) == (1, 0, ("no git",))


def test_the_last_line_is_the_sum_of_all_stages():
    lines = summary([Result("unit", passed=7, failed=1), skip("sanity", "no git"), one("mypy", 0)]).splitlines()
    assert lines[-1] == "8 passed, 1 failed, 1 skipped"
    assert "sanity: no git" in lines
