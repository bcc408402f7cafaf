"""Give a finished archive its final name, unless the name is taken: no archive is ever replaced."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import NamedTuple

from ..archive.writer import ArchiveWriter, writing
from ..files import sync_entries

# Filesystems without hard links say one of these: exFAT and FUSE EPERM, others that they do not know the call.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)
# renameat2(2) of Linux, which Python does not provide.
_RENAME_NOREPLACE = 1


class Published(NamedTuple):
    """Whether an archive has its name, and whether the directory entry was synced."""

    has_name: bool
    is_synced: bool = True


def publish(writer: ArchiveWriter, name: str) -> Published:
    """Return whether the archive has its name, durably; without it if the name is taken.

    Raise Unwritable; then the archive has no name.
    """
    with writing(writer.path):
        if not give_name(writer.folder, writer.part, name):
            return Published(has_name=False)
        try:
            return Published(has_name=True, is_synced=sync_entries(writer.folder))
        except OSError:
            os.unlink(name, dir_fd=writer.folder)
            raise


def give_name(folder: int, temporary: str, name: str) -> bool:
    """Return whether the file has the name now; False if the name is taken. Raise OSError.

    Both names are in the directory open as `folder`. By a hard link, which never replaces a file, if the filesystem has
    links; otherwise by a rename that must not replace.
    """
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _rename(folder, temporary, name)
    os.unlink(temporary, dir_fd=folder)
    return True


def _rename(folder: int, temporary: str, name: str) -> bool:
    library = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(temporary), os.fsencode(name))
    if library.renameat2(folder, names[0], folder, names[1], _RENAME_NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number == errno.EEXIST:
        return False
    raise OSError(number, os.strerror(number), name)
