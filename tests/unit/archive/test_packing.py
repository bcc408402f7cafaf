from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import packing
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    MaintenanceError,
    ToolMissing,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Command
from tests.unit.archive.samples import LIMITS

GZIP = packing.Compression(packing.GZIP)


class HostWithoutZstd(Host):
    def find_tool(self, *names: str, hint: str = "") -> str:
        raise ToolMissing(names[0], hint=hint)


@pytest.fixture(params=["zstd", "gzip"])
def compression(request: pytest.FixtureRequest) -> packing.Compression:
    return packing.choose(Host() if request.param == "zstd" else HostWithoutZstd())


def unpacked(compression: packing.Compression, chunks: list[bytes]) -> bytes:
    found: list[bytes] = []
    packing.unpack(Host(), compression.name, iter(chunks), found.append, LIMITS)
    return b"".join(found)


def test_zstd_is_taken_where_it_is_installed_and_named_with_its_version() -> None:
    chosen = packing.choose(Host())
    assert (chosen.name, chosen.suffix) == ("zstd", ".zst")
    assert chosen.version.count(".") == 2


def test_without_zstd_members_are_gzip() -> None:
    assert packing.choose(HostWithoutZstd()).suffix == ".gz"


def test_fh41_a_broken_zstd_is_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "zstd").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "zstd").chmod(0o755)
    assert packing.choose(Host({"PATH": str(tmp_path)})) == GZIP


def test_what_a_program_writes_is_compressed_observed_and_measured(compression: packing.Compression) -> None:
    packed: list[bytes] = []
    seen: list[bytes] = []
    packer = packing.Packer(Host(), compression, packed.append)
    done = packer.run(Host(), Command(("/bin/sh", "-c", "seq 1 200000")), seen.append, LIMITS)
    expected = subprocess.run(["seq", "1", "200000"], capture_output=True, check=True).stdout
    assert done.status == 0
    assert b"".join(seen) == expected
    assert packer.raw_size_bytes == len(expected)
    assert unpacked(compression, packed) == expected


def test_two_runs_into_one_member_are_read_as_one(compression: packing.Compression) -> None:
    packed: list[bytes] = []
    packer = packing.Packer(Host(), compression, packed.append)
    packer.feed(iter([b"one "]), LIMITS)
    packer.run(Host(), Command(("/bin/echo", "two")), lambda _chunk: None, LIMITS)
    assert unpacked(compression, packed) == b"one two\n"


def test_the_dump_programs_own_exit_status_is_given_back(compression: packing.Compression) -> None:
    packer = packing.Packer(Host(), compression, lambda _chunk: None)
    assert packer.run(Host(), Command(("/bin/sh", "-c", "exit 3")), lambda _chunk: None, LIMITS).status == 3


def test_a_killed_compressor_is_not_overlooked(tmp_path: object) -> None:
    broken = packing.Compression(packing.ZSTD, "/bin/false")
    packer = packing.Packer(Host(), broken, lambda _chunk: None)
    with pytest.raises(MaintenanceError, match="false ended with status 1") as raised:
        packer.feed(iter([b"data"]), LIMITS)
    assert raised.value.code == "compressor_failed"


@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_ft03_a_cut_member_does_not_decompress(compression: packing.Compression, cut: int) -> None:
    packed: list[bytes] = []
    packing.Packer(Host(), compression, packed.append).feed(iter([b"data" * 10_000]), LIMITS)
    with pytest.raises(MaintenanceError) as raised:
        unpacked(compression, [b"".join(packed)[:cut]])
    assert raised.value.code == "integrity"


def test_gzip_members_are_what_gzip_itself_reads() -> None:
    packed: list[bytes] = []
    packing.Packer(Host(), GZIP, packed.append).feed(iter([b"a" * 1000]), LIMITS)
    assert gzip.decompress(b"".join(packed)) == b"a" * 1000


def test_a_gzip_bomb_comes_out_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    sizes: list[int] = []
    packing.unpack(Host(), packing.GZIP, iter([bomb]), lambda chunk: sizes.append(len(chunk)), LIMITS)
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 1 << 18
