"""Restores files into a directory that holds nothing else: made anew, private, never by an unchecked name."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from .. import tar
from ..dumps.model import LogFile
from ..errors import Interrupted, MaintenanceError, Refused
from ..files import close, create, open_directory, storage
from ..host import Host
from ..processes import Limits
from ..timestamps import parse_iso
from .reading import Damaged, Opened, Place
from .stream import content
from .verify import read_member
from .writer import write_all

_LONGEST_NAME_BYTES = 255


@dataclass
class Target:
    """The directory that receives files; `undo` removes what was made in it."""

    path: str
    descriptor: int
    made: list[tuple[int, bytes]] = field(default_factory=list)

    @contextlib.contextmanager
    def file(self, name: bytes, folder: int | None = None) -> Iterator[int]:
        """A context with the descriptor of a new file, which is on the disk afterwards. Raises StorageFault."""
        where = self.descriptor if folder is None else folder
        with storage(self.path):
            descriptor = create(name, folder=where)
            try:
                self.made.append((where, name))
                os.fchmod(descriptor, 0o600)
                yield descriptor
                os.fsync(descriptor)
            finally:
                close(descriptor)

    def undo(self) -> None:
        """Nothing; the files that were made are gone, as far as that is possible."""
        for folder, name in reversed(self.made):
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)


def check_target(host: Host, path: str) -> None:
    """Nothing where files may be restored there: to be made, or empty, of this user and not writable by others.

    Raises Refused.
    """
    if not os.path.lexists(path):
        if not os.path.isdir(os.path.dirname(path)):
            raise _refused(path, "lies in a directory that does not exist")
        if not os.access(os.path.dirname(path), os.W_OK | os.X_OK):
            raise _refused(path, "lies in a directory that this user may not write")
        return
    try:
        found, empty = os.lstat(path), not os.listdir(path)
    except OSError as error:
        raise _refused(path, f"cannot be used: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise _refused(path, "is not a directory")
    if found.st_uid != host.effective_user_id() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _refused(path, "belongs to another user or may be written by others")
    if not empty:
        raise _refused(path, "is not empty")


def _refused(path: str, what: str) -> Refused:
    hint = "name a directory that does not exist yet"
    return Refused("unsafe_target", f"restore.target_directory {path} {what}", hint=hint)


@contextlib.contextmanager
def open_target(host: Host, path: str) -> Iterator[Target]:
    """A context with the directory, made where it is missing; after an exception it is as it was. Raises Refused."""
    check_target(host, path)
    make = not os.path.lexists(path)
    with storage(path):
        if make:
            os.mkdir(path, 0o700)
            os.chmod(path, 0o700)
        descriptor = open_directory(path)
    target = Target(path, descriptor)
    try:
        yield target
        with storage(path):
            os.fsync(descriptor)
    except BaseException as ended:
        target.undo()
        if make:
            with contextlib.suppress(OSError):
                os.rmdir(path)
        if isinstance(ended, (MaintenanceError, Interrupted)):
            ended.changed = ended.changed or _holds_something(path, make)
        raise
    finally:
        close(descriptor)


def _holds_something(path: str, made: bool) -> bool:
    """Whether a restore that was undone left something behind: a directory that it made, or what lies in one."""
    try:
        return os.path.lexists(path) if made else bool(os.listdir(path))
    except OSError:
        return True


def restore_file(host: Host, archive: Opened, place: Place, target: Target, name: str, limits: Limits) -> str:
    """The path of a member's content, restored as a new file of that name. Raises Damaged, StorageFault."""
    with target.file(os.fsencode(name)) as descriptor:
        read_member(host, archive, place, lambda chunk: write_all(descriptor, chunk), limits)
    return os.path.join(target.path, name)


def restore_logs(host: Host, archive: Opened, place: Place, target: Target, limits: Limits) -> int:
    """The number of log files restored under their own names. Raises Damaged, StorageFault.

    The inner tar must be, header by header, what the manifest lists; no name in it is used.
    """
    names = [_true_name(archive, file) for file in place.component.files]
    with content(host, archive, place, limits) as pieces:
        reader = _Reader(archive, place, pieces)
        for file, name in zip(place.component.files, names):
            seconds = int(parse_iso(file.modified_at).timestamp())
            reader.expect(tar.build(tar.Header(file.member, file.size_bytes, seconds)))
            with target.file(name) as descriptor:
                for piece in reader.take(file.size_bytes):
                    write_all(descriptor, piece)
                os.utime(descriptor, (seconds, seconds))
            reader.expect(tar.padding(file.size_bytes))
        reader.expect(tar.END)
        reader.expect_end()
    return len(names)


def _true_name(archive: Opened, file: LogFile) -> bytes:
    """The file's own name, which is one plain name. Raises Damaged for any other."""
    name = unquote_to_bytes(file.name)
    if not name or name in (b".", b"..") or b"/" in name or b"\0" in name or len(name) > _LONGEST_NAME_BYTES:
        raise Damaged(archive.label, "the manifest", "it lists a log file under a name that is none")
    return name


class _Reader:
    """Takes exact numbers of bytes from pieces of any size."""

    def __init__(self, archive: Opened, place: Place, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""
        self._where = archive.label, place.component.member.name

    def take(self, size_bytes: int) -> Iterator[bytes]:
        """So many bytes, in pieces. Raises Damaged where there are fewer."""
        while size_bytes:
            piece = self._rest or next(self._pieces, b"")
            if not piece:
                raise Damaged(*self._where, "it ends early")
            yield piece[:size_bytes]
            size_bytes, self._rest = max(size_bytes - len(piece), 0), piece[size_bytes:]

    def expect(self, content: bytes) -> None:
        """Nothing; these very bytes came next. Raises Damaged."""
        if b"".join(self.take(len(content))) != content:
            raise Damaged(*self._where, "it is not what the manifest lists")

    def expect_end(self) -> None:
        """Nothing; there is no more. Raises Damaged."""
        if self._rest or any(self._pieces):
            raise Damaged(*self._where, "something lies behind its end")
