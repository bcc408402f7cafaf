from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import writer
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import StorageFault
from tests.unit.archive.samples import CONTENTS, NIGHT, write


def test_people_read_an_archive_with_tar_and_zstd_alone(tmp_path: Path) -> None:
    path = write(tmp_path)
    listed = subprocess.run(["tar", "tf", path], capture_output=True, text=True, check=True).stdout.split()
    assert listed == ["sqlite.site.sqlite3.zst", "sqlite.other.sqlite3.zst", "manifest.json", "manifest.json.sha256"]
    packed = subprocess.run(["tar", "xOf", path, listed[0]], capture_output=True, check=True).stdout
    assert (
        subprocess.run(["zstd", "-d"], input=packed, capture_output=True, check=True).stdout == CONTENTS["sqlite.site"]
    )


def test_the_manifest_is_proven_by_sha256sum(tmp_path: Path) -> None:
    path = write(tmp_path)
    subprocess.run(["tar", "xf", path, "-C", tmp_path], check=True)
    subprocess.run(
        ["sha256sum", "-c", "--strict", "manifest.json.sha256"], cwd=tmp_path, check=True, capture_output=True
    )


@pytest.mark.parametrize("umask", [0o000, 0o777, 0o022])
def test_x13_fh38_an_archive_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = write(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_x13_nothing_but_the_archive_is_left(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert os.listdir(tmp_path) == [path.name]


def test_a_member_that_was_given_up_leaves_no_trace(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    with writer.Staged(folder, str(tmp_path), NIGHT) as staged:
        with staged.member("first") as sink:
            sink(b"kept")
        before = Path(staged.path).read_bytes()
        with pytest.raises(ZeroDivisionError), staged.member("second") as sink:
            sink(b"x" * 5000)
            raise ZeroDivisionError
        assert Path(staged.path).read_bytes() == before
    assert os.listdir(tmp_path) == []
    os.close(folder)


def test_fh08_a_directory_that_cannot_be_synced_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    calls: list[int] = []

    def broken(descriptor: int) -> None:
        calls.append(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(StorageFault, match="Input/output error") as raised:
        write(tmp_path)
    assert raised.value.code == "storage"
    assert os.listdir(tmp_path) == []
    assert len(calls) == len(set(calls)) + 1, "the file is synced when begun and when finished, the directory once"


def test_fh11_short_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write(tmp_path).read_bytes()
    (tmp_path / "short").mkdir()
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, chunk: real(descriptor, bytes(chunk[:7])))
    assert write(tmp_path / "short").read_bytes() == whole


def test_an_archive_of_the_same_second_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "iact_data_backup_20261124_020000.tar.part").write_text("somebody's")
    with pytest.raises(StorageFault, match="File exists"):
        write(tmp_path)
