from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import tar


@pytest.mark.parametrize("size", [0, 1, 512, 8 * 1024**3 - 1, 8 * 1024**3, 5 * 1024**4])
def test_a_header_is_read_by_tar_and_by_ourselves_also_above_8_gib(size: int) -> None:
    header = tar.Header("mysql.iact.sql.zst", size, 1_700_000_000)
    block = tar.build(header)
    info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    assert (info.name, info.size, info.mtime, info.mode, info.isreg()) == (
        header.name,
        size,
        1_700_000_000,
        0o600,
        True,
    )
    assert tar.parse(block) == header


def test_ft01_every_flipped_bit_of_a_header_is_found() -> None:
    header = tar.Header("mysql.iact.sql.zst", 123, 1_700_000_000)
    block = tar.build(header)
    for position in range(len(block)):
        for bit in range(8):
            flipped = bytearray(block)
            flipped[position] ^= 1 << bit
            with pytest.raises(ValueError):
                tar.parse(bytes(flipped))


@pytest.mark.parametrize("block", [b"", b"\0" * 512, b"\xff" * 512, b"a" * 512, b"x" * 100])
def test_nonsense_is_no_header(block: bytes) -> None:
    with pytest.raises(ValueError):
        tar.parse(block)


def test_padding_fills_the_block() -> None:
    assert [len(tar.padding(size)) for size in (0, 1, 511, 512, 513)] == [0, 511, 1, 0, 511]
    with tarfile.open(fileobj=io.BytesIO(tar.END)) as empty:
        assert empty.getnames() == []


@pytest.mark.parametrize(
    "name", ["a b", "a-b", "a`b", "../x", "%2e", "x" * 64, "-rf", "a\nb", "..", "ü" * 64, "\udcff", "a/b", "~"]
)
def test_fd23_every_database_name_gives_a_flat_member_name(name: str) -> None:
    member = tar.member_name("mysql.", name, ".sql.zst")
    assert tar.is_member_name(member)
    assert member.startswith("mysql.") and member.endswith(".sql.zst")


def test_fd23_two_long_names_never_share_a_member_name() -> None:
    first, second = (tar.member_name("mysql.", "ü" * 64 + end, ".sql.zst") for end in "ab")
    assert first != second


@given(st.text(min_size=1, max_size=300))
def test_every_encoded_name_is_one_harmless_word(name: str) -> None:
    encodable = name.encode("utf-8", "replace").decode("utf-8")
    assert tar.is_member_name(tar.member_name("", encodable))
