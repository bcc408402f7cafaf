"""The directory for restored files: private, used for nothing else, and removed again after a fault."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import Interrupted, MaintenanceError, Refused, StorageFault
from ..files import SparseWriter, close, create, open_directory, storage, sync_entries
from ..formatting import size
from ..host import Host


@dataclass
class Target:
    """The directory for files; `undo` removes what was created in it."""

    path: str
    descriptor: int
    made: list[bytes] = field(default_factory=list)

    @contextlib.contextmanager
    def file(self, name: bytes, modified_seconds: int | None = None) -> Iterator[SparseWriter]:
        """Return a context that writes a new file and syncs it. Raise StorageFault."""
        with storage(self.path):
            descriptor = create(name, folder=self.descriptor)
            try:
                self.made.append(name)
                os.fchmod(descriptor, 0o600)
                writer = SparseWriter(descriptor)
                yield writer
                writer.finish()
                if modified_seconds is not None:
                    os.utime(descriptor, (modified_seconds, modified_seconds))
                os.fsync(descriptor)
            finally:
                close(descriptor)

    def undo(self) -> None:
        """Remove the files that were created, as far as possible."""
        for name in reversed(self.made):
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self.descriptor)


def check_target(host: Host, path: str) -> None:
    """Raise Refused unless files may be restored there: missing or empty, of this user, not writable by others."""
    if not os.path.lexists(path):
        if not os.path.isdir(os.path.dirname(path)):
            raise _refused(path, "is in a directory that does not exist")
        if not os.access(os.path.dirname(path), os.W_OK | os.X_OK):
            raise _refused(path, "is in a directory that this account cannot write to")
        return
    try:
        status, empty = os.lstat(path), not os.listdir(path)
    except OSError as error:
        raise _refused(path, f"cannot be used: {error.strerror}") from None
    if not stat.S_ISDIR(status.st_mode):
        raise _refused(path, "is not a directory")
    if status.st_uid != host.effective_user_id() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _refused(path, "belongs to another user or can be written by others")
    if not empty:
        raise _refused(path, "is not empty")


def check_room(host: Host, path: str, size_bytes: int) -> None:
    """Raise StorageFault `no_space` if the filesystem of the target has less room than the files take."""
    existing = path if os.path.isdir(path) else os.path.dirname(path)
    free = host.free_bytes(existing)
    if size_bytes > free:
        message = f"{existing} has {size(free)} free, and the files to restore need {size(size_bytes)}"
        hint = "free some space, or set another restore.target_directory or fewer restore.components"
        raise StorageFault("no_space", message, hint=hint)


def _refused(path: str, what: str) -> Refused:
    hint = "set it to a directory that does not exist yet"
    return Refused("unsafe_target", f"restore.target_directory {path} {what}", hint=hint)


@contextlib.contextmanager
def open_target(host: Host, path: str) -> Iterator[Target]:
    """Return a context with the directory, created if missing; an exception undoes all changes. Raise Refused."""
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
            sync_entries(descriptor)
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
    """Return whether anything remains after undoing a restore: a directory that it created, or a file."""
    try:
        return os.path.lexists(path) if made else bool(os.listdir(path))
    except OSError:
        return True
