from __future__ import annotations

import os
from pathlib import Path

import pytest

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


def test_a_second_run_changes_nothing(site: Site) -> None:
    site.run("prune")
    assert not site.run("prune").changed
