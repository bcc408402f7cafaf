from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.jobs.sites import Site, refuse


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    for _unused in range(2):
        site.next_night()
    return site


def verified(site: Site, which: str) -> dict[str, str]:
    result = site.run("verify", {"restore": {"archive": which}})
    return {entry["name"]: entry["kind"] for entry in result.facts["archives"]}  # type: ignore[attr-defined]


def test_the_latest_a_name_a_path_or_all_are_verified(site: Site) -> None:
    first, last = site.archives()
    assert verified(site, "latest") == {last: "good"}
    assert verified(site, first) == {first: "good"}
    assert verified(site, str(site.backups / first)) == {first: "good"}
    assert verified(site, "all") == {first: "good", last: "good"}


def test_ft01_a_flipped_bit_is_found_named_and_remembered(site: Site) -> None:
    first, last = site.archives()
    path = site.backups / last
    content = bytearray(path.read_bytes())
    content[700] ^= 1
    path.write_bytes(content)
    result = site.run("verify")
    assert result.exit_status == 0, "latest is the newest good one, and a file that changed is not good"
    result = site.run("verify", {"restore": {"archive": last}})
    assert (result.exit_status, result.error_code) == (1, "integrity")
    assert last in result.findings[0].message
    assert site.kinds() == ["good", "broken"]


def test_an_archive_that_cannot_be_read_keeps_no_other_from_its_verdict(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.next_night()
    first, second, third = site.archives()
    (site.root / "state" / "archives.json").unlink()
    refuse(monkeypatch, first)
    result = site.run("verify", {"restore": {"archive": "all"}})
    assert (result.exit_status, result.error_code) == (1, "unverified")
    assert result.summary.endswith("2 of 3") and first in result.findings[0].message
    assert "Permission denied" in result.findings[0].message
    assert verified(site, "all") == {first: "unverified", second: "good", third: "good"}
    assert site.kinds() == ["unverified", "good", "good"], "the proofs are remembered"


def test_a_link_with_an_archives_name_is_broken_and_the_others_are_read(site: Site) -> None:
    first, last = site.archives()
    link = "iact_data_backup_20200101_020000.tar"
    (site.backups / link).symlink_to(site.backups / last)
    assert verified(site, "all") == {link: "broken", first: "good", last: "good"}
    assert site.run("verify", {"restore": {"archive": "all"}}).error_code == "integrity"


def test_an_archive_that_lies_elsewhere_is_verified_by_its_path_and_no_proof_is_kept(site: Site) -> None:
    elsewhere = site.root / "copy.tar"
    (site.backups / site.archives()[0]).rename(elsewhere)
    proofs = (site.root / "state" / "archives.json").read_bytes()
    assert verified(site, str(elsewhere)) == {str(elsewhere): "good"}
    content = bytearray(elsewhere.read_bytes())
    content[700] ^= 1
    elsewhere.write_bytes(content)
    result = site.run("verify", {"restore": {"archive": str(elsewhere)}})
    assert (result.exit_status, result.error_code) == (1, "integrity")
    assert (site.root / "state" / "archives.json").read_bytes() == proofs


def test_what_is_no_archive_is_broken_and_named(site: Site) -> None:
    result = site.run("verify", {"restore": {"archive": "/etc/passwd"}})
    assert (result.exit_status, result.error_code) == (1, "integrity")
    assert "passwd" in result.findings[0].message


@pytest.mark.parametrize("job", ["verify", "restore"])
@pytest.mark.parametrize("which", ["./x.tar", "../x", "backups/x.tar", "none.tar/"])
def test_a_relative_path_is_refused_since_the_working_directory_is_another(site: Site, job: str, which: str) -> None:
    result = site.run(job, {"restore": {"archive": which}})
    assert (result.exit_status, result.error_code) == (2, "bad_option")
    assert "restore.archive" in result.findings[0].message and which in result.findings[0].message


@pytest.mark.parametrize("job", ["verify", "restore"])
@pytest.mark.parametrize("which", ["none.tar", "/none.tar", "/none/none.tar", "{backups}/none.tar"])
def test_an_archive_that_is_missing_is_refused_alike(site: Site, job: str, which: str) -> None:
    result = site.run(job, {"restore": {"archive": which.format(backups=site.backups)}})
    assert (result.exit_status, result.error_code) == (2, "no_archive")


@pytest.mark.parametrize("which", ["none.tar", "iact_data_backup_20200101_020000.tar.gz"])
def test_an_archive_that_is_not_there_is_refused(site: Site, which: str) -> None:
    (site.backups / "iact_data_backup_20200101_020000.tar.gz").write_bytes(b"")
    result = site.run("verify", {"restore": {"archive": which}})
    assert (result.exit_status, result.error_code) == (2, "no_archive")


def test_an_empty_directory_has_no_latest(tmp_path: Path) -> None:
    assert Site(tmp_path).run("verify").error_code == "no_archive"
