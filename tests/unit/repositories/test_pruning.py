from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Interrupted, ToolMissing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories import catalogue, pruning
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories.folder import (
    Folder,
    open_folder,
)
from tests.unit.archive.samples import LIMITS, NIGHT, identify, write


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


def test_what_looks_right_is_read_and_then_known(folder: Folder, backups: Path, state: Path) -> None:
    good, damaged = write(backups), write(backups, NIGHT + timedelta(days=1))
    content = bytearray(damaged.read_bytes())
    content[515] ^= 1
    damaged.write_bytes(content)
    proving = pruning.prove_unknown(Host(), folder, str(state), LIMITS)
    assert {entry.name: entry.kind for entry in proving.entries} == {good.name: "good", damaged.name: "broken"}
    assert set(proving.proofs) == {good.name, damaged.name}


def test_what_cannot_be_read_is_not_counted_and_said(folder: Folder, backups: Path, state: Path) -> None:
    class WithoutZstd(Host):
        def find_tool(self, *names: str, hint: str = "") -> str:
            raise ToolMissing(names[0], hint=hint)

    write(backups)
    proving = pruning.prove_unknown(WithoutZstd(), folder, str(state), LIMITS)
    assert [entry.kind for entry in proving.entries] == ["unverified"]
    assert [finding.code for finding in proving.findings] == ["unverified"]


def test_only_the_very_file_that_was_judged_is_removed(folder: Folder, backups: Path, state: Path) -> None:
    first, second = write(backups), write(backups, NIGHT + timedelta(days=1))
    entries = catalogue.read(Host(), folder, str(state)).entries
    second.write_bytes(b"another")
    deleted: list[str] = []
    pruning.remove(Host(), pruning.Removal(folder, str(state), deleted), entries)
    assert deleted == [first.name]
    assert [path.name for path in backups.iterdir()] == [second.name]


@pytest.mark.parametrize("after", [False, True])
def test_what_was_removed_is_told_also_where_a_signal_ends_it(
    folder: Folder, backups: Path, state: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    names = [write(backups, NIGHT + timedelta(days=days)).name for days in range(3)]
    real = os.unlink

    def ended(path: str, *, dir_fd: int | None = None) -> None:
        if path != names[1] or after:
            real(path, dir_fd=dir_fd)
        if path == names[1]:
            raise Interrupted(15)

    monkeypatch.setattr(os, "unlink", ended)
    deleted: list[str] = []
    with pytest.raises(Interrupted):
        pruning.remove(
            Host(), pruning.Removal(folder, str(state), deleted), catalogue.read(Host(), folder, str(state)).entries
        )
    assert deleted == names[: 1 + after]
