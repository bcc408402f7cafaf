"""Write credentials files: readable only by their account, atomically, and never through a planted link."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..errors import BadOption, StorageFault
from ..files import close, create, open_directory, open_existing, storage, sync_entries
from ..host import Host
from . import credentials
from .places import Places
from .preflight import judge

_MODE = 0o600
_LARGEST_BYTES = 1024 * 1024


class State(NamedTuple):
    """The properties of a file; no content, because a diff may show them."""

    owner: str
    group: str
    mode: str
    content: str

    @property
    def words(self) -> str:
        """Return the properties as lines for a diff."""
        return f"owner: {self.owner}\ngroup: {self.group}\nmode: {self.mode}\ncontent: {self.content}\n"


class Change(NamedTuple):
    """A file with its properties before and after; they are equal if nothing changes."""

    path: str
    content: bytes
    before: State | None
    after: State

    @property
    def is_needed(self) -> bool:
        """Return whether the file must be written."""
        return self.before != self.after


def plan(variables: Mapping[str, object], host: Host, places: Places | None = None) -> list[Change]:
    """Return the files to write for the role's variables. Raise BadOption or StorageFault."""
    site, refusals = judge(variables)
    if refusals:
        raise BadOption("\n".join(refusal.message for refusal in refusals))
    if site.credentials == "keep" or site.state == "absent":
        return []
    account = host.account(site.user)
    home = account.pw_dir if account else (places or Places()).library
    return [_change(file, account, site.user) for file in credentials.wanted(site, home)]


def _change(file: credentials.CredentialsFile, account: pwd.struct_passwd | None, user: str) -> Change:
    content = credentials.content(file).encode("utf-8", "surrogateescape")
    owner, group = (str(account.pw_uid), str(account.pw_gid)) if account else (user, user)
    after = State(owner, group, f"{_MODE:04o}", "as the variables say")
    return Change(file.path, content, _state(file.path, content, after), after)


def _state(path: str, content: bytes, after: State) -> State | None:
    """Return the properties of the existing file, or None."""
    try:
        descriptor = open_existing(path)
    except FileNotFoundError:
        return None
    except OSError:
        return State("", "", "", "a link, or nothing that can be read")
    try:
        status = os.fstat(descriptor)
        is_file = stat.S_ISREG(status.st_mode)
        same = is_file and os.read(descriptor, _LARGEST_BYTES) == content
        word = after.content if same else "another"
        return State(str(status.st_uid), str(status.st_gid), f"{stat.S_IMODE(status.st_mode):04o}", word)
    finally:
        close(descriptor)


def apply(change: Change) -> None:
    """Write the file; after a fault it has its previous content. Raise StorageFault."""
    folder, name = os.path.split(change.path)
    with storage(change.path), _folder(folder) as descriptor:
        temporary = f"{name}.part"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=descriptor)
        target = create(temporary, folder=descriptor)
        try:
            with os.fdopen(target, "wb") as stream:
                os.fchown(target, int(change.after.owner), int(change.after.group))
                os.fchmod(target, _MODE)
                stream.write(change.content)
                stream.flush()
                os.fsync(target)
            os.rename(temporary, name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=descriptor)
            raise
        sync_entries(descriptor)


@contextlib.contextmanager
def _folder(path: str) -> Iterator[int]:
    """Return a context with the open directory; a link to one is followed only if root created it."""
    is_link = os.path.islink(path)
    if is_link and os.lstat(path).st_uid != 0:
        raise StorageFault("storage", f"{path} is a link that another account created; set the directory itself")
    descriptor = open_directory(path, follow=is_link)
    try:
        yield descriptor
    finally:
        close(descriptor)
