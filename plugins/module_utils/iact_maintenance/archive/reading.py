"""Read the layout and the manifest of an archive that is not verified, through one descriptor."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from .. import tar
from ..errors import Damaged, Refused
from ..files import close, open_existing, storage
from .manifest import DIGEST, LARGEST_BYTES, MANIFEST, Component, LaterFormat, Manifest, digest_line, from_bytes

_CHUNK_BYTES = 1 << 18
_MOST_MEMBERS = 10_000


class NewerFormat(Refused):
    """An archive in a later format than this version knows."""

    def __init__(self, label: str, what: str) -> None:
        hint = "use the version of the collection that wrote it, or a later one"
        super().__init__("newer_format", f"{label} was written by a newer version: {what}", hint=hint)


class Stamp(NamedTuple):
    """What distinguishes a file from others and from its own earlier state, without reading it."""

    inode: int
    size_bytes: int
    modified_ns: int


class Opened(NamedTuple):
    """An archive that is open for reading: its descriptor, its label in messages, and its stamp when it was opened."""

    descriptor: int
    label: str
    stamp: Stamp

    def close(self) -> None:
        """Close the file."""
        close(self.descriptor)


class Place(NamedTuple):
    """The position of a component's compressed bytes in the archive."""

    component: Component
    offset: int


class Layout(NamedTuple):
    """An archive whose headers, padding, manifest and end are verified; the members' data was not read.

    `digest` is the manifest's, and thereby that of the whole content: the manifest has the digest of each member.
    """

    manifest: Manifest
    places: tuple[Place, ...]
    digest: str = ""


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return Stamp(status.st_ino, status.st_size, status.st_mtime_ns)


def open_archive(path: str, folder: int | None = None) -> Opened:
    """Return the archive at `path`, or with that name in `folder`, open.

    Raise StorageFault, or Damaged if it is not a regular file.
    """
    with storage(path):
        try:
            descriptor = open_existing(path, folder=folder)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise Damaged(os.path.basename(path), "the file", "it is a symbolic link") from None
            raise
        try:
            status = os.fstat(descriptor)
        except OSError:
            close(descriptor)
            raise
    if not stat.S_ISREG(status.st_mode):
        close(descriptor)
        raise Damaged(os.path.basename(path), "the file", "it is not a regular file")
    return Opened(descriptor, os.path.basename(path), stamp_of(status))


def read_layout(archive: Opened) -> Layout:
    """Return the archive's layout and manifest. Raise Damaged.

    Each header is built again from its parsed values and compared, so that changes that tar would ignore are detected.
    Headers must agree with the manifest, the manifest with its digest, and there may be no other bytes.
    """
    headers = list(_headers(archive))
    names = [header.name for header, _offset in headers]
    if names[-2:] != [MANIFEST, DIGEST] or len(set(names)) != len(names):
        raise Damaged(archive.label, "the end", "its last members are not the manifest and its digest")
    content, digest = (_content(archive, header, offset) for header, offset in headers[-2:])
    if digest != digest_line(content):
        raise Damaged(archive.label, MANIFEST, "it does not match its digest")
    try:
        manifest = from_bytes(content)
    except LaterFormat as error:
        raise NewerFormat(archive.label, str(error)) from None
    except ValueError as error:
        raise Damaged(archive.label, MANIFEST, str(error)) from None
    _compare(archive, manifest, [header for header, _offset in headers])
    places = tuple(map(Place, manifest.components, (offset for _header, offset in headers)))
    return Layout(manifest, places, hashlib.sha256(content).hexdigest())


def _compare(archive: Opened, manifest: Manifest, headers: list[tar.Header]) -> None:
    modified = int(manifest.created_at.timestamp())
    if any(header.modified_seconds != modified for header in headers):
        raise Damaged(archive.label, "a header", "its time differs from the manifest's")
    listed = [(entry.member.name, entry.member.size_bytes) for entry in manifest.components]
    present = [(header.name, header.size_bytes) for header in headers[:-2]]
    if listed != present:
        raise Damaged(archive.label, MANIFEST, "its list of members differs from the members of the archive")


def _headers(archive: Opened) -> Iterator[tuple[tar.Header, int]]:
    """Yield every header with the offset of its data; the end of the archive is checked too."""
    offset = 0
    for number in range(_MOST_MEMBERS):
        block = read_exactly(archive, offset, tar.BLOCK_BYTES)
        if block == bytes(tar.BLOCK_BYTES):
            return _check_end(archive, offset)
        try:
            header = tar.parse(block)
        except ValueError as error:
            raise Damaged(archive.label, f"the header of member {number + 1}", str(error)) from None
        offset += tar.BLOCK_BYTES
        yield header, offset
        padding = tar.padding(header.size_bytes)
        offset += header.size_bytes
        if read_exactly(archive, offset, len(padding)) != padding:
            raise Damaged(archive.label, header.name, "its padding is not zero")
        offset += len(padding)
    raise Damaged(archive.label, "the file", f"it has more than {_MOST_MEMBERS} members")


def _check_end(archive: Opened, offset: int) -> None:
    if read_exactly(archive, offset, len(tar.END)) != tar.END or archive.stamp.size_bytes != offset + len(tar.END):
        raise Damaged(archive.label, "the end", "there is data after it, or it is cut off")


def _content(archive: Opened, header: tar.Header, offset: int) -> bytes:
    if header.size_bytes > LARGEST_BYTES:
        raise Damaged(archive.label, header.name, "it is too large")
    return read_exactly(archive, offset, header.size_bytes)


def read_exactly(archive: Opened, offset: int, size_bytes: int) -> bytes:
    """Return that number of bytes from `offset`. Raise Damaged if the archive ends before."""
    parts = []
    while size_bytes:
        with storage(archive.label):
            part = os.pread(archive.descriptor, min(size_bytes, _CHUNK_BYTES), offset)
        if not part:
            raise Damaged(archive.label, f"byte {offset}", "the file ends early")
        parts.append(part)
        offset, size_bytes = offset + len(part), size_bytes - len(part)
    return b"".join(parts)


def member_chunks(archive: Opened, place: Place) -> Iterator[bytes]:
    """Yield a member's compressed bytes. Raise Damaged after the last one if they do not match their digest.

    So a restore, which reads them again, detects a change since the verification.
    """
    digest = hashlib.sha256()
    member, offset, left = place.component.member, place.offset, place.component.member.size_bytes
    while left:
        chunk = read_exactly(archive, offset, min(left, _CHUNK_BYTES))
        offset, left = offset + len(chunk), left - len(chunk)
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != member.sha256:
        raise Damaged(archive.label, member.name, "its bytes do not match their digest")
