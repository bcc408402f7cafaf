"""State files: changed under a lock, private, and begun anew if they are damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import state
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import StorageFault
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from tests.unit.fakes import FakeHost


def test_there_is_nothing_at_first(tmp_path: Path) -> None:
    assert state.read_mapping(str(tmp_path), "health.json") == {}
    assert state.read_mapping(str(tmp_path / "missing"), "health.json") == {}


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 50_000, "[1]", "{", ""])
def test_g1c_a_damaged_state_file_is_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "archives.json").write_text(content)
    assert state.read_mapping(str(tmp_path), "archives.json") == {}


def test_a_mapping_is_changed_in_place_and_survives_damage(tmp_path: Path) -> None:
    state.change_mapping(FakeHost(), str(tmp_path), "health.json", lambda found: found.update(mysql="T1"))
    state.change_mapping(FakeHost(), str(tmp_path), "health.json", lambda found: found.update(disk="T2"))
    assert state.read_mapping(str(tmp_path), "health.json") == {"mysql": "T1", "disk": "T2"}
    (tmp_path / "health.json").write_text("nonsense")
    assert state.read_mapping(str(tmp_path), "health.json") == {}


def test_fh38_state_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        state.change_mapping(Host(), str(tmp_path), "health.json", lambda found: found.update(mysql="T1"))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    host = FakeHost()
    state.change_mapping(host, str(tmp_path), "health.json", lambda found: found.update(mysql="T1"))
    host.write_fault = StorageFault("no_space", "the disk is full")
    with pytest.raises(StorageFault):
        state.change_mapping(host, str(tmp_path), "health.json", lambda found: found.update(mysql="T2"))
    assert state.read_mapping(str(tmp_path), "health.json") == {"mysql": "T1"}
