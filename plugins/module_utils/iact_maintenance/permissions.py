"""Advise on a path that this process cannot use: its owner, and the account of the jobs."""

from __future__ import annotations

import errno
import grp
import os
import pwd
from typing import NamedTuple

_SUDO = "run this with sudo, or with -b in Ansible"
# Directories whose own directories other programs use as well (/var/log, /srv): their owner stays.
_SYSTEM = ("/", "/var")
# Who runs the jobs, once the settings are known.
_jobs: dict[str, str] = {}


class Obstacle(NamedTuple):
    """The first part of a path that this process cannot use as needed: a directory on the way, or its end."""

    path: str
    owner: str
    group: str
    is_directory: bool
    is_on_the_way: bool


def run_for(user: str | None) -> None:
    """Store the account of the jobs, because the advice to it differs from that to others."""
    _jobs.clear()
    if user:
        _jobs["user"] = user


def current_account() -> str:
    """Return the name of the account that this process runs as; its number if it has no name."""
    return account_of(os.geteuid())


def advice(
    path: str,
    error: OSError,
    *,
    option: str = "",
    within: str = "",
    is_shared: bool = False,
    is_written: bool = False,
) -> str:
    """Return what to do about an error in the use of `path`.

    `option` is the option with the path; `within` a directory of this program above it. `is_shared` is true for files
    of others, such as the application, which must stay theirs; with `is_written` the jobs write to them.
    """
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"correct {option}, or create it" if option else "create it; the role does"
    if error.errno == errno.EROFS:
        return "its filesystem is mounted read-only: check findmnt and the kernel's log (journalctl -k)"
    if error.errno == errno.ELOOP:
        return "it is a symbolic link, which is not allowed: set the file or directory itself"
    if error.errno == errno.EISDIR:
        return f"it is a directory: set {option} to a file" if option else "it is a directory: move it elsewhere"
    if error.errno == errno.EIO:
        return "the disk has input or output errors: read the kernel's log (journalctl -k)"
    if error.errno not in (errno.EACCES, errno.EPERM):
        return ""
    return _permission(within if within and obstacle(within) else path, is_shared, is_written)


def _permission(path: str, is_shared: bool, is_written: bool) -> str:
    account = current_account()
    if os.geteuid() == 0:
        return f"even root is refused: check lsattr {path}, and how its filesystem is mounted (findmnt)"
    if account != _jobs.get("user", account):
        return _SUDO
    blocked = obstacle(path)
    if blocked is None:
        return _SUDO
    if blocked.owner == account:
        return f"chmod {'u+rwx' if blocked.is_directory else 'u+rw'} {blocked.path}"
    if blocked.is_on_the_way:
        # Never chown, because the directory is not this program's.
        return f"let {account} enter {blocked.path} (chmod o+x, or its group {blocked.group}), or set another path"
    if blocked.is_directory and os.path.dirname(blocked.path) in _SYSTEM:
        return f"{blocked.path} belongs to the system: set a directory in it, such as {blocked.path}/iact"
    if is_shared:
        return _shared(blocked, account, "w" if is_written else "")
    if blocked.owner == "root" or _jobs:
        return f"chown {account} {blocked.path} (it belongs to {blocked.owner})"
    return f"{blocked.path} belongs to {blocked.owner}: run this as {blocked.owner}, or chown {account} {blocked.path}"


def _shared(blocked: Obstacle, account: str, write: str) -> str:
    """Return how an account gets to use a path of others through a group, which is never root's."""
    chmod = f"chmod g+r{write}{'x' if blocked.is_directory else ''} {blocked.path}"
    if blocked.group == "root":
        return (
            f"let {account} use it: chgrp {blocked.path} to the application's group, with {account} in it, and {chmod}"
        )
    join = f"usermod -aG {blocked.group} {account} (the role: iact_maintenance_groups)"
    return f"let {account} use it: {join}, and {chmod}"


def obstacle(path: str) -> Obstacle | None:
    """Return what keeps this process from using or creating `path`; None if nothing is visible."""
    parts = os.path.abspath(path).strip("/").split("/")
    for number in range(len(parts) + 1):
        current = "/" + "/".join(parts[:number])
        is_end = number == len(parts)
        if not os.path.lexists(current):
            above = os.path.dirname(current)
            return None if os.access(above, os.W_OK) else _obstacle(above, is_on_the_way=not is_end)
        is_directory = os.path.isdir(current)
        wanted = os.R_OK | os.W_OK | (os.X_OK if is_directory else 0) if is_end else os.X_OK
        if not os.access(current, wanted):
            return _obstacle(current, is_on_the_way=not is_end)
    return None


def _obstacle(path: str, *, is_on_the_way: bool) -> Obstacle:
    about = os.lstat(path)
    return Obstacle(path, account_of(about.st_uid), _group(about.st_gid), os.path.isdir(path), is_on_the_way)


def account_of(number: int) -> str:
    """Return the name of the account with that number; the number if it has no name."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
