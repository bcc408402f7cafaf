"""The cleanup as a job: a plan that the real run keeps, short batches, live sessions that are never lost."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import sqlite
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    DatabaseFault,
    Interrupted,
    MaintenanceError,
    Refused,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import session_cleanup
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Report
from tests.unit.fakes import NOON, FakeHost
from tests.unit.session_site import Site

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def preview(site: Site, host: FakeHost | None = None, **flags: object) -> Report:
    host = host or FakeHost()
    return session_cleanup.preview(session_cleanup.plan(site.settings(**flags), host), host)


def clean(site: Site, host: FakeHost | None = None, **flags: object) -> Report:
    host = host or FakeHost()
    planned = session_cleanup.plan(site.settings(**flags), host)
    return session_cleanup.apply(planned, host, lambda said: None)


def aged(site: Site, *days: float) -> None:
    for age in days:
        site.add(f"{age:+}", age * DAY)


def test_c1_expired_sessions_go_and_live_ones_stay(site: Site) -> None:
    aged(site, 5, 0.001, -0.001, -5)
    report = clean(site)
    assert site.sessions() == {"-0.001", "-5"}
    assert (report.changed, report.facts["deleted"], report.facts["remaining"]) == (True, 2, 2)
    assert report.summary == "deleted 2 sessions in 0.0 s; 2 remain"


def test_x2_days_reaches_the_delete(site: Site) -> None:
    aged(site, 40, 35, 31, 30.5, 30.1, *[float(day) for day in range(1, 21)])
    promised = preview(site, days=30)
    report = clean(site, days=30)
    assert promised.facts["eligible"] == report.facts["deleted"] == 5
    assert (report.facts["total"], report.facts["expired"], report.facts["remaining"]) == (25, 25, 20)
    assert all(float(key) < 30 for key in site.sessions())


def test_c2_a_session_that_expired_exactly_n_days_ago_stays(site: Site) -> None:
    site.add("exactly", 7 * DAY)
    site.add("longer", 7 * DAY + timedelta(microseconds=1))
    clean(site, days=7)
    assert site.sessions() == {"exactly"}


def test_c3_a_dry_run_announces_what_the_real_run_deletes_and_touches_nothing(site: Site) -> None:
    aged(site, 5, 4, 3, -1)
    before = site.snapshot()
    announced = preview(site, days=3)
    assert site.snapshot() == before
    assert announced.summary == "would delete 2 of 4 sessions"
    assert announced.changed
    assert announced.facts["dry_run"] is True
    assert announced.diff == {"before": "expired sessions: 2\n", "after": "expired sessions: 0\n"}
    report = clean(site, days=3)
    shared = set(announced.facts) & set(report.facts) - {"size_before"}
    assert {name: announced.facts[name] for name in shared} == {name: report.facts[name] for name in shared}
    assert report.facts["deleted"] == announced.facts["eligible"]
    assert report.diff == announced.diff


def test_nothing_to_do_changes_nothing(site: Site) -> None:
    aged(site, -1)
    for report in (preview(site), clean(site)):
        assert not report.changed
        assert report.exit_status == 0
        assert report.facts["eligible"] == 0
    assert site.sessions() == {"-1"}


def test_c5_the_report_states_before_and_after(site: Site) -> None:
    site.fill(3000, 10)
    facts = clean(site).facts
    assert [facts[name] for name in ("total", "expired", "eligible", "deleted", "remaining", "eligible_remaining")] == [
        3010,
        3000,
        3000,
        3000,
        10,
        0,
    ]
    assert facts["total_is_lower_bound"] is facts["expired_is_lower_bound"] is False
    before, after = facts["size_before"], facts["size_after"]
    assert isinstance(before, dict) and isinstance(after, dict)
    assert before["disk_bytes"] == after["disk_bytes"] == site.database.stat().st_size


def test_x6_what_went_back_to_the_disk_is_measured_and_not_guessed(site: Site) -> None:
    site.fill(3000, 0)
    assert clean(site).facts["returned_bytes"] == 0
    assert preview(site).facts.get("returned_bytes") is None
    with site.connect() as connection:
        connection.execute("PRAGMA auto_vacuum = FULL")
        connection.execute("VACUUM")
    site.fill(3000, 0)
    size = site.database.stat().st_size
    assert clean(site).facts["returned_bytes"] == size - site.database.stat().st_size > 100_000


def test_x16_rows_go_in_short_transactions_with_a_rest_after_each(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(25, 3)
    sizes: list[int] = []
    whole = sqlite.SQLiteSessions.delete_expired

    def noted(self: sqlite.SQLiteSessions, table: str, keys: list[str], cutoff: datetime) -> int:
        sizes.append(len(keys))
        return whole(self, table, keys, cutoff)

    monkeypatch.setattr(sqlite.SQLiteSessions, "delete_expired", noted)
    host = FakeHost()
    report = clean(site, host, batch_rows=10, pause_seconds=0.5)
    assert sizes == [10, 10, 5]
    assert host.sleeps == [0.5] * 3
    assert (report.facts["deleted"], site.live_count()) == (25, 3)


def test_x16_another_writer_gets_its_turn_between_two_batches(site: Site) -> None:
    site.fill(30, 0)

    class Application(FakeHost):
        """A host on which the application writes whenever the job rests."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            site.add(f"live{len(self.sleeps)}", -DAY)

    assert clean(site, Application(), batch_rows=10).facts["remaining"] == 3
    assert site.live_count() == 3


def test_fd40_a_session_renewed_between_reading_and_deleting_survives(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(20, 0)
    read = sqlite.SQLiteSessions.expired_keys

    def renewing(self: sqlite.SQLiteSessions, table: str, cutoff: datetime, limit: int) -> list[str]:
        keys = read(self, table, cutoff, limit)
        for key in keys[:1]:
            site.sql("UPDATE django_session SET expire_date = '2100-01-01' WHERE session_key = ?", key)
        return keys

    monkeypatch.setattr(sqlite.SQLiteSessions, "expired_keys", renewing)
    report = clean(site, batch_rows=5)
    assert report.facts["deleted"] == 20 - len(site.sessions())
    assert len(site.sessions()) == 4
    assert all(row[0] == "2100-01-01" for row in site.sql("SELECT expire_date FROM django_session"))


def test_fd40_a_batch_that_was_renewed_as_a_whole_does_not_end_the_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(15, 0)
    read, reads = sqlite.SQLiteSessions.expired_keys, list[int]()

    def renewing_the_first(self: sqlite.SQLiteSessions, table: str, cutoff: datetime, limit: int) -> list[str]:
        keys = read(self, table, cutoff, limit)
        if not reads:
            for key in keys:
                site.sql("UPDATE django_session SET expire_date = '2100-01-01' WHERE session_key = ?", key)
        reads.append(len(keys))
        return keys

    monkeypatch.setattr(sqlite.SQLiteSessions, "expired_keys", renewing_the_first)
    assert clean(site, batch_rows=5).facts["deleted"] == 10
    assert len(site.sessions()) == 5


def test_sessions_that_expire_while_the_job_runs_are_the_next_run_s(site: Site) -> None:
    site.fill(10, 0)
    site.add("soon", -timedelta(seconds=30))
    host = FakeHost()
    report = clean(site, host, batch_rows=1, pause_seconds=10)
    assert host.moment > NOON + timedelta(seconds=30)
    assert report.facts["deleted"] == 10
    assert site.sessions() == {"soon"}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Mexico_City"])
@pytest.mark.parametrize("use_tz", [True, False])
def test_fd41_a_session_that_lives_another_hour_survives_in_every_zone(site: Site, zone: str, use_tz: bool) -> None:
    stored_in = timezone.utc if use_tz else ZoneInfo(zone)
    for key, moment in (("live", NOON + HOUR), ("expired", NOON - HOUR)):
        site.add_stored(key, moment.astimezone(stored_in).replace(tzinfo=None))
    report = clean(site, use_tz=use_tz, time_zone=zone)
    assert report.facts["deleted"] == 1
    assert site.sessions() == {"live"}


@pytest.mark.parametrize("minutes", range(-150, 151, 30))
def test_fd41_no_session_is_lost_in_the_night_when_clocks_go_back(site: Site, minutes: int) -> None:
    change = datetime(2026, 10, 25, 1, 0, tzinfo=timezone.utc)
    now = change + timedelta(minutes=minutes)
    site.add_stored("live", (now + timedelta(minutes=59)).astimezone(ZoneInfo("Europe/Madrid")).replace(tzinfo=None))
    site.add_stored("expired", (now - 3 * HOUR).astimezone(ZoneInfo("Europe/Madrid")).replace(tzinfo=None))
    clean(site, FakeHost(moment=now), use_tz=False, time_zone="Europe/Madrid")
    assert site.sessions() == {"live"}


def test_fi13_a_time_zone_that_is_none_is_refused_before_any_delete(site: Site) -> None:
    aged(site, 5)
    with pytest.raises(Refused, match="time_zone is 'Mars/Base'"):
        clean(site, use_tz=False, time_zone="Mars/Base")
    assert len(site.sessions()) == 1


@given(
    ages=st.lists(st.floats(-40, 40), max_size=60, unique=True),
    days=st.integers(0, 40),
    batch_rows=st.integers(1, 20),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_c1_whatever_the_ages_exactly_the_eligible_ones_go(
    tmp_path_factory: pytest.TempPathFactory, ages: list[float], days: int, batch_rows: int
) -> None:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.connect() as connection:
        connection.executemany(
            "INSERT INTO django_session VALUES (?, '', ?)",
            [(repr(age), str((NOON - age * DAY).replace(tzinfo=None))) for age in ages],
        )
    kept = {repr(age) for age in ages if not NOON - age * DAY < NOON - days * DAY}
    report = clean(site, days=days, batch_rows=batch_rows, pause_seconds=0)
    assert site.sessions() == kept
    assert report.facts["deleted"] == len(ages) - len(kept)


@pytest.mark.parametrize(
    ("live", "status"), [(5, "ok"), (6, "warning"), (8, "warning"), (9, "critical"), (12, "critical")]
)
def test_c6_thresholds_judge_what_remains(site: Site, live: int, status: str) -> None:
    site.fill(20, live)
    flags = {"warning_rows": 5, "critical_rows": 8}
    announced, report = preview(site, **flags), clean(site, **flags)
    assert (announced.status, report.status) == (status, status)
    assert report.exit_status == 0
    assert [finding.code for finding in report.findings] == ([] if status == "ok" else ["many_sessions"])


def test_c6_the_default_thresholds_are_50_000_and_100_000(site: Site) -> None:
    options = site.settings().session_cleanup
    assert (options.warning_rows, options.critical_rows) == (50_000, 100_000)


def test_fd30_a_missing_table_fails_unless_that_is_fine(site: Site) -> None:
    site.sql("DROP TABLE django_session")
    with pytest.raises(DatabaseFault) as caught:
        clean(site)
    assert caught.value.code == "no_table"
    for report in (preview(site, missing_ok=True), clean(site, missing_ok=True)):
        assert (report.changed, report.exit_status, report.status) == (False, 0, "ok")
    assert "no table django_session" in clean(site, missing_ok=True).summary


def test_fd31_a_table_that_is_no_session_table_is_refused_before_any_delete(site: Site) -> None:
    site.sql("CREATE TABLE auth_user (id integer PRIMARY KEY, expire_date datetime)")
    site.sql("INSERT INTO auth_user VALUES (1, '2000-01-01')")
    for missing_ok in (True, False):
        with pytest.raises(Refused) as caught:
            clean(site, table="auth_user", missing_ok=missing_ok)
        assert caught.value.code == "not_a_session_table"
    assert site.sql("SELECT count(*) FROM auth_user") == [(1,)]


def test_fd32_a_missing_index_is_a_warning_and_the_work_is_done(site: Site) -> None:
    site.sql("DROP INDEX django_session_expire_date_a5c62663")
    aged(site, 5, -5)
    report = clean(site)
    assert [(finding.severity, finding.code) for finding in report.findings] == [("warning", "no_index")]
    assert site.sessions() == {"-5"}


def test_fd34_a_read_only_connection_is_never_written_to(site: Site) -> None:
    aged(site, 5)
    site.configure(sqlite={"path": str(site.database), "read_only": True})
    for flags in ({}, {"engine": "sqlite"}):
        with pytest.raises(Refused):
            clean(site, **flags)
        with pytest.raises(Refused):
            preview(site, **flags)
    assert len(site.sessions()) == 1


def test_fd35_a_fault_in_the_middle_reports_what_was_committed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(30, 2)
    whole, calls = sqlite.SQLiteSessions.delete_expired, []

    def full_at_the_third(self: sqlite.SQLiteSessions, table: str, keys: list[str], cutoff: datetime) -> int:
        calls.append(keys)
        if len(calls) == 3:
            raise DatabaseFault("no_space", "the database's disk is full", hint="free some space")
        return whole(self, table, keys, cutoff)

    monkeypatch.setattr(sqlite.SQLiteSessions, "delete_expired", full_at_the_third)
    with pytest.raises(MaintenanceError) as caught:
        clean(site, batch_rows=10)
    assert caught.value.code == "no_space"
    assert caught.value.changed
    assert caught.value.facts["deleted"] == 20
    assert caught.value.message == "the database's disk is full (after 20 of 30 rows)"
    assert (site.expired_count(), site.live_count()) == (10, 2)


def test_a_server_that_goes_away_after_the_last_delete_does_not_hide_what_was_deleted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(30, 2)
    planned = session_cleanup.plan(site.settings(), FakeHost())

    def gone(_sessions: sqlite.SQLiteSessions, _table: str) -> None:
        raise DatabaseFault("db_unreachable", "the server is gone")

    monkeypatch.setattr(sqlite.SQLiteSessions, "size", gone)
    with pytest.raises(DatabaseFault) as caught:
        session_cleanup.apply(planned, FakeHost(), lambda said: None)
    assert (caught.value.changed, caught.value.facts["deleted"]) == (True, 30)
    assert caught.value.message == "the server is gone (after 30 of 30 rows)"


def test_a_signal_after_the_last_delete_does_not_hide_what_was_deleted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(30, 2)
    planned = session_cleanup.plan(site.settings(), FakeHost())

    def told_to_end(_sessions: sqlite.SQLiteSessions, _table: str) -> None:
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(sqlite.SQLiteSessions, "size", told_to_end)
    with pytest.raises(Interrupted) as caught:
        session_cleanup.apply(planned, FakeHost(), lambda said: None)
    assert (caught.value.changed, caught.value.so_far) == (True, "at least 30 of 30 rows")


def locked_times(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first deletes find the database locked."""
    whole, calls = sqlite.SQLiteSessions.delete_expired, []

    def delete(self: sqlite.SQLiteSessions, table: str, keys: list[str], cutoff: datetime) -> int:
        calls.append(keys)
        if len(calls) <= times:
            raise DatabaseFault("lock_timeout", "database is locked")
        return whole(self, table, keys, cutoff)

    monkeypatch.setattr(sqlite.SQLiteSessions, "delete_expired", delete)


def test_fd36_rows_that_others_hold_are_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(5, 0)
    locked_times(4, monkeypatch)
    report = clean(site)
    assert (report.status, report.facts["deleted"]) == ("ok", 5)


def test_fd37_rows_that_others_never_give_free_are_a_warning_and_left(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(5, 0)
    locked_times(1000, monkeypatch)
    report = clean(site)
    assert [(finding.severity, finding.code) for finding in report.findings] == [("warning", "lock_timeout")]
    assert (report.exit_status, report.changed, report.facts["eligible_remaining"]) == (0, False, 5)


@pytest.mark.parametrize(
    ("given", "batches", "pause"), [((1000, 0.0), [500, 500, 200], 0.2), ((400, 3.0), [400] * 3, 3.0)]
)
def test_fd33_a_table_that_is_locked_as_a_whole_gets_small_batches_and_longer_rests(
    site: Site, monkeypatch: pytest.MonkeyPatch, given: tuple[int, float], batches: list[int], pause: float
) -> None:
    site.fill(1200, 0)
    describe, delete, sizes = sqlite.SQLiteSessions.describe, sqlite.SQLiteSessions.delete_expired, list[int]()

    def delete_noted(self: sqlite.SQLiteSessions, table: str, keys: list[str], cutoff: datetime) -> int:
        sizes.append(len(keys))
        return delete(self, table, keys, cutoff)

    monkeypatch.setattr(
        sqlite.SQLiteSessions, "describe", lambda self, table: describe(self, table)._replace(transactional=False)
    )
    monkeypatch.setattr(sqlite.SQLiteSessions, "delete_expired", delete_noted)
    host = FakeHost()
    report = clean(site, host, batch_rows=given[0], pause_seconds=given[1])
    assert (sizes, host.sleeps) == (batches, [pause] * 3)
    assert [finding.code for finding in report.findings] == ["not_transactional"]


@pytest.mark.parametrize(("seconds", "refused"), [(0, False), (299, False), (301, True), (-301, True), (86400, True)])
def test_fd42_nothing_is_judged_while_the_two_clocks_disagree(
    site: Site, monkeypatch: pytest.MonkeyPatch, seconds: int, refused: bool
) -> None:
    aged(site, 5)
    monkeypatch.setattr(sqlite.SQLiteSessions, "server_now", lambda self: NOON + timedelta(seconds=seconds))
    if refused:
        with pytest.raises(DatabaseFault) as caught:
            clean(site)
        assert caught.value.code == "clock_skew"
    else:
        assert clean(site).facts["deleted"] == 1
    assert len(site.sessions()) == (1 if refused else 0)


def test_a_trigger_that_keeps_rows_does_not_make_the_job_run_for_ever(site: Site) -> None:
    site.fill(5, 0)
    site.sql("CREATE TRIGGER kept BEFORE DELETE ON django_session BEGIN SELECT RAISE(IGNORE); END")
    with pytest.raises(MaintenanceError) as caught:
        clean(site)
    assert caught.value.code == "no_progress"
    assert site.expired_count() == 5


def test_g80_rows_that_are_there_on_a_new_connection_were_not_deleted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(5, 2)
    batches: list[list[str]] = []

    def nothing_stays(self: sqlite.SQLiteSessions, table: str, keys: list[str], cutoff: datetime) -> int:
        batches.append(keys)
        return len(keys)

    whole = sqlite.SQLiteSessions.expired_keys
    monkeypatch.setattr(sqlite.SQLiteSessions, "delete_expired", nothing_stays)
    monkeypatch.setattr(
        sqlite.SQLiteSessions, "expired_keys", lambda self, *asked: [] if batches else whole(self, *asked)
    )
    with pytest.raises(DatabaseFault) as caught:
        clean(site)
    assert caught.value.code == "not_committed" and caught.value.hint
    assert (caught.value.changed, caught.value.facts["deleted"]) == (False, 0)


def test_nothing_deleted_although_rows_are_there_to_be_deleted_is_no_success(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(5, 2)
    monkeypatch.setattr(sqlite.SQLiteSessions, "expired_keys", lambda self, *asked: [])
    with pytest.raises(DatabaseFault) as caught:
        clean(site)
    assert (caught.value.code, caught.value.changed) == ("no_progress", False)


def test_sessions_that_others_add_and_renew_meanwhile_do_not_make_a_success_a_failure(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(5, 2)
    whole = sqlite.SQLiteSessions.delete_expired

    def others_too(self: sqlite.SQLiteSessions, table: str, keys: list[str], cutoff: datetime) -> int:
        site.sql("UPDATE django_session SET expire_date = '2100-01-01 00:00:00' WHERE session_key = ?", keys[0])
        site.add("late", -DAY)
        gone = whole(self, table, keys, cutoff)
        site.sql("DELETE FROM django_session WHERE session_key = 'late'")
        site.add("again", 40 * DAY)
        return gone

    batches = iter([True, False])
    keys_of = sqlite.SQLiteSessions.expired_keys
    monkeypatch.setattr(sqlite.SQLiteSessions, "delete_expired", others_too)
    monkeypatch.setattr(
        sqlite.SQLiteSessions, "expired_keys", lambda self, *asked: keys_of(self, *asked) if next(batches) else []
    )
    report = clean(site)
    assert (report.exit_status, report.facts["deleted"], report.facts["eligible_remaining"]) == (0, 4, 1)


def test_g8a_the_plan_says_that_nothing_may_be_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.fill(5, 0)
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("db.sqlite3"))
    with pytest.raises(DatabaseFault) as caught:
        preview(site)
    assert caught.value.code == "read_only" and caught.value.hint
    assert site.expired_count() == 5


@pytest.mark.parametrize("break_it", [lambda path: path.unlink(), lambda path: path.write_bytes(b"nonsense" * 100)])
def test_a_database_that_is_not_there_or_none_is_named(site: Site, break_it: Callable[[Path], None]) -> None:
    break_it(site.database)
    with pytest.raises(DatabaseFault, match="db.sqlite3") as caught:
        clean(site)
    assert caught.value.code == "no_database"


def test_progress_says_how_far_it_is(site: Site) -> None:
    site.fill(2500, 0)
    said: list[str] = []
    host = FakeHost()
    session_cleanup.apply(session_cleanup.plan(site.settings(), host), host, said.append)
    assert said == [f"{done} of 2,500 expired sessions deleted" for done in ("1,000", "2,000", "2,500")]
