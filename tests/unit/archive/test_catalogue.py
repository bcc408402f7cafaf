from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import catalogue
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.folder import (
    Folder,
    open_folder,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import Missing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from tests.unit.archive.samples import LIMITS, NIGHT, write


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir(mode=0o700)
    return tmp_path / "backups"


@pytest.fixture
def folder(backups: Path) -> Iterator[Folder]:
    with open_folder(Host(), str(backups)) as opened:
        yield opened


def kinds(folder: Folder, state: Path) -> dict[str, str]:
    return {entry.name: entry.kind for entry in catalogue.read(folder, str(state))}


def prove_all(folder: Folder, state: Path) -> None:
    proofs = {}
    for entry in catalogue.read(folder, str(state)):
        _entry, proofs[entry.name] = catalogue.prove(Host(), folder, entry, LIMITS)
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
    (entry,) = catalogue.read(folder, str(state))
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
    assert catalogue.newest(catalogue.read(folder, str(state)), now) is None
    prove_all(folder, state)
    found = catalogue.newest(catalogue.read(folder, str(state)), now)
    assert found is not None and found.created_at == NIGHT + timedelta(days=2)


def test_fh25_an_archive_ahead_of_the_clock_is_not_the_newest(folder: Folder, backups: Path, state: Path) -> None:
    for days in (0, 1, 800):
        write(backups, NIGHT + timedelta(days=days))
    prove_all(folder, state)
    entries = catalogue.read(folder, str(state))
    # Clocks that differ by a few minutes are no reason to doubt.
    for now, days in ((NIGHT + timedelta(days=1, seconds=-300), 1), (NIGHT + timedelta(days=1, seconds=-301), 0)):
        found = catalogue.newest(entries, now)
        assert found is not None and found.created_at == NIGHT + timedelta(days=days)
    assert catalogue.newest(entries, NIGHT - timedelta(days=1)) is None
    said = catalogue.ahead_in_words(entries, NIGHT)
    assert "iact_data_backup_20290201_020000.tar of 2029-02-01T02:00:00Z and 1 more" in said
    assert catalogue.ahead_in_words(entries, NIGHT + timedelta(days=900)) == ""


def test_proofs_of_archives_that_are_gone_are_forgotten(folder: Folder, backups: Path, state: Path) -> None:
    path = write(backups)
    prove_all(folder, state)
    path.unlink()
    catalogue.remember(Host(), str(state), folder, {})
    assert json.loads((state / "archives.json").read_text()) == {}


def test_an_entry_is_shown_as_plain_data(folder: Folder, backups: Path, state: Path) -> None:
    write(backups)
    prove_all(folder, state)
    (shown,) = (entry.as_dict() for entry in catalogue.read(folder, str(state)))
    assert shown["kind"] == "good" and shown["created_at"] == "2026-11-24T02:00:00Z"
    assert shown["components"] == ["sqlite.site", "sqlite.other"] and "proven_at" in shown
    json.dumps(shown)
