"""The directories for library, state, logs and archives: their owners, and links that could have been planted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from ..sections.jobs import SCHEDULED_JOBS
from .places import KEPT, Subject
from .refusal import Refusal
from .variables import PREFIX

_HINTS = {"log_directory": " (the backup still reads the application's logs in their directory)"}


class Folder(NamedTuple):
    """A directory that the role creates: `is_ours` if the account owns it, `is_kept` if a removal keeps it."""

    path: str
    owner: str
    is_ours: bool
    is_kept: bool


def wanted(subject: Subject) -> dict[str, str]:
    """Return the directories, each with the role's variable that names it, if any."""
    site = subject.site
    named = {
        site.state_directory: "state_directory",
        site.log_directory: "log_directory",
        site.option("backup", "directory"): "backup_directory",
    }
    return {subject.places.library: "", **named}


def look(subject: Subject) -> list[Folder]:
    """Return those of the directories that exist."""
    return [_folder(subject, path) for path in wanted(subject) if os.path.exists(path)]


def _folder(subject: Subject, path: str) -> Folder:
    number = os.stat(path).st_uid
    owner, account = subject.host.account(str(number)), subject.host.account(subject.site.user)
    is_ours = account is not None and account.pw_uid == number
    is_kept = number == 0 and not is_ours and os.path.lexists(os.path.join(path, KEPT))
    return Folder(path, owner.pw_name if owner else str(number), is_ours, is_kept)


def refusals(subject: Subject, folders: list[Folder]) -> Iterator[Refusal]:
    """Return the directories that the role must not use."""
    names = wanted(subject)
    for folder in folders:
        variable = PREFIX + names[folder.path] if names[folder.path] else ""
        if not os.path.isdir(folder.path):
            yield Refusal("not_a_directory", f"{folder.path} is not a directory; move it away", variable)
        elif not folder.is_ours and not folder.is_kept:
            yield Refusal("foreign_folder", _whose(subject, folder, names[folder.path]), variable or f"{PREFIX}user")
    for path in sorted(set(_links(subject, list(names)))):
        message = (
            f"{path} is a link, and {subject.site.user} would become the owner of its target; remove it, or set the "
            "directory itself"
        )
        yield Refusal("link", message, PREFIX + names[path] if names.get(path) else "")


def _whose(subject: Subject, folder: Folder, option: str) -> str:
    user = subject.site.user
    another = f", or set another directory with {PREFIX}{option}{_HINTS.get(option, '')}" if option else ""
    if folder.owner == "root" or folder.owner.isdigit():
        # Never suggest that owner as the account, because the jobs do not run as root.
        when = "" if subject.host.account(user) else f", once an account {user} exists"
        return f"{folder.path} belongs to {folder.owner}; give it to {user} (chown {user} {folder.path}{when}){another}"
    return f"{folder.path} belongs to {folder.owner}; set {PREFIX}user to {folder.owner}{another}"


def _links(subject: Subject, folders: list[str]) -> Iterator[str]:
    """Return the links through which root would change another file's owner; the account could have planted them."""
    logs = [os.path.join(subject.site.log_directory, job.log) for job in SCHEDULED_JOBS]
    yield from (path for path in (f"{subject.home}/.iact", *logs) if os.path.islink(path))
    for path in folders:
        if os.path.islink(path) and (os.lstat(path).st_uid != 0 or not os.path.exists(path)):
            yield path
