from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.unit.jobs.sites import Site, codes, refuse


def state_of(path: Path) -> tuple[int, int, int, int]:
    """Return what changes with a file, and not the time of its last reading, which the system keeps as it likes."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def test_the_list_names_the_newest_good_archive_and_changes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    for _unused in range(2):
        site.next_night()
    before = {name: state_of(site.backups / name) for name in site.archives()}
    result = site.run("archives")
    assert result.facts["newest_good"] == site.archives()[-1]
    assert result.summary.endswith("backups: 2, the newest of 2026-11-26T02:00:00Z")
    assert {name: state_of(site.backups / name) for name in site.archives()} == before


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


def test_g17_an_archive_of_a_later_format_is_no_broken_one_and_stays(tmp_path: Path) -> None:
    site = Site(tmp_path)
    name = os.path.basename(str(site.run().facts["archive"]))
    path = site.backups / name
    path.write_bytes(later_format(path.read_bytes()))
    assert site.kinds() == ["newer"]
    (listed,) = [finding for finding in site.run("archives").findings if finding.code == "newer_format"]
    assert "newer version" in listed.message and listed.hint
    site.options = {"retention_days": 1, "retention_count": 1, "keep_minimum": 1}
    for _unused in range(3):
        last = site.next_night()
    assert last.exit_status == 0 and name in site.archives() and "integrity" not in codes(last)
    for job, status in (("verify", 1), ("restore", 2)):
        target = {"archive": name, "target_directory": str(site.root / "target")}
        result = site.run(job, {"restore": target})
        assert (result.exit_status, "newer version" in result.findings[0].message) == (status, True), result


def later_format(content: bytes) -> bytes:
    """Return an archive as a later version would write it: its manifest has members of its own, and a right digest."""
    start = content.index(b'{\n "format"')
    end = content.index(b"}\n\0", start) + 2
    manifest = content[start:end].replace(b'"format_version": 1', b'"format_version": 2')
    digest = hashlib.sha256(content[start:end]).hexdigest().encode()
    return content.replace(content[start:end], manifest).replace(digest, hashlib.sha256(manifest).hexdigest().encode())
