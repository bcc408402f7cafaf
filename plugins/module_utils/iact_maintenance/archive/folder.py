"""The directory of the archives: opened once, trusted only when nobody else could have put something there."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import MaintenanceError
from ..host import Host, close, storage, sync_directory
from .names import is_leftover
from .reading import Stamp, stamp_of

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_WHAT = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "is not a directory",
    errno.ELOOP: "is a symbolic link",
    errno.EACCES: "may not be read by this user",
}


class Folder(NamedTuple):
    """The open directory: `descriptor` for whatever is done in it, `path` for messages and programs."""

    descriptor: int
    path: str

    def names(self) -> list[str]:
        """The names of all that lies in it, sorted."""
        with storage(self.path):
            return sorted(os.listdir(self.descriptor))

    def remove_leftovers(self) -> list[str]:
        """The names of what killed runs left behind, now gone; call it under the exclusive lock only."""
        leftovers = [name for name in self.names() if is_leftover(name) and self._is_regular(name)]
        for name in leftovers:
            with storage(name):
                os.unlink(name, dir_fd=self.descriptor)
        return leftovers

    def _is_regular(self, name: str) -> bool:
        with storage(os.path.join(self.path, name)):
            return stat.S_ISREG(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode)

    def remove(self, name: str, stamp: Stamp) -> bool:
        """Whether the file was removed: only if it is still the one with that stamp. Raises StorageFault."""
        with storage(os.path.join(self.path, name)):
            if stamp_of(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)) != stamp:
                return False
            os.unlink(name, dir_fd=self.descriptor)
            os.fsync(self.descriptor)
        return True


@contextlib.contextmanager
def open_folder(host: Host, path: str, *, create: bool = False) -> Iterator[Folder]:
    """A context with the open directory. Raises MaintenanceError `unsafe_directory`, or StorageFault.

    Ours alone: a directory (no link to one) of this user that nobody else may write.
    """
    if create and not os.path.lexists(path):
        _create(path)
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise _unsafe(path, _open_reason(path, error)) from None
    try:
        with storage(path):
            found = os.fstat(descriptor)
        _check(host, path, found)
        yield Folder(descriptor, path)
    finally:
        close(descriptor)


def _create(path: str) -> None:
    with storage(path):
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)
        sync_directory(os.path.dirname(path))


def _open_reason(path: str, error: OSError) -> str:
    if os.path.islink(path):
        return _WHAT[errno.ELOOP]
    return _WHAT.get(error.errno or 0, str(error.strerror))


def _check(host: Host, path: str, found: os.stat_result) -> None:
    if found.st_uid != host.effective_user_id():
        raise _unsafe(path, f"belongs to user {found.st_uid}, not to user {host.effective_user_id()} who runs this")
    if found.st_mode & _OTHERS_MAY_WRITE:
        raise _unsafe(path, f"may be written by others (mode {stat.S_IMODE(found.st_mode):04o})")


def _unsafe(path: str, what: str) -> MaintenanceError:
    hint = "the role creates it; by hand: a directory of mode 0700 owned by the user that runs the jobs"
    return MaintenanceError("unsafe_directory", f"the backup directory {path} {what}", hint=hint)
