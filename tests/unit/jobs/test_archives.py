from __future__ import annotations

import os
from pathlib import Path

from tests.unit.jobs.sites import Site


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
