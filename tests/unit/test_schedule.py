"""One grammar of schedules for the role, the config file and the command (G03)."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import schedule

GOOD = (
    "* * * * *",
    "0 */6 * * *",
    "59 23 31 12 7",
    "00,30 1-5/2,7 01 jan-Mar,dec Mon-fri",
    "*/5 8-18 * * 1-5",
    "*/007 007 * * 5-5",
    "0 2 * * sun-sat",
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
    "@reboot",
)
BAD = (
    "",
    "   ",
    "99 99 * * *",
    "a b c d e",
    "@every",
    "@every 5m",
    "@",
    "2 * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * 32 * *",
    "* * * 13 *",
    "* * * 0 *",
    "* * * * 8",
    "*/0 * * * *",
    "*/000 * * * *",
    "*/ * * * *",
    "*/5/5 * * * *",
    "*-5 * * * *",
    "5/10 * * * *",
    "1- * * * *",
    "-1 * * * *",
    "1-2-3 * * * *",
    "1,,2 * * * *",
    "* * * mon *",
    "* * * * *; reboot",
    "30-10 2 * * *",
    "0 2 * * fri-mon",
    "0 2 * dec-jan *",
    "0 2 * * sat-7,fri-0",
    "@Daily",
    "@DAILY",
    "0 2 * * monday",
    "٣ * * * *",
    "²  * * * *",
    "0\0 * * * *",
    "0 " * 5000 + "* * *",
)


@pytest.mark.parametrize("text", GOOD)
def test_a_schedule_that_cron_understands_is_given_back_as_it_is(text: str) -> None:
    parsed = schedule.parse(text)
    assert parsed is not None
    assert parsed.to_cron() == text
    assert schedule.at_the_start_of(f"  {text}  root /opt/job.sh --every 5m") == parsed


@pytest.mark.parametrize("text", [" 0 2 * * * ", "0\t2  * * *", "0 2 * * *\n"])
def test_blanks_around_and_between_fields_do_not_count(text: str) -> None:
    parsed = schedule.parse(text)
    assert parsed is not None
    assert parsed.to_cron() == "0 2 * * *"


def test_a_blank_after_a_word_does_not_count() -> None:
    assert schedule.parse("@daily ") == schedule.Schedule("daily", ())


@pytest.mark.parametrize("text", BAD)
def test_a_schedule_that_cron_would_not_understand_is_none(text: str) -> None:
    assert schedule.parse(text) is None


@pytest.mark.parametrize("line", ["", "MAILTO=root", "@every 5m x", "# 0 2 * * * x", "0 2 * * root /opt/job.sh"])
def test_a_line_without_a_schedule_has_none(line: str) -> None:
    assert schedule.at_the_start_of(line) is None
