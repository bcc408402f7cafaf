"""The age of the newest good backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import Missing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.backups import backups
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import Context
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.outcome import Outcome
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories import catalogue
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories.folder import open_folder
from tests.unit.archive.samples import LIMITS, OTHER_IDENTITY, identify, write

from .conftest import NOW

Judge = Callable[..., Outcome]
HOUR = 3600


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    identify(tmp_path / "state")
    (tmp_path / "backups").mkdir(mode=0o700)
    return tmp_path / "backups"


@pytest.fixture
def judge(directory: Path, make_context: Callable[..., Context]) -> Judge:
    """Judge the directory, the config file having been written so many seconds ago."""

    def judge_directory(written: float | None = None, **changes: object) -> Outcome:
        options = {"directory": str(directory), "tables": ["dora_metrics"], **changes}
        written_at = None if written is None else NOW.timestamp() - written
        (outcome,) = backups(make_context({"backup": options}, written_at=written_at))
        return outcome

    return judge_directory


def archive(directory: Path, hours_ago: float, *, proven: bool = True, missing: tuple[Missing, ...] = ()) -> None:
    name = write(directory, NOW - timedelta(hours=hours_ago), missing=missing).name
    with open_folder(Host(), str(directory)) as folder:
        state = str(directory.parent / "state")
        (entry,) = [each for each in catalogue.read(Host(), folder, state).entries if each.name == name]
        if proven:
            catalogue.remember(Host(), state, folder, {name: catalogue.prove(Host(), folder, entry, LIMITS)})


def test_a_young_good_archive_passes(directory: Path, judge: Judge) -> None:
    archive(directory, 10)
    outcome = judge()
    assert (outcome.status, outcome.measure and outcome.measure.value) == ("pass", 10 * HOUR)


def test_fc10_an_old_archive_fails(directory: Path, judge: Judge) -> None:
    archive(directory, 27)
    assert judge().status == "fail"


def test_x14_a_partial_archive_of_last_night_does_not_count(directory: Path, judge: Judge) -> None:
    archive(directory, 27)
    archive(directory, 3, missing=(Missing("mysql.iact", "auth", "no login"),))
    assert judge().status == "fail"


def test_fh25_an_archive_ahead_of_the_clock_is_named_and_hides_no_old_one(directory: Path, judge: Judge) -> None:
    archive(directory, -5 * 365 * 24)
    assert judge().status == "warn"
    archive(directory, 3)
    outcome = judge()
    assert (outcome.status, outcome.code) == ("warn", "ahead_of_clock")
    assert "iact_data_backup_20310228_120000.tar of 2031-02-28T12:00:00Z" in outcome.message
    assert outcome.measure and outcome.measure.value == 3 * HOUR


def test_fh25_the_real_newest_one_is_judged_where_another_is_ahead_of_the_clock(directory: Path, judge: Judge) -> None:
    archive(directory, -5 * 365 * 24)
    archive(directory, 27)
    outcome = judge()
    assert outcome.status == "fail"
    assert "27 h old" in outcome.message and "20310228" in outcome.message


def test_a_clock_that_was_set_back_by_a_minute_is_no_trouble(directory: Path, judge: Judge) -> None:
    archive(directory, -1 / 60)
    outcome = judge()
    assert (outcome.status, outcome.measure and outcome.measure.value) == ("pass", 0)


def test_fc10_no_archive_at_all_fails_once_the_first_is_overdue(judge: Judge) -> None:
    assert judge(written=25 * HOUR).status == "skip"
    assert judge(written=27 * HOUR).status == "fail"
    assert judge().status == "skip"


def test_g2a_a_changed_setting_begins_no_limit_anew(directory: Path, judge: Judge) -> None:
    identify(directory.parent / "state", made_at="2026-02-28T08:00:00Z")
    assert judge(written=60).status == "fail"


def test_g2a_an_archive_that_was_proven_and_is_gone_fails_at_once(directory: Path, judge: Judge) -> None:
    archive(directory, 30)
    archive(directory, 3)
    newest = sorted(directory.iterdir())[-1]
    newest.unlink()
    outcome = judge(written=60)
    assert (outcome.status, outcome.code) == ("fail", "archives_missing")
    assert newest.name in outcome.message and "the newest left is" in outcome.message
    for path in directory.iterdir():
        path.unlink()
    outcome = judge(written=60)
    assert outcome.status == "fail" and "and 1 more" in outcome.message and "no good one is left" in outcome.message


def test_g2a_a_directory_that_is_gone_with_its_archives_fails_although_a_backup_would_make_it(
    directory: Path, judge: Judge
) -> None:
    archive(directory, 3)
    shutil.rmtree(directory)
    outcome = judge(create_directory=True, written=60)
    assert (outcome.status, outcome.code) == ("fail", "archives_missing")


def test_g21_archives_of_another_host_are_no_backup_of_this_one(directory: Path, judge: Judge) -> None:
    write(directory, NOW - timedelta(hours=3), identity=OTHER_IDENTITY)
    assert judge(written=27 * HOUR).status == "fail"
    outcome = judge(written=60)
    assert outcome.status == "warn" and "other_host: 1" in outcome.message


def test_fh06_a_backup_disk_that_is_not_mounted_is_named(directory: Path, judge: Judge) -> None:
    with pytest.raises(MaintenanceError) as caught:
        judge(require_mountpoint=True)
    assert caught.value.code == "not_mounted"


def test_an_archive_that_was_never_proven_warns(directory: Path, judge: Judge) -> None:
    archive(directory, 3, proven=False)
    outcome = judge()
    assert outcome.status == "warn"
    assert "verify" in outcome.hint


def test_an_old_script_s_archive_is_no_backup(directory: Path, judge: Judge) -> None:
    (directory / "iact_data_backup_20260301_020000.tar.gz").write_bytes(b"x")
    assert judge(written=27 * HOUR).status == "fail"


def test_fc15_a_disabled_backup_is_skipped(judge: Judge) -> None:
    assert judge(enabled=False).status == "skip"


def test_a_missing_directory_fails_unless_the_first_backup_makes_it(tmp_path: Path, judge: Judge) -> None:
    missing = str(tmp_path / "none")
    assert judge(directory=missing, create_directory=True).status == "skip"
    with pytest.raises(MaintenanceError) as caught:
        judge(directory=missing)
    assert missing in caught.value.message
