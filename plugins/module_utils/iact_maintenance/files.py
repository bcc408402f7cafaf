"""Open, write and sync files safely: no link is followed, and a fault leaves the previous content."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator

from .errors import LockHeld, StorageFault
from .limits import raise_shortage
from .permissions import advice

_PRIVATE = 0o600
_NO_ROOM = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up"}


@contextlib.contextmanager
def storage(path: str) -> Iterator[None]:
    """Return a context that turns an OSError about `path` into a StorageFault, `no_space` on a full disk."""
    try:
        yield
    except OSError as error:
        raise_shortage(error)
        number = error.errno or 0
        if number in _NO_ROOM:
            raise StorageFault(
                "no_space", f"{_NO_ROOM[number]}: {path}", hint="free some space, then run it again"
            ) from None
        message = f"{path}: {error.strerror or 'input or output'}"
        full = error.filename if isinstance(error.filename, str) and os.path.isabs(error.filename) else path
        raise StorageFault("storage", message, hint=advice(full, error)) from None


def open_existing(path: str | bytes, *, folder: int | None = None, writable: bool = False, follow: bool = False) -> int:
    """Return a descriptor of an existing file, in the open directory `folder` if given. Raise OSError.

    Non-blocking, because opening a FIFO would wait for its other end.
    """
    access = os.O_RDWR if writable else os.O_RDONLY
    return os.open(path, access | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW), dir_fd=folder)


def create(path: str | bytes, *, folder: int | None = None) -> int:
    """Return a descriptor of a new file with mode 0600, for writing and reading. Raise OSError if it exists."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, _PRIVATE, dir_fd=folder)


def open_directory(path: str, *, follow: bool = False) -> int:
    """Return a descriptor of a directory. Raise OSError."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))


def close(descriptor: int) -> None:
    """Close a descriptor. Errors are ignored, because what must be on the disk was synced before."""
    with contextlib.suppress(OSError):
        os.close(descriptor)


def write_atomic(path: str, content: bytes, mode: int = _PRIVATE) -> None:
    """Replace the file `path`; after a fault it has its previous content. Raise StorageFault.

    In this order, so that a power failure cannot leave an empty file under the final name: write a temporary file,
    fsync, rename, fsync the directory.
    """
    # Always the same name, so that the next run replaces what a killed one left; callers hold a lock.
    temporary = f"{path}.part"
    with storage(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        descriptor = create(temporary)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                os.fchmod(descriptor, mode)
                stream.write(content)
                stream.flush()
                os.fsync(descriptor)
            os.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync_directory(os.path.dirname(path))


def append_line(path: str, line: bytes) -> None:
    """Append a line to a file, which is created if missing, and sync it. Raise StorageFault; then nothing is added.

    An incomplete last line, left by a power failure, is ended first.
    """
    with storage(path):
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, _PRIVATE)
        try:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise StorageFault("storage", f"{path} is not a regular file", hint="remove it, or move it elsewhere")
            _append(descriptor, line + b"\n", about.st_size)
        finally:
            os.close(descriptor)
        if not about.st_size:
            sync_directory(os.path.dirname(path))


def _append(descriptor: int, content: bytes, size: int) -> None:
    """Append to an open file of that size; after a fault it is unchanged. Raise OSError."""
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        content = b"\n" + content
    try:
        while content:
            content = content[os.write(descriptor, content) :]
        os.fdatasync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def sync_directory(path: str) -> None:
    """Sync the directory's entries to the disk, if its filesystem can. Raise OSError."""
    descriptor = open_directory(path, follow=True)
    try:
        sync_entries(descriptor)
    finally:
        os.close(descriptor)


def sync_entries(descriptor: int) -> bool:
    """Return whether an open directory's entries were synced; False if its filesystem cannot.

    Network and FUSE filesystems report that as EINVAL or ENOTSUP. Raise OSError for any other fault.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
        return False
    return True


def mark_in_use(descriptor: int) -> None:
    """Lock an unfinished file while it is open. Raise LockHeld if another run has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            raise LockHeld("busy: another run of this host is writing an archive; its lock file was replaced") from None
        # A filesystem without locks; the lock in the state directory remains.


def check_room(descriptor: int, path: str, size_bytes: int) -> None:
    """Raise StorageFault `no_space` if the file's filesystem has less free space. Raise OSError."""
    status = os.fstatvfs(descriptor)
    if status.f_bavail * status.f_frsize < size_bytes:
        message = f"the disk is nearly full: less than backup.min_free_bytes would remain free in {path}"
        raise StorageFault("no_space", message, hint="free some space, then run it again; or lower min_free_bytes")


def write_all(descriptor: int, chunk: bytes | memoryview) -> None:
    """Write every byte, also if the system accepts only a part at once. Raise OSError."""
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


class SparseWriter:
    """Write a file from its start with holes for blocks of zeros."""

    _BLOCK_BYTES = 1 << 16
    _ZEROS = bytes(_BLOCK_BYTES)

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._offset = descriptor, 0

    def write(self, chunk: bytes) -> None:
        """Write the next bytes. Raise OSError."""
        view = memoryview(chunk)
        while view:
            # Up to the next block, because a hole consists of whole blocks.
            block = view[: self._BLOCK_BYTES - self._offset % self._BLOCK_BYTES]
            if block != self._ZEROS[: len(block)]:
                os.lseek(self._descriptor, self._offset, os.SEEK_SET)
                write_all(self._descriptor, block)
            self._offset += len(block)
            view = view[len(block) :]

    def finish(self) -> None:
        """Set the file's size, because it may end with a hole. Raise OSError."""
        os.ftruncate(self._descriptor, self._offset)
