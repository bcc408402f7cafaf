from __future__ import annotations

import os
import random
import tarfile
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import reading, verify
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import (
    Component,
    Manifest,
    Member,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.packing import GZIP, Compression
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    MaintenanceError,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from tests.unit.archive.samples import CONTENTS, LIMITS, NIGHT, forge, sha256, write

# In process, so that thousands of verifications start no program.
SMALL = Compression(GZIP)


def proven(path: Path) -> reading.Layout:
    archive = reading.open_archive(str(path))
    try:
        return verify.verify(Host(), archive, LIMITS)
    finally:
        archive.close()


def refused(path: Path, content: bytes) -> MaintenanceError:
    path.write_bytes(content)
    with pytest.raises(MaintenanceError) as raised:
        proven(path)
    assert raised.value.code == "integrity"
    return raised.value


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path, contents={"sqlite.a": b"some rows", "sqlite.b": b""}, compression=SMALL)


@pytest.mark.parametrize("compression", [SMALL, None])
def test_what_was_written_verifies(tmp_path: Path, compression: Compression | None) -> None:
    layout = proven(write(tmp_path, compression=compression))
    assert [place.component.name for place in layout.places] == list(CONTENTS)
    assert layout.manifest.complete


def test_ft01_every_flipped_byte_is_found(small: Path) -> None:
    content = small.read_bytes()
    for offset in range(len(content)):
        flipped = bytearray(content)
        flipped[offset] ^= 1 << (offset % 8)
        assert small.name in refused(small, bytes(flipped)).message, offset


def test_ft01_the_message_names_the_member(small: Path) -> None:
    flipped = bytearray(small.read_bytes())
    flipped[512 + 11] ^= 1
    assert "sqlite.a.sqlite3.gz" in refused(small, bytes(flipped)).message


def test_ft02_two_thousand_random_flips_and_five_hundred_truncations_are_found(tmp_path: Path) -> None:
    chance = random.Random(2)
    path = write(tmp_path, contents={"sqlite.a": chance.randbytes(3000)}, compression=SMALL)
    content = path.read_bytes()
    for _number in range(2000):
        flipped = bytearray(content)
        flipped[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        refused(path, bytes(flipped))
    for _number in range(500):
        refused(path, content[: chance.randrange(len(content))])


def test_ft03_a_cut_or_extended_archive_is_found(small: Path) -> None:
    content = small.read_bytes()
    for cut in (0, 1, len(content) // 2, len(content) - 1, len(content) - 512):
        refused(small, content[:cut])
    for more in (b"\0", b"x", bytes(512), content):
        refused(small, content + more)


@pytest.mark.parametrize(
    "name", ["/etc/cron.d/x", "../x", "a/../../b", "dest/../evil/../dest/x", "./x", "x/y", "x\n", "", "."]
)
def test_ft06_a_member_that_leaves_its_place_is_refused(tmp_path: Path, name: str) -> None:
    forged = forge(tmp_path / "iact_data_backup_20261124_020000.tar", [(tarfile.TarInfo(name), b"x")])
    refused(forged, forged.read_bytes())


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, tarfile.AREGTYPE]
)
def test_ft07_a_member_that_is_not_a_regular_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("sqlite.a.sqlite3.zst")
    info.type, info.linkname = kind, "/etc/passwd"
    forged = forge(tmp_path / "forged.tar", [(info, b"")])
    refused(forged, forged.read_bytes())


@pytest.mark.parametrize("change", [{"mode": 0o4777}, {"uid": 1000}, {"gid": 5}, {"uname": "root"}, {"mtime": 1}])
def test_ft08_an_odd_mode_or_owner_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    info = tarfile.TarInfo("sqlite.a.sqlite3.zst")
    info.mode = 0o600
    for key, value in change.items():
        setattr(info, key, value)
    forged = forge(tmp_path / "forged.tar", [(info, b"x")])
    refused(forged, forged.read_bytes())


@pytest.mark.parametrize("compression", [SMALL, None])
def test_ft10_a_bomb_is_stopped_at_the_size_that_the_manifest_states(
    tmp_path: Path, compression: Compression | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest of the bomb is consistent but for the raw size: 64 MB instead of 10 bytes."""
    real = Manifest.to_bytes

    def lying(manifest: Manifest) -> bytes:
        (component,) = manifest.components
        member = component.member
        small = Member(member.name, member.compression, member.size_bytes, member.sha256, 10)
        return real(Manifest(NIGHT, "h", (Component(component.name, "sqlite", "a", small),)))

    monkeypatch.setattr(Manifest, "to_bytes", lying)
    path = write(tmp_path, contents={"sqlite.a": bytes(64_000_000)}, compression=compression)
    assert "larger than its 10 bytes" in refused(path, path.read_bytes()).message


def test_ft10_a_million_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.tar"
    entries = [(tarfile.TarInfo(f"m{number}"), b"") for number in range(10_001)]
    forge(path, entries)
    refused(path, path.read_bytes())


def test_an_archive_that_changed_since_it_was_verified_is_told_when_it_is_read(small: Path) -> None:
    archive = reading.open_archive(str(small))
    layout = verify.verify(Host(), archive, LIMITS)
    with small.open("r+b") as stream:
        stream.seek(512 + 3)
        stream.write(b"\xff")
    with pytest.raises(MaintenanceError, match="digest"):
        list(reading.member_chunks(archive, layout.places[0]))
    archive.close()


def test_a_symbolic_link_or_a_fifo_is_no_archive(tmp_path: Path, small: Path) -> None:
    (tmp_path / "link.tar").symlink_to(small)
    with pytest.raises(reading.Damaged, match="symbolic link"):
        reading.open_archive(str(tmp_path / "link.tar"))
    os.mkfifo(tmp_path / "fifo.tar")
    with pytest.raises(MaintenanceError, match="regular"):
        reading.open_archive(str(tmp_path / "fifo.tar"))


def test_the_digest_of_a_sample_is_that_of_its_bytes(small: Path) -> None:
    layout = proven(small)
    first = layout.places[0]
    stored = small.read_bytes()[first.offset : first.offset + first.component.member.size_bytes]
    assert sha256(stored) == first.component.member.sha256
