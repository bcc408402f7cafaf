from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Interrupted
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import prune
from tests.unit.jobs.sites import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    for _unused in range(6):
        site.next_night()
    site.options = {"retention_count": 4}
    return site


def test_the_dry_run_announces_what_the_real_one_deletes(site: Site) -> None:
    before = site.archives()
    announced = site.run("prune", dry_run=True)
    assert site.archives() == before
    real = site.run("prune")
    assert announced.facts["would_delete"] == real.facts["deleted"] == before[:2]
    assert (real.facts["kept"], real.changed) == (4, True)
    assert site.archives() == before[2:]


def test_g01_the_dry_run_counts_archives_that_nobody_has_read_yet(site: Site) -> None:
    (site.root / "state" / "archives.json").unlink()
    announced = site.run("prune", dry_run=True)
    assert not (site.root / "state" / "archives.json").exists()
    assert len(announced.facts["would_delete"]) == 2  # type: ignore[arg-type]
    assert site.run("prune").facts["deleted"] == announced.facts["would_delete"]


def test_g01_what_changed_since_the_plan_is_left_alone_and_reported(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = site.archives(), prune.plan
    new = before[0].replace("20261125", "20250101")

    def planned(*arguments: Any) -> prune.Plan:
        found = real(*arguments)
        (site.backups / before[0]).rename(site.backups / new)
        return found

    monkeypatch.setattr(prune, "JOB", prune.JOB._replace(plan=planned))
    result = site.run("prune")
    assert result.facts["deleted"] == before[1:2]
    messages = [finding.message for finding in result.findings if finding.code == "archive_changed"]
    assert len(messages) == 2 and before[0] in messages[0] and new in messages[1]
    assert new in site.archives()


def test_fh43_a_run_that_was_killed_half_way_is_finished_by_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = site.archives()
    real, calls = os.unlink, []

    def killed(path: str, **more: int) -> None:
        if path.startswith("iact_data_backup"):
            calls.append(path)
            if len(calls) == 2:
                raise KeyboardInterrupt
        real(path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            site.run("prune")
    assert site.archives() == before[1:]
    site.run("prune")
    assert site.archives() == before[2:]


@pytest.mark.parametrize(("fault", "status"), [(OSError(5, "Input/output error"), 1), (Interrupted(15), 143)])
def test_what_was_deleted_is_told_where_the_run_does_not_end_well(
    site: Site, monkeypatch: pytest.MonkeyPatch, fault: BaseException, status: int
) -> None:
    before, real = site.archives(), os.unlink

    def ended(path: str, **more: int) -> None:
        if path == before[1]:
            raise fault
        real(path, **more)

    monkeypatch.setattr(os, "unlink", ended)
    result = site.run("prune")
    assert (result.exit_status, result.changed, result.facts["deleted"]) == (status, True, before[:1])


def test_a_second_run_changes_nothing(site: Site) -> None:
    site.run("prune")
    assert not site.run("prune").changed
