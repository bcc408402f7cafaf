"""Moments as a column without a zone stores them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.facts import (
    Convention,
    stored_time,
)

UTC = timezone.utc
ZONES = ["America/Mexico_City", "Europe/Madrid", "Australia/Lord_Howe", "Asia/Kolkata", "America/New_York"]


@pytest.mark.parametrize(
    ("moment", "convention", "expected"),
    [
        (datetime(2026, 7, 1, 12, tzinfo=UTC), Convention(), datetime(2026, 7, 1, 12)),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), Convention(True, "Europe/Madrid"), datetime(2026, 7, 1, 12)),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), Convention(False, "Europe/Madrid"), datetime(2026, 7, 1, 14)),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), Convention(False, "America/Mexico_City"), datetime(2026, 1, 1, 6)),
        # The night of 25 October 2026: 02:00-03:00 happens twice in Madrid, first until 01:00 UTC.
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), Convention(False, "Europe/Madrid"), datetime(2026, 10, 25, 1, 30)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), Convention(False, "Europe/Madrid"), datetime(2026, 10, 25, 2, 30)),
    ],
)
def test_fd41_a_moment_is_stored_as_the_site_does(moment: datetime, convention: Convention, expected: datetime) -> None:
    assert stored_time(moment, convention) == expected


def test_an_unknown_zone_is_refused() -> None:
    for name in ("Atlantis/Capital", "../../etc/passwd", "\0"):
        with pytest.raises(errors.BadOption, match="time_zone"):
            stored_time(datetime(2026, 1, 1, tzinfo=UTC), Convention(False, name))


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(ZONES),
    st.timedeltas(timedelta(hours=-3), timedelta(hours=3)),
)
def test_fd41_no_live_session_is_stored_below_the_cutoff_even_when_clocks_go_back(
    naive: datetime, name: str, life: timedelta
) -> None:
    """Whatever passes for `expire_date < cutoff` had expired, in both passes of the doubled hour."""
    cutoff, zone = naive.replace(tzinfo=UTC), ZoneInfo(name)
    stored = (cutoff + life).astimezone(zone).replace(tzinfo=None)
    if stored < stored_time(cutoff, Convention(False, name)):
        assert life < timedelta()
