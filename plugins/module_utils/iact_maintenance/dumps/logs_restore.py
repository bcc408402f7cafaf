"""Restore log files from their inner tar, which is not trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote_to_bytes

from .. import tar
from ..errors import Damaged
from ..timestamps import parse_iso
from .model import LogFile
from .targets import Target

_LONGEST_NAME_BYTES = 255


def restore(label: str, member: str, files: Sequence[LogFile], pieces: Iterator[bytes], target: Target) -> int:
    """Return the number of log files restored under their original names. Raise Damaged or StorageFault.

    Each header of the inner tar must equal the manifest's entry; no name in it is used. `label` is the archive's name
    in messages, `member` the member's.
    """
    names = [_true_name(label, file) for file in files]
    reader = _Reader(label, member, pieces)
    for file, name in zip(files, names):
        seconds = int(parse_iso(file.modified_at).timestamp())
        reader.expect(tar.build(tar.Header(file.member, file.size_bytes, seconds)))
        with target.file(name, seconds) as writer:
            for piece in reader.take(file.size_bytes):
                writer.write(piece)
        reader.expect(tar.padding(file.size_bytes))
    reader.expect(tar.END)
    reader.expect_end()
    return len(names)


def _true_name(label: str, file: LogFile) -> bytes:
    """Return the file's original name, which must be a plain name. Raise Damaged for any other."""
    name = unquote_to_bytes(file.name)
    if not name or name in (b".", b"..") or b"/" in name or b"\0" in name or len(name) > _LONGEST_NAME_BYTES:
        raise Damaged(label, "the manifest", "it lists a log file with an invalid name")
    return name


class _Reader:
    """Read exact numbers of bytes from pieces of any size."""

    def __init__(self, label: str, member: str, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""
        self._where = label, member

    def take(self, size_bytes: int) -> Iterator[bytes]:
        """Return that number of bytes, in pieces. Raise Damaged if there are fewer."""
        while size_bytes:
            piece = self._rest or next(self._pieces, b"")
            if not piece:
                raise Damaged(*self._where, "it ends early")
            yield piece[:size_bytes]
            size_bytes, self._rest = max(size_bytes - len(piece), 0), piece[size_bytes:]

    def expect(self, content: bytes) -> None:
        """Raise Damaged unless exactly these bytes follow."""
        if b"".join(self.take(len(content))) != content:
            raise Damaged(*self._where, "it differs from the manifest")

    def expect_end(self) -> None:
        """Raise Damaged if there are more bytes."""
        if self._rest or any(self._pieces):
            raise Damaged(*self._where, "there is data after its end")
