"""Members of a tar file: flat names, and headers that depend only on name, size and time.

So a reader can build a header again and compare it.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import NamedTuple
from urllib.parse import quote

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
_LARGEST_OCTAL = 8**11 - 1
_LARGEST_SIZE = 2**63 - 1
_MEMBER = re.compile(r"[A-Za-z0-9_%~][A-Za-z0-9_%~.-]{0,99}", re.ASCII)
_LONGEST_BYTES = 100
_DIGEST_CHARACTERS = 16


class Header(NamedTuple):
    """The values of a member's header: name, size, and time of modification in seconds since 1970."""

    name: str
    size_bytes: int
    modified_seconds: int


def build(header: Header) -> bytes:
    """Return a regular member's header of 512 bytes: mode 0600, owner 0, POSIX, GNU base-256 sizes from 8 GiB on."""
    name = header.name.encode("ascii")
    block = b"".join(
        (
            name.ljust(100, b"\0"),
            b"0000600\0" + b"0000000\0" * 2,
            _size(header.size_bytes),
            b"%011o\0" % min(max(header.modified_seconds, 0), _LARGEST_OCTAL),
            b" " * 8,
            b"0" + bytes(100),
            b"ustar\x0000" + bytes(64),
            b"0000000\0" * 2,
            bytes(155 + 12),
        )
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _size(size_bytes: int) -> bytes:
    return b"%011o\0" % size_bytes if size_bytes <= _LARGEST_OCTAL else b"\x80" + size_bytes.to_bytes(11, "big")


def padding(size_bytes: int) -> bytes:
    """Return the zero bytes that follow that many bytes of data."""
    return bytes(-size_bytes % BLOCK_BYTES)


def parse(block: bytes) -> Header:
    """Return the values of a header that `build` made. Raise ValueError for any other, even if tar accepts it."""
    try:
        name = block[:100].rstrip(b"\0").decode("ascii")
        raw = block[124:136]
        size = int.from_bytes(raw[1:], "big") if raw[0] == 0x80 else int(raw[:11], 8)
        header = Header(name, size, int(block[136:147], 8))
    except (ValueError, IndexError):
        raise ValueError("not a header that this program writes") from None
    if not 0 <= header.size_bytes <= _LARGEST_SIZE or build(header) != block:
        raise ValueError("not a header that this program writes")
    return header


def encode(name: str) -> str:
    """Return `name` percent-encoded: safe in a path, on a terminal and in an argument list."""
    encoded = quote(os.fsencode(name), safe="").replace("~", "%7E")
    return f"%{ord(encoded[0]):02X}{encoded[1:]}" if encoded[:1] in (".", "-") else encoded


def member_name(head: str, name: str, tail: str = "") -> str:
    """Return `head`, the encoded `name` and `tail` as a member name, shortened with a digest if too long for tar.

    The original name is in the manifest; a shortened one is never decoded.
    """
    encoded, room = encode(name), _LONGEST_BYTES - len(head) - len(tail)
    if len(encoded) > room:
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:_DIGEST_CHARACTERS]
        encoded = f"{encoded[: room - _DIGEST_CHARACTERS - 1]}~{digest}"
    return head + encoded + tail


def is_member_name(name: str) -> bool:
    """Return whether `member_name` could have returned `name`: flat, short, without special characters."""
    return _MEMBER.fullmatch(name) is not None
