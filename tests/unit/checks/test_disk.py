"""Room for logs and backups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import Context
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.disk import disk

Make = Callable[..., Context]


def options(tmp_path: Path, **backup: object) -> dict[str, object]:
    for name in ("logs", "backups"):
        (tmp_path / name).mkdir(exist_ok=True)
    settings = {"log_directory": str(tmp_path / "logs"), "directory": str(tmp_path / "backups"), **backup}
    return {"backup": settings}


@pytest.mark.parametrize(
    ("percent", "status"),
    [((50, 50), "pass"), ((20, 50), "pass"), ((19.9, 50), "warn"), ((10, 50), "warn"), ((9.9, 50), "fail")],
)
def test_free_room_is_judged_by_the_thresholds(
    tmp_path: Path, make_context: Make, host: Any, percent: tuple[float, float], status: str
) -> None:
    context = make_context(options(tmp_path))
    host.percent = {str(tmp_path / "logs"): (50, 50), str(tmp_path / "backups"): percent}
    assert [(each.part, each.status) for each in disk(context)] == [("logs", "pass"), ("backups", status)]


def test_a_filesystem_without_free_inodes_is_full(tmp_path: Path, make_context: Make, host: Any) -> None:
    host.percent = {str(tmp_path / "logs"): (90, 1), str(tmp_path / "backups"): (90, 90)}
    outcome = disk(make_context(options(tmp_path)))[0]
    assert outcome.status == "fail"
    assert "inodes" in outcome.message


def test_a_missing_backup_directory_fails(tmp_path: Path, make_context: Make) -> None:
    found = disk(make_context(options(tmp_path, directory=str(tmp_path / "none"))))
    assert found[1].status == "fail"
    assert str(tmp_path / "none") in found[1].message


def test_a_backup_directory_that_the_backup_will_make_is_judged_by_its_parent(
    tmp_path: Path, make_context: Make, host: Any
) -> None:
    host.percent = {str(tmp_path): (15, 90)}
    found = disk(make_context(options(tmp_path, directory=str(tmp_path / "a/b"), create_directory=True)))
    assert found[1].status == "warn"


def test_without_backups_only_the_logs_are_looked_at(make_context: Make) -> None:
    assert [each.part for each in disk(make_context())] in (["logs"], ["state"])


def test_h1_the_jobs_own_logs_are_looked_at_where_they_lie_apart(tmp_path: Path, make_context: Make, host: Any) -> None:
    own = tmp_path / "own"
    own.mkdir()
    host.percent = {str(own): (5, 90)}
    found = disk(make_context({**options(tmp_path), "health": {"log_directory": str(own)}}))
    assert [each.part for each in found] == ["logs", "job_logs", "backups"]
    assert (found[1].status, str(own) in found[1].message) == ("fail", True)


def test_h1_one_directory_of_logs_is_looked_at_once(tmp_path: Path, make_context: Make) -> None:
    settings = options(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "logs")
    for name in ("logs", "logs/", "link"):
        found = disk(make_context({**settings, "health": {"log_directory": str(tmp_path / name)}}))
        assert [each.part for each in found] == ["logs", "backups"]


def test_h1_a_directory_of_the_jobs_own_logs_that_is_missing_fails(tmp_path: Path, make_context: Make) -> None:
    found = disk(make_context({**options(tmp_path), "health": {"log_directory": str(tmp_path / "none")}}))
    assert (found[1].part, found[1].status) == ("job_logs", "fail")
