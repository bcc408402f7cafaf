"""Read files that hold passwords, only if nobody but their owner can read them."""

from __future__ import annotations

import os
import pwd
import stat

from ..errors import Refused
from ..files import open_existing
from ..host import Host
from ..limits import raise_shortage
from ..permissions import account_of, advice, current_account
from ..secret import printable

_LARGEST_BYTES = 1024 * 1024
_ANY, _WRITING = 0o077, 0o022
_MAY = {_ANY: "read or written", _WRITING: "written"}
_CHMOD = {_ANY: "600", _WRITING: "go-w"}


def account_name(host: Host) -> str:
    """Return the name of the account that this process runs as; its number if it has no name."""
    try:
        return pwd.getpwuid(host.effective_user_id()).pw_name
    except KeyError:
        return str(host.effective_user_id())


def home_file(host: Host, name: str) -> str:
    """Return the path of a file in the home of the account that this process runs as.

    HOME is not used, since it may be wrong.
    """
    try:
        return os.path.join(pwd.getpwuid(host.effective_user_id()).pw_dir, name)
    except KeyError:
        return os.path.join("/nonexistent", name)


def read_private(host: Host, path: str, *, required: bool, others_may_read: bool = False) -> str | None:
    """Return the text of a credentials file; None if it is missing and not required.

    Raise Refused: `no_credentials_file`, or `unsafe_permissions` if others can read or write it. `others_may_read` is
    for the project's option file, which other programs may share.
    """
    try:
        descriptor = open_existing(path, follow=True)
    except FileNotFoundError:
        if not required:
            return None
        hint = "correct config_file or passfile, or create the file with mode 0600; the role writes it"
        raise Refused(
            "no_credentials_file", f"the credentials file {printable(path)} does not exist", hint=hint
        ) from None
    except OSError as error:
        raise_shortage(error)
        message = f"the credentials file {printable(path)} cannot be read: {error.strerror}"
        raise Refused("no_credentials_file", message, hint=advice(path, error)) from None
    try:
        _check_trust(os.fstat(descriptor), path, host.effective_user_id(), _WRITING if others_may_read else _ANY)
        return os.read(descriptor, _LARGEST_BYTES).decode("utf-8", "surrogateescape")
    finally:
        os.close(descriptor)


def _check_trust(status: os.stat_result, path: str, user_id: int, refused: int) -> None:
    shown = printable(path)
    if not stat.S_ISREG(status.st_mode):
        raise Refused("no_credentials_file", f"the credentials file {shown} is not a regular file")
    if status.st_uid not in (0, user_id):
        owner, account = account_of(status.st_uid), current_account()
        message = f"the credentials file {shown} belongs to {owner}, and this runs as {account}"
        raise Refused("unsafe_permissions", message, hint=f"chown {account} {shown}")
    if status.st_mode & refused:
        mode = stat.S_IMODE(status.st_mode)
        # Else the account could no longer read it.
        chown = f"chown {current_account()} {shown} && " if status.st_uid != user_id and refused == _ANY else ""
        raise Refused(
            "unsafe_permissions",
            f"the credentials file {shown} can be {_MAY[refused]} by others (mode {mode:04o})",
            hint=chown + f"chmod {_CHMOD[refused]} {shown}",
        )
