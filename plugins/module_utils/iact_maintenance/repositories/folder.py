"""The directory of the archives: opened once, and trusted only if nobody else could have written to it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from ..archive.names import writer_of
from ..archive.reading import Stamp, stamp_of
from ..errors import MaintenanceError
from ..files import close, mark_in_use, open_directory, open_existing, storage, sync_directory, sync_entries
from ..host import Host
from ..limits import raise_shortage
from ..permissions import account_of, advice
from ..settings import Settings

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_WHAT = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "is not a directory",
    errno.ELOOP: "is a symbolic link",
    errno.EACCES: "cannot be read by this account",
}


class Folder(NamedTuple):
    """The open directory: `descriptor` for operations in it, `path` for messages and programs."""

    descriptor: int
    path: str

    def names(self) -> list[str]:
        """Return the names of its entries, sorted."""
        with storage(self.path):
            return sorted(os.listdir(self.descriptor))

    def remove_leftovers(self, identity: str) -> list[str]:
        """Remove what killed runs of this host left behind, and return the names.

        Other hosts' files are not touched. Raise LockHeld if one of ours is in use: another run is at work, although
        this run holds the lock.
        """
        return [name for name in self.names() if writer_of(name) == identity and self._remove_leftover(name)]

    def _remove_leftover(self, name: str) -> bool:
        path = os.path.join(self.path, name)
        with storage(path):
            try:
                descriptor = open_existing(name, folder=self.descriptor, writable=True)
            except FileNotFoundError:
                return False
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                    raise
                return False
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return False
                mark_in_use(descriptor)
                os.unlink(name, dir_fd=self.descriptor)
            finally:
                close(descriptor)
        return True

    def holds(self, name: str, stamp: Stamp) -> bool:
        """Return whether the file exists and still has that stamp. Raise StorageFault."""
        with storage(os.path.join(self.path, name)):
            try:
                return stamp_of(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)) == stamp
            except FileNotFoundError:
                return False

    def remove(self, name: str, stamp: Stamp) -> bool:
        """Remove the file if it still has that stamp, and return whether it was removed. Raise StorageFault."""
        if not self.holds(name, stamp):
            return False
        with storage(os.path.join(self.path, name)):
            os.unlink(name, dir_fd=self.descriptor)
            sync_entries(self.descriptor)
        return True


@contextlib.contextmanager
def open_backups(host: Host, settings: Settings, *, create: bool = False) -> Iterator[Folder]:
    """Return a context with the open backup directory. Raise MaintenanceError `not_mounted`, or as open_folder does."""
    if settings.backup.require_mountpoint:
        _check_mounted(host, settings.backup.directory, settings.state_directory)
    with open_folder(host, settings.backup.directory, create=create) as folder:
        yield folder


def _check_mounted(host: Host, path: str, state_directory: str) -> None:
    """Refuse a directory on the system disk, where it is while nothing is mounted."""
    existing = os.path.realpath(path)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if existing == os.path.realpath(path) and existing in host.mount_points():
        return
    with storage(path):
        system = {os.stat(place).st_dev for place in ("/", state_directory) if os.path.exists(place)}
        is_own = os.stat(existing).st_dev not in system
    if not is_own:
        message = f"the backup directory {path} is on the system disk: nothing is mounted there"
        hint = "mount it (findmnt --fstab), or set backup.require_mountpoint to false"
        raise MaintenanceError("not_mounted", message, hint=hint)


@contextlib.contextmanager
def open_folder(host: Host, path: str, *, create: bool = False) -> Iterator[Folder]:
    """Return a context with the open directory. Raise MaintenanceError `unsafe_directory`, or StorageFault.

    It must be a directory, not a link, that belongs to this user and that nobody else can write to.
    """
    if create and not os.path.lexists(path):
        _create(path)
    try:
        descriptor = open_directory(path)
    except OSError as error:
        raise_shortage(error)
        raise _unsafe(
            path, _open_reason(path, error), advice(path, error) if error.errno == errno.EACCES else ""
        ) from None
    try:
        with storage(path):
            status = os.fstat(descriptor)
        _check(host, path, status)
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


def _check(host: Host, path: str, status: os.stat_result) -> None:
    if status.st_uid != host.effective_user_id():
        owner, account = account_of(status.st_uid), account_of(host.effective_user_id())
        raise _unsafe(path, f"belongs to {owner}, and this runs as {account}", f"chown {account} {path}")
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise _unsafe(path, f"can be written by others (mode {stat.S_IMODE(status.st_mode):04o})", f"chmod go-w {path}")


def _unsafe(path: str, what: str, hint: str = "") -> MaintenanceError:
    hint = hint or "the role creates it; by hand: a directory of mode 0700 owned by the user that runs the jobs"
    return MaintenanceError("unsafe_directory", f"the backup directory {path} {what}", hint=hint)
