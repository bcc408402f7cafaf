from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import identity
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import reading
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.names import part_name
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import table as dumps_table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import DumpFacts, Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.servers import ServerDumper
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    Interrupted,
    MaintenanceError,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import backup, table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.model import Mode
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs.runner import run
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Command, Limits
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Report
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories import catalogue
from tests.unit.archive.samples import write
from tests.unit.jobs.sites import NIGHT, ClockHost, Site, codes, line

NAME = "iact_data_backup_20261124_020000.tar"
MYSQL = {"mysql": {"login_user": "iact"}}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


class FakeEngine(ModuleType):
    """A dump module whose program is a shell script; `troubles` are raised by the first dumps."""

    def __init__(self, script: str = "echo dump", troubles: tuple[MaintenanceError, ...] = ()) -> None:
        super().__init__("fake")
        self.script, self.troubles, self.dumps = script, list(troubles), 0

    def locate(self, settings: object, server: object, host: object) -> list[Source]:
        return [Source("mysql.iact", "mysql", "iact", ("dora_metrics",))]

    def dump(self, host: object, server: object, source: Source, settings: object, output: object) -> DumpFacts:
        self.dumps += 1
        done = output.run(host, Command(("/bin/sh", "-c", self.script)), lambda _chunk: None, Limits(30))  # type: ignore[attr-defined]
        if self.troubles:
            raise self.troubles.pop(0)
        if done.status:
            raise MaintenanceError("dump_failed", done.reason)
        return DumpFacts({"dora_metrics": 7}, "", "10.11", {"port": 3306}, "mariadb-dump 10.11", (), "sql")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setitem(dumps_table.DUMPERS, "mysql", ServerDumper("mysql", fake))
    return fake


def test_b2_a_backup_is_one_private_archive_that_verifies(site: Site) -> None:
    result = site.run()
    assert (result.exit_status, result.status, result.changed) == (0, "ok", True), result
    assert site.archives() == [NAME]
    assert os.stat(site.backups / NAME).st_mode & 0o777 == 0o600
    assert site.kinds() == ["good"]
    assert site.run("verify").exit_status == 0


def test_b1_the_manifest_states_rows_and_files(site: Site) -> None:
    site.run()
    archive = reading.open_archive(str(site.backups / NAME))
    database, logs = reading.read_layout(archive).manifest.components
    archive.close()
    assert database.rows == {"dora_metrics": 1000}
    assert [file.name for file in logs.files] == ["app.json.log.1", "error_json.log"]


def test_the_line_of_a_good_run_counts_files_and_holds_no_alarming_word(site: Site) -> None:
    shown = line(site.run()).lower()
    assert '"files": 2' in shown
    assert "error" not in shown and "fail" not in shown


def test_the_dry_run_announces_and_writes_nothing(site: Site) -> None:
    result = site.run(dry_run=True)
    assert [entry["name"] for entry in result.facts["components"] if entry["status"] == "planned"] == [  # type: ignore[attr-defined]
        "sqlite.site",
        "logs",
    ]
    assert result.changed
    assert site.archives() == [] and os.listdir(site.root / "state") == []


def test_b4_what_is_not_configured_is_skipped(site: Site) -> None:
    components = site.run().facts["components"]
    skipped = {entry["name"] for entry in components if entry["status"] == "skipped"}  # type: ignore[attr-defined]
    assert skipped == {"mysql", "postgresql"}


def test_nothing_configured_is_refused_and_says_what_to_set(site: Site) -> None:
    site.options = {"sqlite_files": [], "log_directory": None}
    result = site.run()
    assert (result.exit_status, result.error_code) == (2, "not_configured")
    assert "sqlite_files" in result.findings[0].hint


def test_a_database_without_a_connection_is_refused(site: Site) -> None:
    site.options = {"mysql_databases": ["iact"]}
    result = site.run()
    assert (result.exit_status, result.error_code) == (2, "not_configured")


def test_fi07_the_backup_directory_is_no_source_of_logs(site: Site) -> None:
    site.options = {"log_directory": str(site.backups)}
    result = site.run()
    assert (result.exit_status, result.error_code) == (2, "bad_option")


def test_fh05_an_unsafe_directory_is_refused_before_anything_is_written(site: Site) -> None:
    site.backups.chmod(0o777)
    result = site.run()
    assert (result.exit_status, result.error_code) == (1, "unsafe_directory")
    site.backups.rmdir()
    assert site.run().error_code == "unsafe_directory"
    site.options = {"create_directory": True}
    assert site.run(dry_run=True).exit_status == 0
    assert not site.backups.exists()
    assert site.run().exit_status == 0


def test_a_database_dump_becomes_a_member(site: Site, engine: FakeEngine) -> None:
    site.options = {"tables": ["dora_metrics"]}
    assert site.run(sections=MYSQL).exit_status == 0
    shown = subprocess.run(["tar", "xOf", site.backups / NAME, "mysql.iact.sql.zst"], capture_output=True, check=True)
    assert subprocess.run(["zstd", "-d"], input=shown.stdout, capture_output=True, check=True).stdout == b"dump\n"


def test_x12_a_table_that_the_last_archive_has_and_the_server_shows_no_more_is_a_trouble(
    site: Site, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a right was lost: one of two servers shows the table no more, and the other still has its own."""
    elsewhere = Source("mysql.other", "mysql", "other", ("dora_metrics",))
    both = [*engine.locate(None, None, None), elsewhere]
    monkeypatch.setattr(engine, "locate", lambda *_asked: list(both))
    site.options = {"tables": ["dora_metrics"]}
    assert site.run(sections=MYSQL).exit_status == 0
    both.pop(0)
    for dry_run in (True, False):
        result = site.run(sections=MYSQL, dry_run=dry_run)
        assert (result.exit_status, result.error_code) == (1, "table_missing")
        assert "has the table dora_metrics of iact" in result.findings[0].message
    site.options["allow_incomplete"] = True
    accepted = site.run(sections=MYSQL)
    assert (accepted.exit_status, accepted.status) == (0, "warning")
    assert "table_missing" in codes(accepted)
    del site.options["allow_incomplete"]
    assert site.run(sections=MYSQL).exit_status == 0


def test_b4_one_dead_component_keeps_the_others_in_a_partial_archive(site: Site, engine: FakeEngine) -> None:
    engine.script = "echo half; exit 3"
    site.options = {"tables": ["dora_metrics"]}
    result = site.run(sections=MYSQL)
    assert (result.exit_status, result.error_code, result.status) == (1, "dump_failed", "critical")
    assert "mysql.iact" in result.summary and "ended with status 3" in result.findings[0].message
    assert site.archives() == [NAME.replace(".tar", ".partial.tar")]
    assert site.kinds() == ["partial"]
    assert "fail" in line(result) and "error" in line(result)


def test_b4_without_keep_partial_a_failed_run_leaves_nothing(site: Site, engine: FakeEngine) -> None:
    engine.script = "exit 1"
    site.options = {"tables": ["dora_metrics"], "keep_partial": False}
    assert site.run(sections=MYSQL).exit_status == 1
    assert site.archives() == []


def test_x12_a_database_that_cannot_be_reached_is_no_success(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreachable(FakeEngine):
        def locate(self, settings: object, server: object, host: object) -> list[Source]:
            raise MaintenanceError("auth", "access denied", hint="check ~/.my.cnf")

    monkeypatch.setitem(dumps_table.DUMPERS, "mysql", ServerDumper("mysql", Unreachable()))
    site.options = {"tables": ["dora_metrics"]}
    result = site.run(sections=MYSQL)
    assert (result.exit_status, result.error_code) == (1, "auth")
    assert NAME not in site.archives()


def test_x13_a_failed_dump_is_not_left_behind(site: Site, engine: FakeEngine) -> None:
    engine.script = "echo half; exit 1"
    site.options = {"tables": ["dora_metrics"], "sqlite_files": [], "log_directory": None}
    result = site.run(sections=MYSQL)
    assert result.exit_status == 1 and result.facts["archive"] is None
    assert site.archives() == []


def test_x14_thirty_failing_nights_never_delete_the_last_good_archive(site: Site, engine: FakeEngine) -> None:
    site.options = {"tables": ["dora_metrics"], "retention_days": 5, "retention_count": 5}
    assert site.run(sections=MYSQL).exit_status == 0
    engine.script = "exit 1"
    for _unused in range(30):
        site.host.moment += timedelta(days=1)
        assert site.run(sections=MYSQL).exit_status == 1
    assert NAME in site.archives()
    assert sorted(site.kinds()) == ["good", "partial", "partial", "partial"]


def test_b1_a_table_that_no_database_has_is_named(site: Site) -> None:
    site.options = {"tables": ["dora_metrics", "dora_metrisc"]}
    result = site.run(sections={"sqlite": {"path": str(site.database)}})
    assert (result.exit_status, result.error_code) == (1, "no_table")
    assert "dora_metrisc" in result.findings[0].message
    assert site.kinds() == ["partial"]


def test_fd13_a_schema_change_is_tried_once_more(site: Site, engine: FakeEngine) -> None:
    site.options = {"tables": ["dora_metrics"]}
    changed = MaintenanceError("schema_changed", "the table was truncated")
    engine.troubles = [changed]
    assert site.run(sections=MYSQL).exit_status == 0
    assert engine.dumps == 2
    engine.troubles = [changed, changed, changed]
    site.host.moment += timedelta(days=1)
    result = site.run(sections=MYSQL)
    assert (result.exit_status, result.error_code, engine.dumps) == (1, "schema_changed", 4)


def test_fh12_a_signal_leaves_nothing_behind(site: Site, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object) -> DumpFacts:
        raise Interrupted(15)

    monkeypatch.setattr(engine, "dump", interrupted)
    site.options = {"tables": ["dora_metrics"]}
    result = site.run(sections=MYSQL)
    assert (result.exit_status, result.error_code) == (143, "interrupted")
    assert site.archives() == []


def test_b1_a_missing_log_warns_only_where_the_last_archive_held_some(site: Site) -> None:
    for path in site.logs.iterdir():
        path.unlink()
    first = site.run()
    assert (first.exit_status, first.status) == (0, "ok")
    assert "no_match" in codes(first)
    (site.logs / "a_json.log").write_text("x")
    assert site.next_night().status == "ok"
    (site.logs / "a_json.log").unlink()
    last = site.next_night()
    assert (last.exit_status, last.status) == (0, "warning")


def test_nothing_to_save_is_no_backup(site: Site) -> None:
    site.options = {"sqlite_files": [], "log_patterns": ["none"]}
    result = site.run()
    assert (result.exit_status, result.error_code) == (1, "nothing_to_back_up")
    assert site.archives() == []


def test_b5_a_large_archive_warns(site: Site) -> None:
    site.options = {"warning_size_bytes": 100}
    result = site.run()
    assert (result.exit_status, result.status) == (0, "warning")
    assert codes(result) == {"large_archive"}


def test_fh44_the_leftovers_of_a_killed_run_are_removed_and_no_other_host_s(site: Site) -> None:
    own, _findings = identity.ensure(site.host, str(site.root / "state"))
    theirs = part_name(NIGHT, "f" * 32)
    for name in (part_name(NIGHT - timedelta(days=1), own.id), part_name(NIGHT, own.id), theirs):
        (site.backups / name).write_bytes(b"half")
    site.run()
    assert site.archives() == sorted([NAME, theirs])


def test_fh44_a_directory_called_as_a_leftover_keeps_no_backup_from_being_made(site: Site) -> None:
    in_the_way = [NAME + ".part", "iact_data_backup_20260101_020000.tar.part", "iact_data_backup_notes.part"]
    for name in in_the_way:
        (site.backups / name).mkdir()
    assert site.run().exit_status == 0
    assert set(in_the_way) < set(site.archives())


def test_fh44_an_old_scripts_archive_is_shown_and_never_touched(site: Site) -> None:
    old = site.backups / "iact_data_backup_20200101_020000.tar.gz"
    old.write_bytes(b"old")
    site.options = {"retention_days": 1, "retention_count": 1, "keep_minimum": 1}
    for _unused in range(4):
        site.next_night()
    assert site.kinds() == ["foreign", "good"]
    assert old.read_bytes() == b"old"


def test_b3_retention_keeps_its_number_of_good_archives(site: Site) -> None:
    site.options = {"retention_count": 4}
    deleted = [site.next_night().facts["deleted"] for _unused in range(6)]
    assert len(site.archives()) == 4
    assert deleted[:4] == [[], [], [], []]
    assert deleted[5] == ["iact_data_backup_20261126_020000.tar"]


def test_fh25_a_clock_that_jumps_ahead_drops_nothing_and_warns(site: Site) -> None:
    for _unused in range(8):
        site.next_night()
    site.host.moment = NIGHT.replace(year=2036)
    result = site.run()
    assert (result.exit_status, result.status, result.facts["deleted"]) == (0, "warning", [])
    assert codes(result) == {"retention_refused"}
    assert site.kinds() == ["good"] * 9


def test_fh25_one_run_under_a_clock_ahead_hides_no_real_archive(site: Site) -> None:
    site.options = {"retention_days": 3, "keep_minimum": 2}
    for _unused in range(4):
        site.next_night()
    tonight = site.host.moment
    site.host.moment = tonight.replace(year=2031)
    assert site.run().exit_status == 0
    site.host.moment = tonight
    last = site.next_night()
    assert last.exit_status == 0 and last.facts["deleted"] == ["iact_data_backup_20261125_020000.tar"]
    name = os.path.basename(str(last.facts["archive"]))
    listed = site.run("archives")
    assert listed.facts["newest_good"] == name and codes(listed) == {"ahead_of_clock"}
    assert [entry["name"] for entry in site.run("verify").facts["archives"]] == [name]  # type: ignore[attr-defined]


def test_g23_one_run_under_a_clock_ahead_of_two_weeks_deletes_nothing_by_age(site: Site) -> None:
    site.options = {"retention_days": 30, "retention_count": 100}
    for _unused in range(31):
        site.next_night()
    kept, tonight = site.archives(), site.host.moment
    site.host.moment += timedelta(days=14)
    for job in ("health", "backup", "prune"):
        site.host.moment += timedelta(minutes=5)
        result = site.run(job)
        assert job == "health" or "clock_gap" in codes(result) and result.facts["deleted"] == [], result
    assert set(kept) < set(site.archives())
    site.host.moment = tonight
    assert "clock_gap" not in codes(site.next_night())


def test_g23_a_host_that_was_off_for_a_week_deletes_by_age_a_day_later(site: Site) -> None:
    site.options = {"retention_days": 20, "retention_count": 100}
    for _unused in range(21):
        site.next_night()
    site.host.moment += timedelta(days=8)
    assert site.next_night().facts["deleted"] == []
    assert site.next_night().facts["deleted"] == []
    assert len(site.next_night().facts["deleted"]) > 5  # type: ignore[arg-type]


def test_g07_two_runs_within_one_second_overwrite_nothing_and_tell_the_true_time(site: Site) -> None:
    found = [site.run().facts for _unused in range(3)]
    assert site.archives() == [NAME, NAME.replace(".tar", "_2.tar"), NAME.replace(".tar", "_3.tar")]
    assert {facts["created_at"] for facts in found} == {"2026-11-24T02:00:00Z"}
    assert site.kinds() == ["good"] * 3 and codes(site.run("archives")) == set()


def test_g21_two_hosts_in_one_directory_leave_each_other_s_archives_alone(site: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other", {"directory": str(site.backups)})
    for each in (site, other):
        each.options.update({"retention_days": 1, "retention_count": 2, "keep_minimum": 1})
    theirs = [os.path.basename(str(other.run().facts["archive"])) for _unused in range(2)]
    other.host.moment += timedelta(days=30)
    for _unused in range(5):
        last = site.next_night()
        assert last.exit_status == 0 and not set(theirs) & set(last.facts["deleted"])  # type: ignore[call-overload]
    listed = site.run("archives")
    kinds = {str(entry["name"]): entry["kind"] for entry in listed.facts["archives"]}  # type: ignore[attr-defined]
    assert sorted(kinds.values()) == ["good", "good", "other_host", "other_host"]
    assert {name for name, kind in kinds.items() if kind == "other_host"} == set(theirs)
    assert codes(listed) == {"other_host"}
    assert site.run("prune").facts["deleted"] == []
    assert os.path.basename(str(site.run("verify").facts["archives"][0]["name"])) not in theirs  # type: ignore[index]
    # The other host's next run, a month later, deletes its own alone.
    mine = set(kinds) - set(theirs)
    assert set(other.run().facts["deleted"]) <= set(theirs) and mine <= set(site.archives())  # type: ignore[call-overload]


def test_g21_another_host_s_archive_is_restored_only_by_its_name_and_says_whose_it_is(
    site: Site, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other", {"directory": str(site.backups)})
    name = os.path.basename(str(other.run().facts["archive"]))
    for job in ("restore", "verify"):
        refused = site.run(job, {"restore": {"target_directory": str(tmp_path / "copy")}})
        assert (refused.exit_status, refused.error_code) == (2, "no_archive")
        assert name in refused.findings[0].hint and "--adopt" in refused.findings[0].hint
    restored = site.run("restore", {"restore": {"archive": name, "target_directory": str(tmp_path / "copy")}})
    (finding,) = restored.findings
    assert restored.exit_status == 0 and finding.code == "other_host" and other.host.name() in finding.message
    elsewhere = shutil.copy(site.backups / name, tmp_path / name)
    target = {"archive": str(elsewhere), "target_directory": str(tmp_path / "again")}
    assert codes(site.run("restore", {"restore": target})) == {"other_host"}


def test_g21_archives_of_this_host_s_earlier_identity_are_taken_over_and_no_others(site: Site) -> None:
    site.run()
    shutil.rmtree(site.root / "state")
    (site.root / "state").mkdir()
    site.next_night()
    assert site.kinds() == ["other_host", "good"]
    assert site.run("adopt", dry_run=True).facts["adopted"] == [NAME] and site.kinds() == ["other_host", "good"]
    renamed = Renamed(site.host.moment)
    refused = run(table.job("adopt"), site.settings(), renamed, Mode())
    assert refused.facts["adopted"] == [] and "it belongs to the host" in refused.findings[0].message
    elsewhere = site.run("adopt", {"backup": {**site.backup, "sqlite_files": ["/srv/another.sqlite3"]}})
    assert elsewhere.facts["adopted"] == [] and "not backed up on this host" in elsewhere.findings[0].message
    taken = site.run("adopt")
    assert (taken.facts["adopted"], taken.changed) == ([NAME], True)
    assert site.kinds() == ["unverified", "good"]
    site.next_night()
    assert site.kinds() == ["good"] * 3


def test_g21_archives_of_a_host_of_the_same_name_that_is_at_work_are_not_taken_over(site: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other", {"directory": str(site.backups), "sqlite_files": [str(site.database)]})
    other.run()
    site.host.moment += timedelta(days=1)
    site.run()
    assert site.run("adopt", dry_run=True).facts["adopted"] == [NAME]
    other.host.moment += timedelta(days=2)
    other.run()
    refused = site.run("adopt")
    assert refused.facts["adopted"] == [] and "is active" in refused.findings[0].message
    assert sorted(site.kinds()) == ["good", "other_host", "other_host"]


def test_g21_a_clone_that_kept_the_machine_id_is_told_by_its_name(site: Site) -> None:
    site.options = {"retention_count": 1, "keep_minimum": 1}
    site.run()
    clone = Renamed(site.host.moment)
    for _unused in range(3):
        clone.moment += timedelta(days=1)
        assert run(table.job("backup"), site.settings(), clone, Mode()).exit_status == 0
    assert NAME in site.archives() and len(site.archives()) == 2
    assert sorted(site.kinds()) == ["good", "other_host"]


def test_an_upgraded_host_is_told_of_archives_from_before_hosts_had_an_identity(site: Site) -> None:
    write(site.backups, NIGHT - timedelta(days=1), identity="")
    result = site.run()
    assert codes(result) == {"other_host"} and "--adopt" in result.findings[0].hint
    assert site.run("adopt").facts["adopted"] == []


class Renamed(ClockHost):
    def name(self) -> str:
        return "another-name"


def test_g16_a_run_whose_lock_was_deleted_is_noticed_by_the_next_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, beside = catalogue.read, []

    def meanwhile(*arguments: object) -> object:
        if not beside:
            beside.append(None)
            (site.root / "state" / "archives.lock").unlink()
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(catalogue, "read", meanwhile)
    assert "lock_replaced" in codes(site.run())


def test_g16_a_second_run_beside_the_first_is_busy_and_leaves_its_archive_alone(site: Site, engine: FakeEngine) -> None:
    second: list[Report] = []

    def beside(*_arguments: object) -> list[Source]:
        if not second:
            second.append(Report("backup", ""))
            (site.root / "state" / "archives.lock").unlink()
            second.append(site.run())
        return [Source("mysql.iact", "mysql", "iact", ("dora_metrics",))]

    dump = engine.dump
    engine.dump = lambda *arguments: beside() and dump(*arguments)  # type: ignore[method-assign,assignment,func-returns-value]
    first = site.run(sections={**MYSQL, "backup": {**site.backup, "tables": ["dora_metrics"]}})
    assert (second[1].exit_status, second[1].error_code) == (75, "busy")
    assert first.exit_status == 0 and "lock_replaced" in codes(first) and site.archives() == [NAME]


def test_g2a_archives_that_somebody_removed_are_told_once_by_the_next_backup(site: Site) -> None:
    for _unused in range(3):
        site.next_night()
    for path in site.backups.iterdir():
        path.unlink()
    assert codes(site.run("archives")) == {"archives_missing"}
    result = site.next_night()
    assert result.exit_status == 0 and codes(result) == {"archives_missing"}
    assert codes(site.next_night()) == set() and codes(site.run("archives")) == set()


def test_g2a_a_failed_backup_does_not_hide_that_archives_are_gone(site: Site) -> None:
    site.run()
    (site.backups / NAME).unlink()
    site.database.write_bytes(b"no database " * 1000)
    assert site.next_night().exit_status == 1
    assert codes(site.run("archives")) == {"archives_missing"}


@pytest.mark.parametrize("job", ["backup", "prune"])
def test_g2a_what_a_run_proves_and_then_deletes_is_not_missed(site: Site, job: str) -> None:
    for _unused in range(5):
        site.next_night()
    (site.root / "state" / "archives.json").unlink()
    site.options = {"retention_count": 3, "keep_minimum": 1}
    site.host.moment += timedelta(days=1)
    assert site.run(job).facts["deleted"]
    assert codes(site.run("archives")) == set()
    assert "archives_missing" not in codes(site.next_night())


def test_g2a_what_retention_deletes_is_not_missed(site: Site) -> None:
    site.options = {"retention_days": 1, "retention_count": 2, "keep_minimum": 1}
    for _unused in range(5):
        assert codes(site.next_night()) <= {"retention_in_steps"}
    assert codes(site.run("archives")) == set()


def test_g1a_a_fault_of_ours_in_one_component_leaves_the_others(site: Site, engine: FakeEngine) -> None:
    def broken(*_arguments: object) -> DumpFacts:
        raise ZeroDivisionError

    engine.dump = broken  # type: ignore[method-assign]
    result = site.run(sections={**MYSQL, "backup": {**site.backup, "tables": ["dora_metrics"]}})
    assert (result.exit_status, result.error_code) == (1, "internal_fault")
    assert "ZeroDivisionError" in result.findings[0].message and result.findings[0].hint
    assert site.kinds() == ["partial"]


def test_g25_a_log_that_became_a_link_is_told_where_the_last_archive_held_it(site: Site) -> None:
    site.run()
    (site.logs / "error_json.log").rename(site.root / "moved")
    (site.logs / "error_json.log").symlink_to(site.root / "moved")
    (site.logs / "never_json.log").symlink_to(site.root / "moved")
    result = site.next_night()
    assert result.exit_status == 0 and "logs_skipped" in codes(result)
    assert [finding.message for finding in result.findings if finding.code == "logs_skipped"][0].endswith("out: 1")
    site.options = {"follow_links": ["error_json.log"]}
    assert "logs_skipped" not in codes(site.next_night())


def test_g55_a_database_that_was_emptied_is_told_and_its_rows_are_kept(site: Site) -> None:
    site.options = {"retention_days": 2, "retention_count": 3, "keep_minimum": 1}
    site.run()
    with sqlite3.connect(site.database) as connection:
        connection.execute("DELETE FROM dora_metrics")
    assert codes(site.next_night()) == {"tables_emptied"}
    site.database.unlink()
    sqlite3.connect(site.database).close()
    assert codes(site.next_night()) == {"tables_missing"}
    for _unused in range(6):
        last = site.next_night()
    assert NAME in site.archives() and "last_copy" in codes(last) and last.status == "ok"


def test_g1g_a_component_that_was_taken_out_of_the_settings_is_told_once(site: Site) -> None:
    site.run()
    section = {name: value for name, value in site.backup.items() if name != "sqlite_files"}
    site.host.moment += timedelta(days=1)
    result = site.run(sections={"backup": section})
    assert codes(result) == {"component_missing"} and "sqlite.site" in result.findings[0].message
    site.host.moment += timedelta(days=1)
    assert codes(site.run(sections={"backup": section})) == set()


def test_fh42_a_backup_leaves_the_database_s_disk_room(site: Site) -> None:
    free = site.host.free_bytes(str(site.backups))
    result = site.run("backup", {"backup": {**site.backup, "min_free_bytes": free + (1 << 40)}})
    assert (result.exit_status, result.error_code) == (1, "no_space") and "must stay free" in result.summary
    assert site.archives() == []
    assert site.run("backup", {"backup": {**site.backup, "min_free_bytes": 0}}).exit_status == 0


def test_retention_proves_what_it_does_not_know(site: Site) -> None:
    """A lost state directory must not make retention believe that there are no good archives."""
    for _unused in range(3):
        site.next_night()
    (site.root / "state" / "archives.json").unlink()
    assert site.kinds() == ["unverified"] * 3
    site.next_night()
    assert site.kinds() == ["good"] * 4


def test_a_damaged_sqlite_file_is_a_failed_component(site: Site) -> None:
    site.database.write_bytes(b"no database " * 1000)
    result = site.run()
    assert result.exit_status == 1 and "sqlite.site" in result.summary
    assert site.kinds() == ["partial"]


def test_b4_a_failed_run_never_deletes_the_partial_archive_that_it_announces(site: Site) -> None:
    site.database.write_bytes(b"no database " * 1000)
    for seconds in (240, 180, 120, 60):
        site.host.moment = NIGHT + timedelta(seconds=seconds)
        result = site.run()
        assert os.path.exists(str(result.facts["archive"])) and result.facts["deleted"] == []


def test_fh01_too_little_space_is_said_before_anything_is_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.host, "free_bytes", lambda path: 1000)
    result = site.run()
    assert (result.exit_status, result.error_code) == (1, "no_space")
    assert site.archives() == []


def test_x12_the_sources_are_never_changed(site: Site) -> None:
    before = {path: path.read_bytes() for path in (site.database, *site.logs.iterdir())}
    site.run()
    assert {path: path.read_bytes() for path in before} == before
    with sqlite3.connect(site.database) as connection:
        assert connection.execute("SELECT count(*) FROM dora_metrics").fetchone() == (1000,)


def test_a_good_archive_is_reported_as_good_also_where_what_comes_after_it_goes_wrong(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise MaintenanceError("storage", "archives.json: Input/output error")

    monkeypatch.setattr(catalogue, "remember", refuse)
    result = site.run()
    assert (result.exit_status, result.status) == (0, "warning")
    assert codes(result) == {"not_pruned"}
    assert site.archives() == [NAME]


def test_a_fault_while_retention_deletes_does_not_hide_what_went(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for _unused in range(6):
        site.next_night()
    site.options = {"retention_count": 4}
    before, real = site.archives(), os.unlink

    def broken(path: str, **more: int) -> None:
        if path == before[1]:
            raise OSError(5, "Input/output error")
        real(path, **more)

    monkeypatch.setattr(os, "unlink", broken)
    result = site.next_night()
    assert (result.exit_status, codes(result), result.facts["deleted"]) == (0, {"not_pruned"}, before[:1])


def test_fh12_a_signal_after_the_archive_was_published_still_names_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object) -> None:
        raise Interrupted(15)

    monkeypatch.setattr(catalogue, "remember", interrupted)
    result = site.run()
    assert (result.exit_status, result.changed, result.error_code) == (143, True, "interrupted")
    assert result.facts["archive"] == str(site.backups / NAME) and result.facts["deleted"] == []
    assert NAME in result.summary and site.archives() == [NAME]


@pytest.mark.parametrize("after", [False, True])
def test_fh12_a_signal_while_it_gets_its_name_names_the_archive_where_it_is_there(
    site: Site, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    real = os.link

    def interrupted(*arguments: str, **more: int) -> None:
        if after:
            real(*arguments, **more)
        raise Interrupted(15)

    monkeypatch.setattr(os, "link", interrupted)
    result = site.run()
    assert (result.exit_status, result.changed, "archive" in result.facts) == (143, after, after)
    assert site.archives() == [NAME] * after


def test_an_empty_database_and_an_empty_log_are_saved(site: Site) -> None:
    site.database.write_bytes(b"")
    (site.logs / "error_json.log").write_bytes(b"")
    result = site.run()
    assert result.exit_status == 0, result
    assert site.run("restore", {"restore": {"target_directory": str(site.root / "restored")}}).exit_status == 0
    assert (site.root / "restored" / "error_json.log").read_bytes() == b""


def rot(path: Path) -> None:
    """Change one byte of an archive, of which size and time stay as they were."""
    found = path.stat()
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    with path.open("r+b") as stream:
        stream.write(content)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_g28_an_archive_that_rotted_is_found_within_as_many_nights_as_there_are_archives(site: Site) -> None:
    site.options = {"retention_count": 4, "reread_days": 2}
    for _unused in range(4):
        site.next_night()
    name = site.archives()[1]
    rot(site.backups / name)
    assert site.kinds() == ["good"] * 4
    for _unused in range(4):
        result = site.next_night()
        if "broken_archive" in codes(result):
            break
    (finding,) = [finding for finding in result.findings if finding.code == "broken_archive"]
    assert (finding.subject, result.exit_status, result.facts["deleted"]) == (name, 0, [])
    assert site.kinds().count("broken") == 1 and "broken_archive" not in codes(site.next_night())


def test_g28_each_run_reads_one_archive_again_the_oldest_proof_first_and_none_where_the_option_says_so(
    site: Site,
) -> None:
    site.options = {"reread_days": 1}
    for _unused in range(4):
        site.next_night()
    site.host.moment += timedelta(hours=1)
    before = proofs(site)
    site.run()
    changed = {name for name, moment in before.items() if proofs(site)[name] != moment}
    assert changed == {min(before, key=lambda name: (before[name], name))}
    site.options = {"reread_days": 0}
    before = proofs(site)
    site.next_night()
    assert before.items() <= proofs(site).items()


def proofs(site: Site) -> dict[str, str]:
    rows = site.run("archives").facts["archives"]
    return {row["name"]: row["proven_at"] for row in rows}  # type: ignore[attr-defined]


@pytest.mark.parametrize("alone", [False, True])
def test_logs_that_went_away_between_the_plan_and_the_dump_are_skipped_and_told(site: Site, alone: bool) -> None:
    if alone:
        site.options = {"sqlite_files": []}
    planned = backup.plan(site.settings(), site.host)
    for path in site.logs.iterdir():
        path.unlink()
    if alone:
        with pytest.raises(MaintenanceError) as raised:
            backup.apply(planned, site.host, lambda text: None)
        assert raised.value.code == "nothing_to_back_up" and site.archives() == []
        return
    result = backup.apply(planned, site.host, lambda text: None)
    rows = {row["name"]: row["status"] for row in result.facts["components"]}  # type: ignore[attr-defined]
    assert (result.exit_status, rows["logs"], rows["sqlite.site"]) == (0, "skipped", "saved")
    assert "no_match" in codes(result) and site.run("verify").exit_status == 0


def test_g115_the_diff_names_the_archives_that_come_and_go_as_check_mode_announced(tmp_path: Path) -> None:
    site = Site(tmp_path)
    sections = {"backup": {**site.backup, "retention_count": 3, "keep_minimum": 1}}
    for _unused in range(3):
        site.next_night()
    before = site.archives()
    planned = site.run("backup", sections, dry_run=True)
    done = site.run("backup", sections)
    assert planned.diff is not None and done.diff is not None
    assert planned.diff["before"].split() == done.diff["before"].split() == before
    assert done.diff["after"].split() == site.archives()
    kept = [name for name in before if name in site.archives()]
    assert planned.diff["after"].splitlines() == [*kept, "a new archive"]
    assert done.diff["after_header"] == str(site.backups)
