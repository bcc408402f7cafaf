"""Which archive a user means: a path, a name in the backup directory, or the latest good one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from ..archive import inventory
from ..errors import BadOption, Refused
from ..secret import printable
from ..timestamps import iso

LATEST, ALL = "latest", "all"
_HINT = "run `iact-maintenance archives` to list the archives"


def select(entries: Sequence[inventory.Entry], directory: str, wanted: str, now: datetime) -> inventory.Entry:
    """Return the entry for `wanted`: `latest`, a name, or a path in `directory`. Raise Refused `no_archive`.

    If no archive is good, as on a host that was set up again, `latest` is one that is not verified yet: its user reads
    it completely first. An archive dated after `now` is never the latest, but can be named.
    """
    if wanted == LATEST:
        newest = inventory.newest(entries, now) or inventory.newest(entries, now, inventory.UNVERIFIED)
        if newest is None:
            raise _none(entries, directory, now)
        return newest
    name = os.path.basename(wanted) if os.path.dirname(wanted) in ("", directory) else wanted
    for entry in entries:
        if entry.name == name:
            return entry
    raise Refused("no_archive", f"there is no archive {printable(wanted)} in {directory}", hint=_HINT)


def _none(entries: Sequence[inventory.Entry], directory: str, now: datetime) -> Refused:
    """Return the refusal if there is no latest archive; only a person can say which of the others is wanted."""
    ahead = inventory.ahead(entries, now)
    others = [entry for entry in entries if entry.kind == inventory.OTHER_HOST and entry.created_at]
    if not ahead and others:
        newest = max(others, key=inventory.age_key)
        message = f"there is no good archive of this host in {directory}, and {len(others)} of other hosts"
        hint = (
            f"give the name of one to restore it anyway: {newest.name} was {newest.reason}; or take over this "
            "host's earlier ones "
        )
        return Refused("no_archive", message, hint=hint + "with `iact-maintenance archives --adopt`")
    if not ahead:
        hint = "give a name that `iact-maintenance archives` lists"
        return Refused("no_archive", f"there is no good archive in {directory}", hint=hint)
    message = f"every good archive in {directory} is dated later than this host's clock, {iso(now)}"
    hint = f"check the clock with timedatectl, or give the archive's name; the last one is {ahead[-1].name}"
    return Refused("no_archive", message, hint=hint)


def foreign_path(directory: str, wanted: str) -> str | None:
    """Return `wanted` if it is the path of a file outside `directory`; None if it names an archive in it.

    Raise BadOption for a relative path, because a run that changed its user has another working directory; Refused
    `no_archive` if there is no such file.
    """
    if "/" not in wanted or os.path.dirname(wanted) == directory:
        return None
    if not os.path.isabs(wanted):
        shown = printable(wanted)
        raise BadOption(f"restore.archive is {shown}: an absolute path, or a plain name in {directory}, is allowed")
    if not os.path.lexists(wanted):
        raise Refused("no_archive", f"there is no file {printable(wanted)} that this user can see", hint=_HINT)
    return wanted
