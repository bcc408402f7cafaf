"""What an archive lacks that the last one held is told, and only that."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import (
    Component,
    Manifest,
    Member,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import LogFile
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.anomalies import compare
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Finding

MEMBER = Member("m", "zstd", 1, "0" * 64, 1)
LOG = LogFile("a_json.log", "a_json.log", 1, "2026-01-01T00:00:00Z")


def database(name: str = "mysql.iact", named: tuple[str, ...] = (), **rows: int | None) -> Component:
    engine, _dot, own = name.partition(".")
    return Component(name, engine, own, MEMBER, tables=named, rows=rows)


def logs() -> Component:
    return Component("logs", "logs", "/var/log/iact", MEMBER, files=(LOG,))


def told(last: list[Component], now: list[Component], missing: tuple[str, ...] = ()) -> list[Finding]:
    manifest = Manifest(datetime(2026, 1, 1, tzinfo=timezone.utc), "h", tuple(last))
    return compare(manifest, now, missing)


@pytest.mark.parametrize(
    ("last", "now", "code", "words"),
    [
        (database(a=1, b=2), database(a=1), "tables_missing", "lacks tables that the last archive held: b"),
        (database(a=1, b=2), database(), "tables_missing", "a, b"),
        (database(a=1, b=2), database(a=1, b=0), "tables_emptied", "b (2 rows)"),
        (
            database(a=1, **{f"t{n}": 1 for n in range(34)}),
            database(named=("a",), a=1),
            "component_missing",
            "all 35 tables",
        ),
        (database(named=("a", "b"), a=1, b=2), database(named=("a",), a=1), "tables_missing", ": b"),
    ],
)
def test_g55_g1g_g29_what_a_component_lost_is_told(last: Component, now: Component, code: str, words: str) -> None:
    (finding,) = told([last], [now])
    assert (finding.severity, finding.code) == ("warning", code)
    assert words in finding.message and "mysql.iact" in finding.message and finding.hint


@pytest.mark.parametrize(("gone", "words"), [(database(a=1, b=2), "mysql.iact (2 tables)"), (logs(), "1 log files")])
def test_g1g_a_component_that_is_gone_is_told(gone: Component, words: str) -> None:
    (finding,) = told([gone, database("postgresql.iact", a=1)], [database("postgresql.iact", a=1)])
    assert finding.code == "component_missing" and words in finding.message


def test_a_session_table_that_the_cleanup_emptied_is_no_anomaly() -> None:
    manifest = Manifest(datetime(2026, 1, 1, tzinfo=timezone.utc), "h", (database(django_session=5, calls=5),))
    now = database(django_session=0, calls=0)
    (finding,) = compare(manifest, [now], (), "django_session")
    assert "calls" in finding.message and "django_session" not in finding.message


def test_what_grew_or_is_not_known_is_no_anomaly() -> None:
    last = [database(a=1, b=None, c=0), logs()]
    assert told(last, [database(a=5, b=0, c=0, d=0), logs(), database("postgresql.x")]) == []
    assert told(last, [database(a=None, b=None, c=None), logs()]) == []
    assert compare(None, [database(a=0)], ()) == []


def test_what_the_run_reports_as_missing_is_not_told_twice() -> None:
    last = [database(a=1), database("postgresql.iact", a=1), logs()]
    assert told(last, [], ("mysql.iact", "postgresql", "logs")) == []


def test_many_tables_are_counted_and_odd_names_are_escaped() -> None:
    rows: dict[str, int | None] = {f"t{number:02}": 1 for number in range(15)}
    (finding,) = told([database(**rows)], [database()])
    assert finding.message.endswith("t09 and 5 more")
    (finding,) = told([database(**{"a\nb": 1})], [database()])
    assert "a\\nb" in finding.message and "\n" not in finding.message
