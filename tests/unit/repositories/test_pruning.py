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
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, Settings, build
from tests.unit.archive.samples import NIGHT, identify, write


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


def settings(state: Path) -> Settings:
    return build([Layer("test", {"state_directory": str(state)})])


def test_what_looks_right_is_read_and_then_known(folder: Folder, backups: Path, state: Path) -> None:
    good, damaged = write(backups), write(backups, NIGHT + timedelta(days=1))
    content = bytearray(damaged.read_bytes())
    content[515] ^= 1
    damaged.write_bytes(content)
    proving = pruning.survey(Host(), folder, settings(state))
    assert {entry.name: entry.kind for entry in proving.entries} == {good.name: "good", damaged.name: "broken"}
    assert set(proving.proofs) == {good.name, damaged.name}


def test_what_cannot_be_read_is_not_counted_and_said(folder: Folder, backups: Path, state: Path) -> None:
    class WithoutZstd(Host):
        def find_tool(self, *names: str, hint: str = "") -> str:
            raise ToolMissing(names[0], hint=hint)

    write(backups)
    proving = pruning.survey(WithoutZstd(), folder, settings(state))
    assert [entry.kind for entry in proving.entries] == ["unverified"]
    assert [finding.code for finding in proving.findings] == ["unverified"]


def test_only_the_very_file_that_was_judged_is_removed(folder: Folder, backups: Path, state: Path) -> None:
    first, second = write(backups), write(backups, NIGHT + timedelta(days=1))
    entries = catalogue.read(Host(), folder, str(state)).entries
    second.write_bytes(b"another")
    removal = pruning.Removal(folder, str(state), [])
    pruning.remove(Host(), removal, entries)
    assert (removal.deleted, removal.left) == ([first.name], [second.name])
    assert second.name in removal.findings()[0].message
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


HOUR = timedelta(hours=1)
LIMIT_SECONDS = 26 * 3600


@pytest.mark.parametrize(
    ("hours_ago", "doubted"),
    [
        ([], False),
        ([24, 48, 72], False),
        ([14 * 24, 15 * 24], True),
        ([53, 54], True),
        ([52, 54], False),
        # The check before the backup met the same clock.
        ([1, 14 * 24], True),
        ([25, 14 * 24], True),
        ([1, 27, 14 * 24], False),
        # What lies ahead of the clock, since it went back, is no proof of anything.
        ([-14 * 24, 24, 48], False),
    ],
)
def test_g23_ages_are_doubted_for_a_day_after_a_gap_in_the_times_of_runs(hours_ago: list[int], doubted: bool) -> None:
    doubt = pruning.clock_doubt([NIGHT - HOUR * hours for hours in hours_ago], NIGHT, LIMIT_SECONDS)
    assert bool(doubt) is doubted
