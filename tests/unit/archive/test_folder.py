from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import folder
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.reading import stamp_of
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host


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
    assert "may be written by others" in refused(tmp_path)


def test_fh05_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    assert "belongs to user" in refused(tmp_path, AnotherUser())


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
    ours = ["iact_data_backup_20260102_020000.tar.part", "iact_data_backup_copy_4711.part"]
    for name in [*kept, *ours]:
        (tmp_path / name).write_text("")
    with folder.open_folder(Host(), str(tmp_path)) as opened:
        assert opened.remove_leftovers() == ours
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_fh44_what_is_called_as_a_leftover_and_is_no_file_of_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "iact_data_backup_20260102_020000.tar.part").mkdir()
    (tmp_path / "iact_data_backup_20260103_020000.tar.part").symlink_to("elsewhere")
    with folder.open_folder(Host(), str(tmp_path)) as opened:
        assert opened.remove_leftovers() == []
    assert len(os.listdir(tmp_path)) == 2


def test_a_file_that_changed_since_it_was_judged_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_text("one")
    stamp = stamp_of(path.stat())
    path.write_text("another")
    with folder.open_folder(Host(), str(tmp_path)) as opened:
        assert not opened.remove("archive", stamp)
        assert opened.remove("archive", stamp_of(path.stat()))
    assert os.listdir(tmp_path) == []
