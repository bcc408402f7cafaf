from __future__ import annotations

import os
import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import writer
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.names import part_name
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import StorageFault
from tests.unit.archive.samples import CONTENTS, IDENTITY, NIGHT, write


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
    with writer.ArchiveWriter(folder, str(tmp_path), part_name(NIGHT, IDENTITY), NIGHT) as staged:
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
    (tmp_path / "short").mkdir()
    real = os.write
    monkeypatch.setattr(os, "urandom", bytes)
    whole = write(tmp_path, NIGHT + timedelta(days=1)).read_bytes()
    monkeypatch.setattr(os, "write", lambda descriptor, chunk: real(descriptor, bytes(chunk[:7])))
    assert write(tmp_path / "short", NIGHT + timedelta(days=1)).read_bytes() == whole


def test_g22_another_file_of_the_same_name_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / part_name(NIGHT, IDENTITY)).write_text("somebody's")
    with pytest.raises(StorageFault, match="File exists"):
        write(tmp_path)


@pytest.mark.parametrize("number", [22, 95])
def test_g26_a_filesystem_that_cannot_sync_a_directory_takes_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = os.fsync

    def unable(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", unable)
    assert write(tmp_path).exists()


def test_fh42_a_member_ends_where_too_little_of_the_disk_would_stay_free(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    with writer.ArchiveWriter(folder, str(tmp_path), part_name(NIGHT, IDENTITY), NIGHT, 1 << 60) as staged:
        with pytest.raises(writer.Unwritable, match="min_free_bytes") as raised, staged.member("first") as sink:
            sink(b"x")
        assert raised.value.code == "no_space"
    os.close(folder)
    assert os.listdir(tmp_path) == []
