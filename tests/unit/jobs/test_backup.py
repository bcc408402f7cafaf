from __future__ import annotations

import os
import sqlite3
import subprocess
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import catalogue, reading
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import table as dumps_table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import DumpFacts, Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    Interrupted,
    MaintenanceError,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Command, Limits
from tests.unit.jobs.sites import NIGHT, Site, codes, line

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
    monkeypatch.setitem(dumps_table.DUMPS, "mysql", fake)
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
        assert (result.exit_status, result.error_code) == (1, "table_gone")
        assert "has the table dora_metrics of iact" in result.findings[0].message
    site.options["allow_incomplete"] = True
    accepted = site.run(sections=MYSQL)
    assert (accepted.exit_status, accepted.status) == (0, "warning")
    assert "table_gone" in codes(accepted)
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

    monkeypatch.setitem(dumps_table.DUMPS, "mysql", Unreachable())
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
    assert (result.exit_status, result.error_code) == (1, "nothing_found")
    assert site.archives() == []


def test_b5_a_large_archive_warns(site: Site) -> None:
    site.options = {"warning_size_bytes": 100}
    result = site.run()
    assert (result.exit_status, result.status) == (0, "warning")
    assert codes(result) == {"large_archive"}


def test_fh44_the_leftovers_of_a_killed_run_are_removed(site: Site) -> None:
    (site.backups / "iact_data_backup_20261123_020000.tar.part").write_bytes(b"half")
    site.run()
    assert site.archives() == [NAME]


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


def test_two_runs_within_one_second_overwrite_nothing(site: Site) -> None:
    for _unused in range(3):
        assert site.run().exit_status == 0
    assert len(site.archives()) == 3


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
def test_fh12_a_signal_at_the_rename_names_the_archive_where_it_is_there(
    site: Site, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    real = os.rename

    def interrupted(*arguments: str, **more: int) -> None:
        # The history is renamed as well.
        ours = "src_dir_fd" in more
        if after or not ours:
            real(*arguments, **more)
        if ours:
            raise Interrupted(15)

    monkeypatch.setattr(os, "rename", interrupted)
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
