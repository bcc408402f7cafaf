from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import identity
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import inventory
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import Missing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories import catalogue
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories.folder import (
    Folder,
    open_folder,
)
from tests.unit.archive.samples import LIMITS, NIGHT, OTHER_IDENTITY, identify, write


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    identify(tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir(mode=0o700)
    return tmp_path / "backups"


@pytest.fixture
def folder(backups: Path) -> Iterator[Folder]:
    with open_folder(Host(), str(backups)) as opened:
        yield opened


def entries(folder: Folder, state: Path) -> tuple[inventory.Entry, ...]:
    return catalogue.read(Host(), folder, str(state)).entries


def kinds(folder: Folder, state: Path) -> dict[str, str]:
    return {entry.name: entry.kind for entry in entries(folder, state)}


def prove_all(folder: Folder, state: Path) -> None:
    proofs = {entry.name: catalogue.prove(Host(), folder, entry, LIMITS) for entry in entries(folder, state)}
    catalogue.remember(Host(), str(state), folder, proofs)


def test_an_archive_is_good_only_after_it_was_proven(folder: Folder, backups: Path, state: Path) -> None:
    name = write(backups).name
    assert kinds(folder, state) == {name: "unverified"}
    prove_all(folder, state)
    assert kinds(folder, state) == {name: "good"}


def test_a_proof_does_not_hold_for_a_file_that_changed(folder: Folder, backups: Path, state: Path) -> None:
    path = write(backups)
    prove_all(folder, state)
    os.utime(path, ns=(0, 0))
    assert kinds(folder, state) == {path.name: "unverified"}


def test_ft01_an_archive_found_damaged_stays_broken(folder: Folder, backups: Path, state: Path) -> None:
    path = write(backups)
    content = bytearray(path.read_bytes())
    content[515] ^= 1
    path.write_bytes(content)
    assert kinds(folder, state) == {path.name: "unverified"}
    prove_all(folder, state)
    (entry,) = entries(folder, state)
    assert entry.kind == "broken" and "digest" in entry.reason


def test_fh44_foreign_and_broken_archives_are_shown(folder: Folder, backups: Path, state: Path) -> None:
    (backups / "iact_data_backup_20250101_020000.tar.gz").write_bytes(b"old")
    (backups / "iact_data_backup_20250102_020000.tar").write_bytes(b"cut")
    (backups / "iact_data_backup_20250103_020000.tar").symlink_to("/etc/passwd")
    (backups / "iact_data_backup_20250104_020000.tar.part").write_bytes(b"left")
    (backups / "notes.txt").write_bytes(b"")
    assert kinds(folder, state) == {
        "iact_data_backup_20250101_020000.tar.gz": "foreign",
        "iact_data_backup_20250102_020000.tar": "broken",
        "iact_data_backup_20250103_020000.tar": "broken",
    }


def test_a_partial_archive_is_never_good_also_under_a_final_name(folder: Folder, backups: Path, state: Path) -> None:
    path = write(backups, missing=(Missing("mysql.iact", "auth", "wrong password"),))
    prove_all(folder, state)
    assert kinds(folder, state) == {path.name: "partial"}
    path.rename(backups / path.name.replace(".partial", ""))
    prove_all(folder, state)
    assert list(kinds(folder, state).values()) == ["partial"]


def test_the_newest_good_archive_is_found_by_its_manifest(folder: Folder, backups: Path, state: Path) -> None:
    for days in (0, 2, 1):
        write(backups, NIGHT + timedelta(days=days))
    now = NIGHT + timedelta(days=2)
    assert inventory.newest(entries(folder, state), now) is None
    prove_all(folder, state)
    found = inventory.newest(entries(folder, state), now)
    assert found is not None and found.created_at == NIGHT + timedelta(days=2)


def test_fh25_an_archive_ahead_of_the_clock_is_not_the_newest(folder: Folder, backups: Path, state: Path) -> None:
    for days in (0, 1, 800):
        write(backups, NIGHT + timedelta(days=days))
    prove_all(folder, state)
    found_there = entries(folder, state)
    # Clocks that differ by a few minutes are no reason to doubt.
    for now, days in ((NIGHT + timedelta(days=1, seconds=-300), 1), (NIGHT + timedelta(days=1, seconds=-301), 0)):
        found = inventory.newest(found_there, now)
        assert found is not None and found.created_at == NIGHT + timedelta(days=days)
    assert inventory.newest(found_there, NIGHT - timedelta(days=1)) is None
    said = inventory.ahead_in_words(found_there, NIGHT)
    assert "iact_data_backup_20290201_020000.tar of 2029-02-01T02:00:00Z and 1 more" in said
    assert inventory.ahead_in_words(found_there, NIGHT + timedelta(days=900)) == ""


def test_g2a_a_good_archive_that_is_gone_is_missed_until_it_is_told(folder: Folder, backups: Path, state: Path) -> None:
    path, kept = write(backups), write(backups, NIGHT + timedelta(days=1))
    prove_all(folder, state)
    path.unlink()
    catalogue.remember(Host(), str(state), folder, {})
    found = catalogue.read(Host(), folder, str(state))
    assert found.missing == (path.name,) and path.name in found.missing_in_words
    catalogue.forget(Host(), str(state), found.missing)
    assert catalogue.read(Host(), folder, str(state)).missing == ()
    assert list(json.loads((state / "archives.json").read_text())) == [kept.name]


@pytest.mark.parametrize("made_again", [False, True])
def test_g2a_archives_that_are_gone_together_with_the_identity_are_missed(
    folder: Folder, backups: Path, state: Path, made_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Host, "machine", lambda _host: "a" * 64)
    identify(state)
    path = write(backups)
    prove_all(folder, state)
    path.unlink()
    (state / "identity").unlink()
    if made_again:
        identity.ensure(Host(), str(state))
    catalogue.remember(Host(), str(state), folder, {})
    assert catalogue.read(Host(), folder, str(state)).missing == (path.name,)
    # Of a clone's state directory nothing is missed, since the archives are the other host's.
    monkeypatch.setattr(Host, "machine", lambda _host: "b" * 64)
    (state / "identity").unlink(missing_ok=True)
    identity.ensure(Host(), str(state))
    assert catalogue.read(Host(), folder, str(state)).missing == ()


def test_proofs_of_partial_broken_and_other_hosts_archives_that_are_gone_are_forgotten(
    folder: Folder, backups: Path, state: Path
) -> None:
    partial = write(backups, missing=(Missing("mysql.iact", "auth", "wrong password"),))
    other = write(backups, NIGHT + timedelta(days=1), identity=OTHER_IDENTITY)
    broken = write(backups, NIGHT + timedelta(days=2))
    broken.write_bytes(broken.read_bytes().replace(b"sqlite.other", b"sqlite.othex", 1))
    prove_all(folder, state)
    for path in (partial, other, broken):
        path.unlink()
    catalogue.remember(Host(), str(state), folder, {})
    assert catalogue.read(Host(), folder, str(state)).missing == ()
    assert json.loads((state / "archives.json").read_text()) == {}


def test_g21_another_host_s_archive_is_its_own_whatever_is_proven_of_it(
    folder: Folder, backups: Path, state: Path
) -> None:
    path = write(backups, identity=OTHER_IDENTITY)
    before_identities = write(backups, NIGHT + timedelta(days=1), identity="")
    prove_all(folder, state)
    assert kinds(folder, state) == {path.name: "other_host", before_identities.name: "other_host"}
    (first, second) = entries(folder, state)
    assert Host().name() in first.reason and OTHER_IDENTITY in first.reason and first.proven_at
    assert "before hosts had an identity" in second.reason
    assert inventory.newest(entries(folder, state), NIGHT + timedelta(days=2)) is None


def test_g21_without_an_identity_no_archive_is_this_host_s(folder: Folder, backups: Path, state: Path) -> None:
    path = write(backups)
    before_identities = write(backups, NIGHT + timedelta(days=1), identity="")
    for content in ('{"id": 5}', "{", json.dumps({"id": "1" * 32, "machine": "another", "made_at": "x"})):
        (state / "identity").write_text(content)
        assert kinds(folder, state) == {path.name: "other_host", before_identities.name: "other_host"}


@pytest.mark.parametrize("linked", [False, True])
def test_g22_the_same_content_counts_once(folder: Folder, backups: Path, state: Path, linked: bool) -> None:
    path = write(backups)
    for name in ("iact_data_backup_20200101_020000.tar", path.name.replace(".tar", "_2.tar")):
        (os.link if linked else shutil.copy)(path, backups / name)
    prove_all(folder, state)
    found = kinds(folder, state)
    assert found.pop(path.name) == "good" and set(found.values()) == {"copy"}
    assert catalogue.read(Host(), folder, str(state)).missing == ()
    # Renamed, it is still there, and counts.
    path.unlink()
    assert sorted(kinds(folder, state).values()) == ["copy", "good"]
    assert catalogue.read(Host(), folder, str(state)).missing == ()


def test_g22_a_copy_of_a_damaged_archive_counts_in_its_place(folder: Folder, backups: Path, state: Path) -> None:
    path, copied = write(backups), backups / "iact_data_backup_20200101_020000.tar"
    shutil.copy(path, copied)
    content = bytearray(path.read_bytes())
    content[515] ^= 1
    path.write_bytes(content)
    prove_all(folder, state)
    prove_all(folder, state)
    assert kinds(folder, state) == {path.name: "broken", copied.name: "good"}


def test_an_entry_is_shown_as_plain_data(folder: Folder, backups: Path, state: Path) -> None:
    write(backups)
    prove_all(folder, state)
    (shown,) = (entry.as_dict(lambda source: source.engine) for entry in entries(folder, state))
    assert shown["kind"] == "good" and shown["created_at"] == "2026-11-24T02:00:00Z"
    assert shown["components"] == ["sqlite.site", "sqlite.other"] and "proven_at" in shown
    json.dumps(shown)
