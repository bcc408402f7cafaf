"""The account of the jobs, its home and its groups."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from typing import Any

from . import credentials
from .places import Subject, first_lines
from .refusal import Refusal
from .variables import PREFIX

# Comment and shell of the account that the role makes, whose home is the library. A removal deletes only an account
# that still has all three, because the record is the one mark that goes when the account goes or becomes another's.
COMMENT, SHELL = "iact.maintenance", "/usr/sbin/nologin"
_USER = f"{PREFIX}user"
# Names that Debian's useradd accepts.
_NAME = re.compile(r"[^-+~:,/\s][^:,/\s]*")


def facts(subject: Subject) -> dict[str, Any]:
    """Return what tasks need to know about the account; its group by number, because names may be ambiguous."""
    site, host = subject.site, subject.host
    account = host.account(site.user)
    known: dict[str, Any] = {"exists": account is not None, "home": subject.home, "group": site.user}
    known["group_exists"] = host.group_name(site.user) is not None
    known["groups_to_join"] = _groups_to_join(subject, account)
    known["is_made_by_role"] = False
    if account is not None:
        record = (account.pw_gecos, account.pw_dir, account.pw_shell)
        known["group"] = str(account.pw_gid)
        known["is_made_by_role"] = record == (COMMENT, subject.places.library, SHELL)
    return known


def _groups_to_join(subject: Subject, account: pwd.struct_passwd | None) -> list[str]:
    names = [name for name in map(subject.host.group_name, subject.site.groups) if name]
    if account is None:
        return names
    joined = {subject.host.group_name(str(number)) for number in subject.host.groups_of(account)}
    return [name for name in names if name not in joined]


def name_refusals(subject: Subject) -> Iterator[Refusal]:
    """Return what is wrong with the account's name, for installation and removal."""
    name, account = subject.site.user, subject.host.account(subject.site.user)
    if account is not None and account.pw_name != name:
        message = f"the account {name} is called {account.pw_name} on the host; set {_USER} to that name"
        yield Refusal("account_name", message, _USER)
    elif account is None and (name.isdigit() or not _NAME.fullmatch(name)):
        message = f"{_USER} is {name!r}: the name of an account is allowed, not a number"
        yield Refusal("account_name", message, _USER)
    if name == "root" or (account is not None and account.pw_uid == 0):
        message = (
            f"the jobs do not run as root, which {name} is; set {_USER} to the account that runs the application, or "
            "leave it out"
        )
        yield Refusal("account_root", message, _USER)


def refusals(subject: Subject) -> Iterator[Refusal]:
    """Return what the account lacks for an installation."""
    site, host = subject.site, subject.host
    for variable, names in (("groups", site.groups), ("log_group", (site.log_group,))):
        for name in names:
            if host.group_name(name) is None:
                message = f"the host has no group {name}; correct {PREFIX}{variable}"
                yield Refusal("no_group", message, PREFIX + variable)
    yield from _home_refusals(subject)
    yield from _cron_refusals(subject)


def _home_refusals(subject: Subject) -> Iterator[Refusal]:
    site, home = subject.site, subject.home
    if site.credentials == "keep" or subject.host.account(site.user) is None or os.path.isdir(home):
        return
    if any(file.path.startswith(f"{home}/") for file in credentials.wanted(site, home)):
        message = (
            f"the home of {site.user}, {home}, does not exist; set the credentials files with "
            f"{PREFIX}mysql_config_file or {PREFIX}postgresql_passfile"
        )
        yield Refusal("no_home", message, f"{PREFIX}mysql_config_file")


def _cron_refusals(subject: Subject) -> Iterator[Refusal]:
    """Return whether crontab(1) would refuse the account, by cron.allow or else by cron.deny."""
    name, places = subject.site.user, subject.places
    if os.path.exists(places.cron_allow):
        if name not in first_lines(places.cron_allow):
            message = f"{places.cron_allow} does not list {name}, so it cannot have a crontab; add a line {name} to it"
            yield Refusal("cron_not_allowed", message, _USER)
    elif name in first_lines(places.cron_deny):
        message = f"{places.cron_deny} lists {name}, so it cannot have a crontab; delete that line"
        yield Refusal("cron_not_allowed", message, _USER)
