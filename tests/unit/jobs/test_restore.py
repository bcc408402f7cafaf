from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import report
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import logs_restore
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import table as dumps_table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import (
    DumpFacts,
    RestoreFacts,
    Source,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.servers import ServerDumper
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    DatabaseFault,
    Interrupted,
    MaintenanceError,
    Refused,
    ToolMissing,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Command, Limits
from tests.unit.archive import samples
from tests.unit.jobs.sites import Site

MYSQL = {"mysql": {"login_user": "iact"}}
ACCOUNT = {"mysql": {"login_user": "iact_restore", "login_host": "127.0.0.1"}}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    assert site.run().exit_status == 0
    return site


class FakeEngine(ModuleType):
    """A database whose dump is a line, and which remembers what was restored into which database."""

    def __init__(self) -> None:
        super().__init__("fake")
        self.restored: dict[str, bytes] = {}
        self.sources: list[Source] = []
        self.rows = 7
        self.fault: Interrupted | None = None
        self.refusal: MaintenanceError | None = None
        self.checked: list[str] = []
        self.drops = True

    def create(self, host: object, server: object, database: str) -> bool:
        return True

    def drop(self, host: object, server: object, database: str) -> bool:
        return self.drops

    def locate(self, settings: object, server: object, host: object) -> list[Source]:
        return [Source("mysql.iact", "mysql", "iact", ("dora_metrics",))]

    def dump(self, host: object, server: object, source: Source, settings: object, output: object) -> DumpFacts:
        output.run(host, Command(("/bin/echo", "dump")), lambda _chunk: None, Limits(30))  # type: ignore[attr-defined]
        return DumpFacts({"dora_metrics": 7}, "", "10.11", {}, "mariadb-dump", (), "sql")

    def check_restore(self, host: object, server: object, database: str) -> None:
        self.checked.append(database)
        if self.refusal is not None:
            raise self.refusal

    def restore(
        self, host: object, server: object, source: Source, database: str, stream: Iterator[bytes], settings: object
    ) -> RestoreFacts:
        self.restored[database] = b"".join(stream)
        self.sources.append(source)
        if self.fault is not None:
            raise self.fault
        if self.rows < 0:
            raise MaintenanceError("restore_failed", "ERROR 1064 near x")
        return RestoreFacts(database, {"dora_metrics": self.rows})


@pytest.fixture
def engine(site: Site, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setitem(dumps_table.DUMPERS, "mysql", ServerDumper("mysql", fake))
    site.options = {"tables": ["dora_metrics"]}
    site.host.moment = site.host.moment.replace(hour=3)
    assert site.run(sections=MYSQL).exit_status == 0
    return fake


def restored(site: Site, *, dry_run: bool = False, **options: object) -> report.Report:
    return site.run("restore", {"restore": options}, dry_run=dry_run)


def test_b7_files_are_restored_into_a_new_directory_with_equal_rows(site: Site) -> None:
    target = site.root / "restored"
    result = restored(site, target_directory=str(target))
    assert (result.exit_status, result.status, result.changed) == (0, "ok", True), result
    assert sorted(os.listdir(target)) == ["app.json.log.1", "error_json.log", "sqlite.site.sqlite3"]
    assert (target / "error_json.log").read_bytes() == (site.logs / "error_json.log").read_bytes()
    with sqlite3.connect(target / "sqlite.site.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM dora_metrics").fetchone() == (1000,)
    rows = {row["name"]: row for row in result.facts["components"]}  # type: ignore[attr-defined]
    assert rows["sqlite.site"]["tables_equal"] == "1 of 1" and rows["logs"]["files"] == 2


def test_one_component_of_a_named_archive_is_restored(site: Site) -> None:
    target = site.root / "restored"
    archive = str(site.backups / site.archives()[0])
    result = restored(site, archive=archive, components=["logs"], target_directory=str(target))
    assert result.exit_status == 0
    assert sorted(os.listdir(target)) == ["app.json.log.1", "error_json.log"]


def test_an_archive_that_lies_elsewhere_is_restored_by_its_path(site: Site) -> None:
    elsewhere = site.root / "copy.tar"
    (site.backups / site.archives()[0]).rename(elsewhere)
    result = restored(site, archive=str(elsewhere), target_directory=str(site.root / "restored"))
    assert result.exit_status == 0


def test_on_a_host_set_up_anew_the_latest_is_one_that_was_not_proven_yet(site: Site) -> None:
    (site.root / "state" / "archives.json").unlink()
    assert restored(site, target_directory=str(site.root / "restored")).exit_status == 0


def test_the_dry_run_says_where_everything_would_go_and_writes_nothing(site: Site) -> None:
    target = site.root / "restored"
    result = restored(site, dry_run=True, target_directory=str(target))
    assert [row["target"] for row in result.facts["components"]] == [str(target)] * 2  # type: ignore[attr-defined]
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({}, "no_target"),
        ({"target_directory": "/nowhere/deep/er"}, "unsafe_target"),
        ({"components": ["sqlite.sit"]}, "no_component"),
        ({"archive": "none.tar"}, "no_archive"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_not_possible_is_refused(site: Site, options: dict[str, object], code: str, dry_run: bool) -> None:
    result = restored(site, dry_run=dry_run, **options)
    assert (result.exit_status, result.error_code) == (2, code)


def test_the_source_of_an_sqlite_file_is_never_a_target(site: Site) -> None:
    before = site.database.read_bytes()
    assert restored(site, target_directory=str(site.root)).error_code == "unsafe_target"
    assert restored(site, target_directory=str(site.database)).error_code == "unsafe_target"
    assert site.database.read_bytes() == before


def test_ft01_a_damaged_archive_is_refused_before_anything_is_written(site: Site) -> None:
    path = site.backups / site.archives()[0]
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    path.write_bytes(content)
    result = restored(site, archive=path.name, target_directory=str(site.root / "restored"))
    assert (result.exit_status, result.error_code) == (1, "integrity")
    assert not (site.root / "restored").exists()


def test_a_database_without_a_restore_account_is_refused_with_the_grant(site: Site, engine: FakeEngine) -> None:
    result = restored(site, components=["mysql.iact"])
    assert (result.exit_status, result.error_code) == (2, "restore_account")
    assert "GRANT ALL ON `iact\\_restore\\_%`.*" in result.findings[0].hint
    assert engine.restored == {}


def test_c3_the_dry_run_refuses_what_the_server_would_not_let_happen(site: Site, engine: FakeEngine) -> None:
    for refusal in (Refused("restore_account", "it may write elsewhere"), DatabaseFault("auth", "access denied")):
        engine.refusal = refusal
        dry, real = (restored(site, dry_run=dry, components=["mysql.iact"], **ACCOUNT) for dry in (True, False))
        assert (dry.exit_status, dry.error_code) == (real.exit_status, real.error_code)
        assert (dry.exit_status, dry.error_code) == (refusal.exit_status, refusal.code)
    assert set(engine.checked) == {"iact_restore_20261124030000_1"} and engine.restored == {}


def test_c3_the_dry_run_refuses_what_no_program_here_can_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*names: str, hint: str = "") -> str:
        raise ToolMissing(names[0], hint=hint)

    monkeypatch.setattr(site.host, "find_tool", missing)
    target = str(site.root / "restored")
    dry, real = (restored(site, dry_run=dry, target_directory=target) for dry in (True, False))
    assert (dry.exit_status, dry.error_code) == (real.exit_status, real.error_code) == (2, "tool_missing")


def test_ft13_a_database_goes_into_a_scratch_database_of_its_own(site: Site, engine: FakeEngine) -> None:
    result = restored(site, components=["mysql.iact"], **ACCOUNT)
    assert result.exit_status == 0, result
    assert engine.restored == {"iact_restore_20261124030000_1": b"dump\n"}


def test_a_named_database_must_be_a_scratch_one(site: Site, engine: FakeEngine) -> None:
    for name in ("iact", "iact_restore_", "iact_restore_x; DROP", "xiact_restore_x"):
        result = restored(site, components=["mysql.iact"], target_database=name, **ACCOUNT)
        assert (result.exit_status, result.error_code) == (2, "bad_option"), name
    result = restored(site, components=["mysql.iact"], target_database="iact_restore_mine", **ACCOUNT)
    assert result.exit_status == 0 and list(engine.restored) == ["iact_restore_mine"]


def test_the_engine_is_told_the_tables_and_rows_of_the_manifest(site: Site, engine: FakeEngine) -> None:
    assert restored(site, components=["mysql.iact"], **ACCOUNT).exit_status == 0
    assert [(source.tables, source.rows) for source in engine.sources] == [(("dora_metrics",), {"dora_metrics": 7})]


def test_rows_that_differ_from_the_manifest_are_critical(site: Site, engine: FakeEngine) -> None:
    engine.rows = 6
    result = restored(site, components=["mysql.iact"], **ACCOUNT)
    assert (result.exit_status, result.status, result.error_code) == (1, "critical", "rows_differ")
    assert "dora_metrics has 6 rows, the manifest states 7" in result.findings[0].message


def test_ft13_a_restore_that_stops_half_way_leaves_no_files(site: Site, engine: FakeEngine) -> None:
    engine.rows = -1
    target = site.root / "restored"
    result = restored(site, target_directory=str(target), **ACCOUNT)
    assert (result.exit_status, result.error_code) == (1, "restore_failed")
    assert not target.exists()


@pytest.mark.parametrize(("fault", "status"), [(MaintenanceError("storage", "no"), 1), (Interrupted(15), 143)])
@pytest.mark.parametrize("where", ["logs", "sync"])
def test_ft13_databases_that_stay_after_a_run_that_did_not_end_well_are_a_change_and_named(
    site: Site, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, where: str, fault: BaseException, status: int
) -> None:
    target, real = site.root / "restored", os.fsync

    def ended(*_arguments: object) -> int:
        raise fault

    def sync(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(target):
            raise fault
        real(descriptor)

    monkeypatch.setattr(*((logs_restore, "restore", ended) if where == "logs" else (os, "fsync", sync)))
    result = restored(site, target_directory=str(target), **ACCOUNT)
    assert (result.exit_status, result.changed) == (status, True), result
    (row,) = result.facts["components"]  # type: ignore[misc]
    assert (row["name"], row["target"]) == ("mysql.iact", "iact_restore_20261124030000_1")
    assert not target.exists()
    assert status == 1 or "iact_restore_20261124030000_1" in result.summary


@pytest.mark.parametrize("stays", [False, True])
def test_ft13_a_database_that_could_not_be_dropped_is_a_change_and_named(
    site: Site, engine: FakeEngine, stays: bool
) -> None:
    engine.fault, engine.drops = Interrupted(15), not stays
    result = restored(site, components=["mysql.iact"], **ACCOUNT)
    assert (result.exit_status, result.changed) == (143, stays)
    rows = [{"name": "mysql.iact", "target": "iact_restore_20261124030000_1"}]
    assert result.facts["components"] == (rows if stays else [])


def test_b4_a_partial_archive_is_restorable_by_component(site: Site, engine: FakeEngine) -> None:
    site.database.write_bytes(b"broken " * 1000)
    site.host.moment = site.host.moment.replace(hour=4)
    assert site.run(sections=MYSQL).exit_status == 1
    (partial,) = (name for name in site.archives() if "partial" in name)
    target = site.root / "restored"
    result = restored(site, archive=partial, components=["logs"], target_directory=str(target))
    assert (result.exit_status, result.status) == (0, "warning")
    assert {finding.code for finding in result.findings} == {"partial_archive"}


def test_g27_a_sparse_log_comes_back_sparse_and_only_what_it_takes_must_be_free(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (site.logs / "sparse_json.log").open("wb") as stream:
        stream.write(b"first line\n")
        stream.truncate(200 * 1024**2)
        stream.seek(100 * 1024**2)
        stream.write(b"middle\n")
    site.host.moment = site.host.moment.replace(hour=5)
    assert site.run().exit_status == 0
    target = site.root / "restored"
    monkeypatch.setattr(site.host, "free_bytes", lambda path: 10 * 1024**2)
    assert restored(site, target_directory=str(target), components=["logs"]).exit_status == 0
    log = (target / "sparse_json.log").stat()
    assert log.st_size == 200 * 1024**2 and log.st_blocks * 512 < 1024**2


def test_g27_a_restore_that_does_not_fit_is_refused_before_anything_is_written(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = site.root / "restored"
    monkeypatch.setattr(site.host, "free_bytes", lambda path: 1000)
    for dry_run in (True, False):
        result = restored(site, dry_run=dry_run, target_directory=str(target), components=["sqlite.site"])
        assert (result.exit_status, result.error_code) == (1, "no_space") and result.findings[0].hint
    assert not target.exists()


@pytest.fixture
def later(site: Site) -> str:
    """Return the name of an archive of this host, in which an engine of a later version dumped a component."""
    samples.identify(site.root / "state")
    contents = {"sqlite.site": site.database.read_bytes(), "oracle.iact": b"dump"}
    return samples.write(site.backups, samples.NIGHT.replace(hour=9), contents).name


def test_a_component_of_an_engine_that_is_not_known_is_refused_by_name(site: Site, later: str) -> None:
    target = site.root / "restored"
    for dry_run in (True, False):
        result = restored(site, dry_run=dry_run, archive=later, target_directory=str(target))
        assert (result.exit_status, result.error_code, result.changed) == (2, "unknown_engine", False), result
        assert "oracle.iact" in result.findings[0].message and result.findings[0].hint
    assert not target.exists()
    only = restored(site, archive=later, target_directory=str(target), components=["sqlite.site"])
    assert only.exit_status == 0 and os.listdir(target) == ["sqlite.site.sqlite3"]


def test_an_archive_with_an_engine_that_is_not_known_is_listed_verified_and_kept_like_any_other(
    site: Site, later: str
) -> None:
    site.host.moment = site.host.moment.replace(hour=10)
    verified = site.run("verify")
    assert verified.exit_status == 0, verified
    listed = {entry["name"]: entry for entry in site.run("archives").facts["archives"]}  # type: ignore[attr-defined]
    assert listed[later]["kind"] == "good" and set(listed[later]["components"]) == {"sqlite.site", "oracle.iact"}
    assert listed[later]["contents"]["oracle.iact"] == "the whole database"
    assert site.run("prune").exit_status == 0 and later in site.archives()
    night = site.next_night()
    assert (night.exit_status, {row.code for row in night.findings}) == (0, {"component_missing"}), night
    assert "oracle.iact" in night.findings[0].message
