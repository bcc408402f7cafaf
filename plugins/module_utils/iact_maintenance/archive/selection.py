"""Which archive a user means: a path, a name in the backup directory, or the latest good one."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..errors import Refused
from ..secret import printable
from . import catalogue

LATEST, ALL = "latest", "all"


def select(entries: Sequence[catalogue.Entry], directory: str, wanted: str) -> catalogue.Entry:
    """The entry that `wanted` names: `latest`, a name, or a path in `directory`. Raises Refused `no_archive`.

    Where no archive is known to be good, as on a host that was set up anew, the latest is one that was not proven yet:
    whoever uses it reads all of it first.
    """
    if wanted == LATEST:
        found = catalogue.newest(list(entries)) or catalogue.newest(list(entries), catalogue.UNVERIFIED)
        if found is None:
            hint = "name one of those that `iact-maintenance archives` lists"
            raise Refused("no_archive", f"there is no good archive in {directory}", hint=hint)
        return found
    name = os.path.basename(wanted) if os.path.dirname(wanted) in ("", directory) else wanted
    for entry in entries:
        if entry.name == name:
            return entry
    hint = "`iact-maintenance archives` lists what there is"
    raise Refused("no_archive", f"there is no archive {printable(wanted)} in {directory}", hint=hint)
