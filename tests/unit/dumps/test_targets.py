from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import tar
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import reading
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.stream import content
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import logs_restore, targets
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import LogFile
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    Interrupted,
    MaintenanceError,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from tests.unit.archive.samples import LIMITS, write

SECONDS = 1_700_000_000
FILE = LogFile("app%0A.log", "app%250A.log", 5, "2023-11-14T22:13:20Z")
INNER = tar.build(tar.Header(FILE.member, 5, SECONDS)) + b"hello" + tar.padding(5) + tar.END


def opened(path: Path, files: tuple[LogFile, ...]) -> tuple[reading.Opened, reading.Place]:
    archive = reading.open_archive(str(path))
    place = reading.read_layout(archive).places[0]
    return archive, place._replace(component=place.component._replace(files=files))


def restored(tmp_path: Path, inner: bytes, files: tuple[LogFile, ...] = (FILE,)) -> Path:
    archive, place = opened(write(tmp_path, contents={"logs": inner}), files)
    target = tmp_path / "target"
    with targets.open_target(Host(), str(target)) as into:
        component = place.component
        with content(Host(), archive, place, LIMITS) as pieces:
            logs_restore.restore(archive.label, component.member.name, component.files, pieces, into)
    archive.close()
    return target


def test_fh36_logs_get_their_own_names_back_private_and_with_their_time(tmp_path: Path) -> None:
    target = restored(tmp_path, INNER)
    assert os.listdir(target) == ["app\n.log"]
    found = (target / "app\n.log").stat()
    assert (stat.S_IMODE(found.st_mode), int(found.st_mtime)) == (0o600, SECONDS)
    assert (target / "app\n.log").read_bytes() == b"hello"
    assert stat.S_IMODE(target.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a%2Fb", "/etc/x", "..%2Fx", "a%00b", "x" * 256, "dest/../evil/../dest/x"]
)
def test_ft06_a_name_that_leaves_the_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MaintenanceError) as raised:
        restored(tmp_path, INNER, (FILE._replace(name=name),))
    assert raised.value.code == "integrity"
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    "inner",
    [
        INNER[:-1],
        INNER + b"\0",
        INNER[:100] + b"../../x" + INNER[107:],
        INNER[:156] + b"2" + INNER[157:],
        tar.END,
        b"",
    ],
)
def test_ft07_an_inner_archive_that_is_not_what_the_manifest_lists_is_refused(tmp_path: Path, inner: bytes) -> None:
    with pytest.raises(MaintenanceError) as raised:
        restored(tmp_path, inner)
    assert raised.value.code == "integrity"
    assert not (tmp_path / "target").exists(), "a restore that did not end well leaves nothing"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MaintenanceError, match="File exists"):
        restored(tmp_path, INNER[: -len(tar.END)] * 2 + tar.END, (FILE, FILE))


def test_ft15_a_link_planted_in_the_target_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("untouched")
    target = tmp_path / "target"
    with pytest.raises(MaintenanceError, match="File exists"), targets.open_target(Host(), str(target)) as into:
        (target / "name").symlink_to(tmp_path / "victim")
        with into.file(b"name"):
            pass
    assert (tmp_path / "victim").read_text() == "untouched"


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("stays", [False, True])
def test_ft13_what_could_not_be_undone_is_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: bool, stays: bool
) -> None:
    def broken(path: object, **more: int) -> None:
        raise OSError(5, "Input/output error")

    target = tmp_path / "target"
    if empty:
        target.mkdir(mode=0o700)
    with pytest.raises(Interrupted) as raised, targets.open_target(Host(), str(target)) as into:
        with into.file(b"name"):
            pass
        if stays:
            monkeypatch.setattr(os, "unlink", broken)
        raise Interrupted(15)
    assert raised.value.changed is stays
    assert (target / "name").exists() is stays and target.exists() is (empty or stays)


def test_a_target_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir(mode=0o700)
    (tmp_path / "full" / "x").write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for name in ("full", "file", "link", "open", "none/deeper"):
        with pytest.raises(MaintenanceError) as raised:
            targets.check_target(Host(), str(tmp_path / name))
        assert (raised.value.code, raised.value.exit_status) == ("unsafe_target", 2), name
    (tmp_path / "empty").mkdir(mode=0o700)
    targets.check_target(Host(), str(tmp_path / "empty"))
    targets.check_target(Host(), str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_target_beside_which_this_user_may_not_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(MaintenanceError, match="cannot write"):
        targets.check_target(Host(), str(tmp_path / "new"))


@pytest.mark.parametrize("pieces", [1, 7, 4096, 65537])
def test_g27_blocks_of_zeros_become_holes_and_every_byte_is_as_it_was(tmp_path: Path, pieces: int) -> None:
    content = b"x" * 100_000 + bytes(900_000) + b"y" * 10 + bytes(300_000)
    step = len(content) // pieces + 1 if pieces < 100 else pieces
    with targets.open_target(Host(), str(tmp_path / "target")) as into, into.file(b"a") as writer:
        for start in range(0, len(content), step):
            writer.write(content[start : start + step])
    restored = tmp_path / "target" / "a"
    assert restored.read_bytes() == content
    assert restored.stat().st_blocks * 512 < 400_000


def test_g26_a_target_whose_filesystem_cannot_sync_a_directory_takes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def unable(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", unable)
    assert os.listdir(restored(tmp_path, INNER)) == ["app\n.log"]
