"""What a dry run announces is what the run then does, over generated directories of archives."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import Missing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.packing import GZIP, Compression
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Report
from tests.unit.archive.samples import IDENTITY, OTHER_IDENTITY, identify, write
from tests.unit.jobs.sites import NIGHT, Site, codes
from tests.unit.jobs.test_archives import later_format

MISSING = (Missing("mysql", "db_unreachable", "x"),)


class Drawn(NamedTuple):
    """One archive of a generated directory: how long ago it was written, and what it is."""

    hours: int
    kind: str


kinds = st.sampled_from(["good", "good", "good", "partial", "other_host", "broken", "copy", "later_format"])
drawn = st.builds(Drawn, st.integers(-400, 24 * 40), kinds)
directories = st.lists(drawn, max_size=14, unique_by=lambda each: each.hours)
options = st.fixed_dictionaries(
    {
        "retention_days": st.integers(1, 40),
        "retention_count": st.integers(2, 8),
        "keep_minimum": st.integers(1, 2),
    }
)


def lay_out(site: Site, each: Drawn) -> None:
    """Put one archive into the site's directory."""
    path = write(
        site.backups,
        NIGHT - timedelta(hours=each.hours),
        {"sqlite.site": b"rows"},
        missing=MISSING if each.kind == "partial" else (),
        compression=Compression(GZIP),
        identity=OTHER_IDENTITY if each.kind == "other_host" else IDENTITY,
    )
    if each.kind == "copy":
        shutil.copy(path, path.with_name(f"iact_data_backup_2020{each.hours % 9 + 1:02}01_020000.tar"))
    if each.kind == "broken":
        path.write_bytes(path.read_bytes()[:-700])
    if each.kind == "later_format":
        path.write_bytes(later_format(path.read_bytes()))


def new_site(root: Path, directory: list[Drawn], chosen: dict[str, int]) -> Site:
    site = Site(root, {**chosen, "min_free_bytes": 0})
    identify(root / "state")
    for each in directory:
        lay_out(site, each)
    return site


def check_announced(site: Site, job: str) -> Report:
    """Run a job after its dry run; what was announced must be what is gone."""
    before = set(os.listdir(site.backups))
    announced = site.run(job, dry_run=True)
    assert set(os.listdir(site.backups)) == before
    result = site.run(job)
    assert announced.facts["would_delete"] == result.facts["deleted"]
    assert before - set(os.listdir(site.backups)) == set(result.facts["deleted"])  # type: ignore[call-overload]
    assert announced.exit_status == result.exit_status
    return result


@pytest.mark.parametrize("job", ["backup", "prune"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(directory=directories, chosen=options, fails=st.booleans())
def test_g01_a_dry_run_names_exactly_what_the_run_deletes(
    job: str, directory: list[Drawn], chosen: dict[str, int], fails: bool
) -> None:
    with tempfile.TemporaryDirectory() as root:
        site = new_site(Path(root), directory, chosen)
        if fails:
            site.options["log_directory"] = str(site.root / "nowhere")
        result = check_announced(site, job)
        assert result.exit_status == (1 if fails and job == "backup" else 0)


def test_g01_the_plan_counts_the_archive_that_the_run_is_about_to_write(tmp_path: Path) -> None:
    site = Site(tmp_path, {"retention_count": 2, "keep_minimum": 1})
    for _unused in range(2):
        site.next_night()
    oldest = site.archives()[0]
    site.host.moment += timedelta(days=1)
    assert check_announced(site, "backup").facts["deleted"] == [oldest]
    assert check_announced(site, "prune").facts["deleted"] == []


def test_g01_rows_that_the_new_archive_turns_out_to_lack_keep_the_last_that_has_them(tmp_path: Path) -> None:
    site = Site(tmp_path, {"retention_count": 1, "keep_minimum": 1})
    site.next_night()
    full = site.archives()[0]
    site.database.unlink()
    site.add_rows(0)
    result = site.next_night()
    assert full in site.archives() and {"tables_emptied", "last_copy"} <= codes(result)


def test_g01_the_list_says_of_each_archive_why_it_stays_or_goes(tmp_path: Path) -> None:
    site = Site(tmp_path, {"retention_count": 5})
    for _unused in range(5):
        site.next_night()
    site.options["retention_count"] = 3
    (site.backups / "iact_data_backup_20200101_020000.tar.gz").write_bytes(b"old")
    rows = site.run("archives").facts["archives"]
    reasons = [row["retention"] for row in rows]  # type: ignore[attr-defined]
    assert reasons[0] == "stays: not counted: this program did not write it"
    assert reasons[1] == reasons[2] == "goes: over retention_count (3)"
    assert set(reasons[3:]) == {"stays: one of the newest 3 (keep_minimum)"}


def planned_and_saved(site: Site) -> tuple[list[str], list[str]]:
    announced, result = site.run(dry_run=True), site.run()
    rows = [json.loads(json.dumps(each.facts["components"])) for each in (announced, result)]
    planned = [row["name"] for row in rows[0] if row["status"] == "planned"]
    return planned, [row["name"] for row in rows[1] if row["status"] == "saved"]


@pytest.mark.parametrize("name", ["none", "app.json.log.1"])
def test_g02_a_pattern_that_matches_nothing_is_seen_by_the_plan(tmp_path: Path, name: str) -> None:
    site = Site(tmp_path, {"log_patterns": [name]})
    planned, saved = planned_and_saved(site)
    assert planned == saved == (["sqlite.site"] if name == "none" else ["sqlite.site", "logs"])


def test_g02_logs_that_are_only_links_are_no_component(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for path in site.logs.iterdir():
        path.unlink()
    (site.logs / "a_json.log").symlink_to("/etc/hostname")
    assert planned_and_saved(site) == (["sqlite.site"], ["sqlite.site"])


def test_g02_nothing_to_save_ends_the_dry_run_as_it_ends_the_run(tmp_path: Path) -> None:
    site = Site(tmp_path, {"sqlite_files": [], "log_patterns": ["none"]})
    for dry_run in (True, False):
        result = site.run(dry_run=dry_run)
        assert (result.exit_status, result.error_code) == (1, "nothing_to_back_up")


def test_g02_what_the_run_cannot_save_fails_the_dry_run(tmp_path: Path) -> None:
    site = Site(tmp_path, {"log_directory": str(tmp_path / "nowhere")})
    for dry_run in (True, False):
        result = site.run(dry_run=dry_run)
        assert (result.exit_status, result.error_code) == (1, "no_directory")


def test_g18_what_a_component_holds_stands_beside_its_name(tmp_path: Path) -> None:
    site = Site(tmp_path)
    held = {"sqlite.site": "the whole file", "logs": "2 files"}
    for result in (site.run(dry_run=True), site.run()):
        rows = {row["name"]: row.get("contents", "") for row in result.facts["components"]}  # type: ignore[attr-defined]
        assert all(rows[name].startswith(text) for name, text in held.items())
    (row,) = site.run("archives").facts["archives"]  # type: ignore[misc]
    assert row["contents"] == {"sqlite.site": "the whole file, 1 table", "logs": "2 files"}


@pytest.mark.parametrize("content", [None, b"no database, but long enough to be read as the header of one" * 20])
def test_g02_an_sqlite_file_that_cannot_be_saved_is_announced_and_costs_no_other(
    tmp_path: Path, content: bytes | None
) -> None:
    site = Site(tmp_path)
    other = site.root / "other.sqlite3"
    if content is not None:
        other.write_bytes(content)
    site.options = {"sqlite_files": [str(site.database), str(other)]}
    planned, done = site.run(dry_run=True), site.run()
    for report in (planned, done):
        assert (report.exit_status, report.error_code) == (1, "no_database"), report
        (finding,) = [each for each in report.findings if each.severity == "critical"]
        assert finding.subject == "sqlite.other" and "backup.sqlite_files" in finding.hint
        rows = {row["name"]: row["status"] for row in report.facts["components"]}  # type: ignore[attr-defined]
        assert rows["sqlite.other"] == "missing" and "sqlite.site" in rows and "sqlite" not in rows
    assert str(done.facts["archive"]).endswith(".partial.tar")
