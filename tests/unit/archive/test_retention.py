from __future__ import annotations

from datetime import datetime, timedelta, timezone
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import retention
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.inventory import Entry
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import (
    Component,
    Manifest,
    Member,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.names import ArchiveName

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=timezone.utc)
RULE = retention.RetentionPolicy(retention_days=30, retention_count=30, keep_minimum=3)
KINDS = ("good", "unverified", "partial", "broken", "foreign", "other_host", "copy")


def entry(moment: datetime, kind: str = "good") -> Entry:
    manifest = None if kind in ("broken", "foreign") else Manifest(moment, "h", ())
    return Entry(ArchiveName(moment, kind == "partial").text, kind, None, manifest)


def nights(number: int, until: datetime = NOW) -> list[Entry]:
    return [entry(until - timedelta(days=days)) for days in range(number)]


def deleted(entries: list[Entry], rule: retention.RetentionPolicy = RULE, now: datetime = NOW) -> set[str]:
    return {gone.name for gone in retention.decide(entries, rule, now).delete if gone.kind == "good"}


def test_archives_older_than_the_days_go() -> None:
    # The one of exactly thirty days ago stays.
    found = nights(34)
    assert deleted(found, retention.RetentionPolicy(30, 100, 3)) == {old.name for old in found[31:]}


def test_archives_over_the_maximum_go_the_oldest_first() -> None:
    rule = retention.RetentionPolicy(365, 30, 3)
    found = nights(32)
    assert deleted(found, rule) == {old.name for old in found[30:]}


def test_b3_thirty_runs_in_an_afternoon_do_not_evict_thirty_nights() -> None:
    found = nights(30, NOW - timedelta(days=1))
    afternoon = [entry(NOW + timedelta(minutes=minutes)) for minutes in range(30)]
    rule = retention.RetentionPolicy(365, 30, 3)
    gone = deleted(found + afternoon, rule, NOW + timedelta(hours=1))
    assert not gone & {night.name for night in found[:-3]}
    assert {night.name for night in afternoon[-3:]}.isdisjoint(gone)
    assert len(gone) == 30


def holding(days: int, **rows: int) -> Entry:
    """Return the archive of a night some days ago, with tables of one database."""
    moment = NOW - timedelta(days=days)
    member = Member("m", "zstd", 1, "0" * 64, 1)
    manifest = Manifest(moment, "h", (Component("mysql.iact", "mysql", "iact", member, rows=rows),))
    return Entry(ArchiveName(moment).text, "good", None, manifest)


def test_g55_the_last_copy_of_rows_that_were_dropped_or_emptied_is_kept_and_named() -> None:
    full = [holding(days, calls=1000, metrics=7) for days in range(40, 60)]
    for lost in ({"calls": 0, "metrics": 7}, {"metrics": 7}, {}):
        found = [holding(days, **lost) for days in range(40)] + full
        decision = retention.decide(found, retention.RetentionPolicy(30, 30, 3), NOW)
        gone = {each.name for each in decision.delete}
        assert full[0].name not in gone and {each.name for each in full[1:]} <= gone
        assert [finding.code for finding in decision.findings if finding.code == "last_copy"] == ["last_copy"]
        assert full[0].name in decision.findings[-1].message or full[0].name in decision.findings[0].message


def test_g55_where_a_table_goes_every_night_only_the_largest_last_copies_are_kept() -> None:
    found = [holding(days, **{f"p{number}": 100 for number in range(days, days + 5)}) for days in range(60)]
    found[50] = holding(50, calls=10**6)
    kept = {each.name for each in found}
    for _night in range(4):
        kept -= deleted([each for each in found if each.name in kept])
    assert found[50].name in kept and len(kept) <= 30 + 3


def test_the_last_copies_count_as_archives_while_they_are_young() -> None:
    found = [holding(days, calls=1000 * (days > 2)) for days in range(32)]
    assert deleted(found, retention.RetentionPolicy(365, 30, 3)) == {each.name for each in found[30:]}


def test_the_newest_good_ones_stay_whatever_their_age() -> None:
    assert deleted(nights(3, NOW - timedelta(days=400))) == set()


def test_x14_partial_and_broken_archives_never_push_out_a_good_one() -> None:
    good = nights(2, NOW - timedelta(days=20))
    others = [entry(NOW - timedelta(hours=hours), kind) for hours in range(60) for kind in ("partial", "broken")]
    assert deleted(good + others, retention.RetentionPolicy(30, 30, 1)) == set()


def test_fh25_a_clock_that_jumped_deletes_nothing_and_says_so() -> None:
    decision = retention.decide(nights(30), RULE, NOW.replace(year=2036))
    assert decision.delete == ()
    assert [finding.code for finding in decision.findings] == ["retention_refused"]
    (finding,) = decision.findings
    assert finding.severity == "warning"
    assert "retention_days" not in finding.hint


def test_a_maximum_that_was_lowered_is_reached_by_halves_and_said() -> None:
    found, counts = nights(10), []
    rule = retention.RetentionPolicy(365, 4, 3)
    while len(found) > 4:
        decision = retention.decide(found, rule, NOW)
        (finding,) = decision.findings or (None,)
        assert (finding is None) == (len(found) - len(decision.delete) == 4)
        if finding:
            assert (finding.code, finding.severity) == ("retention_in_steps", "info")
            assert "retention_count" not in finding.hint
        found = found[: -len(decision.delete)]
        counts.append(len(found))
    assert counts == [5, 4]


def test_a_maximum_that_was_lowered_to_a_third_is_kept_after_170_nights() -> None:
    found = nights(30)
    for number in range(170):
        now = NOW + timedelta(days=number + 1)
        found, _codes = next_night(found, retention.RetentionPolicy(30, 10, 3), now)
    assert len(found) == 10


def next_night(found: list[Entry], rule: retention.RetentionPolicy, now: datetime) -> tuple[list[Entry], list[str]]:
    """Return what is left after one more run, and the codes of its findings."""
    new = entry(now)
    before = [one for one in found if one.name != new.name]
    everything = [*before, new]
    decision = retention.decide(before, rule, now, retention.coming(now, "h", None))
    gone = {one.name for one in decision.delete}
    assert new.name not in gone
    assert 2 * len(gone) <= len(everything)
    left = [one for one in everything if one.name not in gone]
    assert len(left) >= min(rule.keep_minimum, len(everything))
    return left, [finding.code for finding in decision.findings]


def test_fh25_the_maximum_still_goes_on_where_half_of_the_rest_is_too_old() -> None:
    # Five of twelve may go by their age and one more by number, though six are over the maximum.
    found = nights(12)
    decision = retention.decide(found, retention.RetentionPolicy(6, 1, 1), NOW)
    assert {gone.name for gone in decision.delete} == {old.name for old in found[6:]}
    assert [finding.code for finding in decision.findings] == ["retention_in_steps"]


def test_fh25_the_maximum_still_holds_where_the_rule_of_age_is_refused() -> None:
    found = nights(32)
    assert deleted(found, RULE, NOW.replace(year=2036)) == {old.name for old in found[30:]}


def test_the_archive_just_written_stays_also_under_a_clock_that_went_back() -> None:
    moment = datetime(1990, 1, 1, tzinfo=timezone.utc)
    decision = retention.decide(nights(30), RULE, moment, retention.coming(moment, "h", None))
    assert decision.delete == () and len(decision.verdicts) == 30


def test_b4_the_newest_three_partial_archives_stay() -> None:
    found = [entry(NOW - timedelta(days=days), "partial") for days in range(5)] + nights(5)
    assert [gone.name for gone in retention.decide(found, RULE, NOW).delete] == [found[4].name, found[3].name]


def test_b4_the_partial_archive_just_written_stays_also_where_others_are_dated_later() -> None:
    found = [entry(NOW + timedelta(seconds=seconds), "partial") for seconds in range(5)]
    new = retention.coming(NOW, "h", None)._replace(kind="partial")
    decision = retention.decide(found[1:], RULE, NOW + timedelta(seconds=9), new, failed=True)
    assert [gone.name for gone in decision.delete] == [found[1].name]


def test_fh25_one_run_ahead_of_the_clock_costs_no_archive_its_place() -> None:
    ahead = [entry(NOW + timedelta(days=365 * years)) for years in range(1, 6)]
    for found, rule in ((nights(30), RULE), (nights(6), retention.RetentionPolicy(1, 30, 3)), (nights(12), RULE)):
        assert deleted(found + ahead, rule) == deleted(found, rule)
    partial = [entry(NOW - timedelta(days=days), "partial") for days in range(3)]
    assert retention.decide([*partial, entry(NOW + timedelta(days=9), "partial")], RULE, NOW).delete == ()


def test_fh25_a_clock_that_went_back_deletes_nothing_of_what_it_puts_ahead() -> None:
    for number in (31, 60, 300):
        assert deleted(nights(number), RULE, NOW.replace(year=2010)) == set()


moments = st.integers(min_value=0, max_value=4_000_000).map(lambda minutes: NOW - timedelta(minutes=minutes))
histories = st.lists(st.tuples(moments, st.sampled_from(KINDS)), max_size=80, unique_by=lambda pair: pair[0])
rules = st.integers(1, 10).flatmap(
    lambda minimum: st.builds(
        retention.RetentionPolicy, st.integers(1, 400), st.integers(minimum, 60), st.just(minimum)
    )
)
clocks = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=timezone.utc)
)


@settings(max_examples=500, deadline=None)
@given(history=histories, rule=rules, now=clocks)
def test_retention_never_removes_the_last_good_archives_whatever_the_clock_says(
    history: list[tuple[datetime, str]], rule: retention.RetentionPolicy, now: datetime
) -> None:
    check_what_stays([entry(moment, kind) for moment, kind in history], rule, now)


def test_retention_keeps_the_last_good_archives_in_ten_thousand_histories() -> None:
    random = Random(5)
    for _unused in range(10_000):
        minutes = random.sample(range(4_000_000), random.randrange(40))
        entries = [entry(NOW - timedelta(minutes=ago), random.choice(KINDS)) for ago in minutes]
        minimum = random.randint(1, 10)
        rule = retention.RetentionPolicy(random.randint(1, 400), random.randint(minimum, 60), minimum)
        check_what_stays(entries, rule, NOW + timedelta(days=random.randint(-20_000, 20_000)))


def check_what_stays(entries: list[Entry], rule: retention.RetentionPolicy, now: datetime) -> None:
    decision = retention.decide(entries, rule, now)
    good = sorted((one for one in entries if one.kind == "good"), key=lambda one: one.name, reverse=True)
    assert [verdict.entry for verdict in decision.verdicts] == entries and all(
        each.reason for each in decision.verdicts
    )
    gone = {one.name for one in decision.delete if one.kind == "good"}
    assert {one.kind for one in decision.delete} <= {"good", "partial"}
    assert gone.isdisjoint({one.name for one in good[: rule.keep_minimum]})
    assert 2 * len(gone) <= len(good)
    assert list(decision.delete) == sorted(decision.delete, key=lambda one: one.name)


@settings(max_examples=100, deadline=None)
@given(number=st.integers(0, 300), rule=rules, start=clocks)
def test_a_lowered_maximum_is_reached_within_ten_nights_whatever_the_clock_says(
    number: int, rule: retention.RetentionPolicy, start: datetime
) -> None:
    found = nights(number)
    for night in range(10):
        found, _codes = next_night(found, rule, start + timedelta(days=night))
    # What lies ahead stays. Two, because half of three is one; one more where each night one is no longer ahead.
    believed = [one for one in found if not one.is_ahead(start + timedelta(days=9))]
    assert len(believed) <= max(rule.retention_count, rule.keep_minimum + 1, 3)
