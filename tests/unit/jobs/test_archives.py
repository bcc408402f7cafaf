from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.jobs.sites import Site, codes, refuse


def test_the_list_names_the_newest_good_archive_and_changes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for _unused in range(2):
        site.next_night()
    before = {name: os.stat(site.backups / name) for name in site.archives()}
    result = site.run("archives")
    assert result.facts["newest_good"] == site.archives()[-1]
    assert result.summary.endswith("backups: 2, the newest of 2026-11-26T02:00:00Z")
    assert {name: os.stat(site.backups / name) for name in site.archives()} == before


def test_a_broken_archive_warns(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.run()
    (site.backups / site.archives()[0]).write_bytes(b"cut")
    result = site.run("archives")
    assert (result.exit_status, result.status) == (0, "warning")
    assert result.findings[0].code == "broken_archive"
    assert result.facts["newest_good"] is None


def test_an_archive_that_may_not_be_read_is_not_called_broken_and_counts_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    site.run()
    (name,) = site.archives()
    refuse(monkeypatch, name)
    result = site.run("archives")
    (shown,) = result.facts["archives"]  # type: ignore[attr-defined]
    assert shown["kind"] == "unverified" and "Permission denied" in shown["reason"]
    assert codes(result) == {"unverified"} and "by hand" not in result.findings[0].hint
    assert result.facts["newest_good"] is None
    assert site.run("verify").error_code == "no_archive", "what has no date is never the latest"
    pruned = site.run("prune")
    assert (pruned.facts["deleted"], pruned.facts["kept"], codes(pruned)) == ([], 0, {"unverified"})
