from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.names import (
    copy_name,
    part_name,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.reading import stamp_of
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.writer import ArchiveWriter
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import LockHeld, MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories import folder
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, Settings, build
from tests.unit.archive.samples import IDENTITY, NIGHT, OTHER_IDENTITY


class AnotherUser(Host):
    def effective_user_id(self) -> int:
        return os.geteuid() + 1


def refused(path: Path, host: Host | None = None, *, create: bool = False) -> str:
    with pytest.raises(MaintenanceError) as raised, folder.open_folder(host or Host(), str(path), create=create):
        pass
    assert raised.value.code == "unsafe_directory"
    return raised.value.message


def test_fh05_a_missing_directory_is_refused_and_not_made(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none")
    assert os.listdir(tmp_path) == []


def test_fh05_a_file_or_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "is not a directory" in refused(tmp_path / "file")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert "is a symbolic link" in refused(tmp_path / "link", create=True)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
def test_fh05_a_directory_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    assert "can be written by others" in refused(tmp_path)


def test_fh05_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    assert "belongs to" in refused(tmp_path, AnotherUser())


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_fh38_a_directory_is_made_on_request_and_private(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with folder.open_folder(Host(), str(tmp_path / "new"), create=True) as opened:
            assert opened.names() == []
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_fh44_leftovers_of_killed_runs_are_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = ["iact_data_backup_20260101_020000.tar", "other.part", "iact_data_backup_20250101_020000.tar.gz"]
    # A copy of an old script's archive that is still on its way, and somebody's notes.
    kept += ["iact_data_backup_20240101_020000.tar.gz.part", "iact_data_backup_notes.part"]
    # Another host's, which may be writing it now.
    kept += [part_name(NIGHT, OTHER_IDENTITY), copy_name(4711, OTHER_IDENTITY)]
    ours = [part_name(NIGHT, IDENTITY), copy_name(4711, IDENTITY)]
    for name in [*kept, *ours]:
        (tmp_path / name).write_text("")
    with folder.open_folder(Host(), str(tmp_path)) as opened:
        assert opened.remove_leftovers(IDENTITY) == ours
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_fh44_what_is_called_as_a_leftover_and_is_no_file_of_ours_stays(tmp_path: Path) -> None:
    (tmp_path / part_name(NIGHT, IDENTITY)).mkdir()
    (tmp_path / copy_name(1, IDENTITY)).symlink_to("elsewhere")
    os.mkfifo(tmp_path / copy_name(2, IDENTITY))
    with folder.open_folder(Host(), str(tmp_path)) as opened:
        assert opened.remove_leftovers(IDENTITY) == []
    assert len(os.listdir(tmp_path)) == 3


def test_g16_an_archive_that_another_run_of_this_host_is_writing_is_left_alone(tmp_path: Path) -> None:
    with folder.open_folder(Host(), str(tmp_path)) as opened:
        with ArchiveWriter(opened.descriptor, str(tmp_path), part_name(NIGHT, IDENTITY), NIGHT):
            with pytest.raises(LockHeld, match="another run of this host"):
                opened.remove_leftovers(IDENTITY)
            assert os.listdir(tmp_path) == [part_name(NIGHT, IDENTITY)]
        assert opened.remove_leftovers(IDENTITY) == []


def site(tmp_path: Path, directory: Path) -> Settings:
    (tmp_path / "state").mkdir(exist_ok=True)
    backup = {"directory": str(directory), "require_mountpoint": True, "tables": ["dora_metrics"]}
    return build([Layer("test", {"state_directory": str(tmp_path / "state"), "backup": backup})])


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("name", ["backups", "none/of/these"])
def test_fh06_a_disk_that_is_not_mounted_is_refused_and_nothing_is_made(
    tmp_path: Path, name: str, create: bool
) -> None:
    (tmp_path / "backups").mkdir(mode=0o700)
    with pytest.raises(MaintenanceError, match="nothing is mounted") as raised:
        with folder.open_backups(Host(), site(tmp_path, tmp_path / name), create=create):
            pass
    assert raised.value.code == "not_mounted" and not (tmp_path / "none").exists()


def test_fh06_a_mount_point_and_what_lies_on_another_disk_is_taken(tmp_path: Path) -> None:
    class Mounted(Host):
        def mount_points(self) -> frozenset[str]:
            return frozenset({os.path.realpath(tmp_path / "backups")})

    (tmp_path / "backups").mkdir(mode=0o700)
    with folder.open_backups(Mounted(), site(tmp_path, tmp_path / "backups")) as opened:
        assert opened.names() == []


def test_fh06_the_mount_points_of_this_machine_are_known() -> None:
    assert {"/", "/proc"} <= Host().mount_points()


def test_a_file_that_changed_since_it_was_judged_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_text("one")
    stamp = stamp_of(path.stat())
    path.write_text("another")
    with folder.open_folder(Host(), str(tmp_path)) as opened:
        assert not opened.remove("archive", stamp)
        assert opened.remove("archive", stamp_of(path.stat()))
    assert os.listdir(tmp_path) == []
