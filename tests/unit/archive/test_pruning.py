from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import catalogue, pruning
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.folder import (
    Folder,
    open_folder,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import ToolMissing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from tests.unit.archive.samples import LIMITS, NIGHT, write


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with open_folder(Host(), str(tmp_path)) as opened:
        yield opened


def test_what_looks_right_is_read_and_then_known(folder: Folder, tmp_path: Path) -> None:
    good, damaged = write(tmp_path), write(tmp_path, NIGHT + timedelta(days=1))
    content = bytearray(damaged.read_bytes())
    content[515] ^= 1
    damaged.write_bytes(content)
    proving = pruning.prove_unknown(Host(), folder, str(tmp_path / "none"), LIMITS)
    assert {entry.name: entry.kind for entry in proving.entries} == {good.name: "good", damaged.name: "broken"}
    assert set(proving.proofs) == {good.name, damaged.name}


def test_what_cannot_be_read_is_not_counted_and_said(folder: Folder, tmp_path: Path) -> None:
    class WithoutZstd(Host):
        def find_tool(self, *names: str, hint: str = "") -> str:
            raise ToolMissing(names[0], hint=hint)

    write(tmp_path)
    proving = pruning.prove_unknown(WithoutZstd(), folder, str(tmp_path / "none"), LIMITS)
    assert [entry.kind for entry in proving.entries] == ["unverified"]
    assert [finding.code for finding in proving.findings] == ["unverified"]


def test_only_the_very_file_that_was_judged_is_removed(folder: Folder, tmp_path: Path) -> None:
    first, second = write(tmp_path), write(tmp_path, NIGHT + timedelta(days=1))
    entries = tuple(catalogue.read(folder, str(tmp_path / "none")))
    second.write_bytes(b"another")
    assert pruning.remove(folder, entries) == [first.name]
    assert [path.name for path in tmp_path.iterdir()] == [second.name]
