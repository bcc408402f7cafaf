"""A cutoff in the site's own way of storing times: never later than what every reading of a stored time allows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.facts import (
    Convention,
    stored_time,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption

ZONES = ["UTC", "Asia/Tokyo", "America/Mexico_City", "Europe/Madrid", "Australia/Lord_Howe", "Asia/Kathmandu"]


def test_with_use_tz_times_are_utc_whatever_the_site_s_zone() -> None:
    moment = datetime(2026, 7, 1, 14, 0, tzinfo=timezone(timedelta(hours=9)))
    assert stored_time(moment, Convention(True, "America/Lima")) == datetime(2026, 7, 1, 5, 0)
    assert stored_time(moment, Convention(True, "No/Such_Zone")) == datetime(2026, 7, 1, 5, 0)


@pytest.mark.parametrize(
    ("zone", "stored"),
    [
        ("UTC", datetime(2026, 7, 1, 5, 0)),
        ("Asia/Tokyo", datetime(2026, 7, 1, 14, 0)),
        ("Europe/Madrid", datetime(2026, 7, 1, 7, 0)),
        ("America/Mexico_City", datetime(2026, 6, 30, 23, 0)),
    ],
)
def test_fd41_without_use_tz_times_are_local(zone: str, stored: datetime) -> None:
    assert stored_time(datetime(2026, 7, 1, 5, 0, tzinfo=timezone.utc), Convention(False, zone)) == stored


def test_fd41_in_the_hour_that_comes_twice_nothing_of_that_hour_has_passed_for_sure() -> None:
    # Madrid, 2026-10-25: at 01:00 UTC the clocks go from 03:00 back to 02:00.
    madrid = Convention(False, "Europe/Madrid")
    first_pass = datetime(2026, 10, 25, 0, 30, tzinfo=timezone.utc)
    assert stored_time(first_pass - timedelta(hours=1), madrid) == datetime(2026, 10, 25, 1, 30)
    assert stored_time(first_pass, madrid) <= datetime(2026, 10, 25, 2, 0)
    assert stored_time(first_pass + timedelta(hours=1), madrid) == datetime(2026, 10, 25, 2, 30)
    assert stored_time(first_pass + timedelta(hours=2), madrid) == datetime(2026, 10, 25, 3, 30)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(timezone.utc)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=40)),
    st.sampled_from(ZONES),
    st.booleans(),
)
def test_fd41_no_session_that_still_lives_is_older_than_the_cutoff(
    now: datetime, life: timedelta, zone: str, use_tz: bool
) -> None:
    """Its expiry is written as the site writes it; in the hour that comes twice this may be either pass."""
    expiry = now + life
    stored = expiry.astimezone(timezone.utc if use_tz else ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    assert not stored < stored_time(now, Convention(use_tz, zone))


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(timezone.utc)),
    st.timedeltas(timedelta(hours=2), timedelta(days=40)),
    st.sampled_from(ZONES),
)
def test_a_session_that_expired_two_hours_ago_is_always_older_than_the_cutoff(
    now: datetime, age: timedelta, zone: str
) -> None:
    stored = (now - age).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    assert stored < stored_time(now, Convention(False, zone))


@pytest.mark.parametrize("zone", ["No/Such_Zone", "../../etc/passwd", "/etc/passwd", "America", "x" * 5000, "é", "."])
def test_fi13_a_zone_that_is_none_is_refused_by_name(zone: str) -> None:
    with pytest.raises(BadOption, match="^time_zone is .*: a name from tzdata is allowed$"):
        stored_time(datetime(2026, 7, 1, tzinfo=timezone.utc), Convention(False, zone))
