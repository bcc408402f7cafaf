"""What the role needs to know of a host before it changes anything, and everything that it must not go on with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import config, credentials
from .refusal import Refusal
from .variables import Site, read

# Where the account of the jobs lives, if the role makes it.
LIBRARY = "/var/lib/iact"


def look(variables: Mapping[str, object]) -> dict[str, Any]:
    """Return what a task of the role may use, as plain data without any password."""
    site, refusals = read(variables)
    files = credentials.wanted(site, LIBRARY)
    if not refusals:
        refusals = _relations(site, files)
    return {"refusals": [refusal._asdict() for refusal in refusals]}


def _relations(site: Site, files: list[credentials.CredentialsFile]) -> list[Refusal]:
    unwritable = [] if site.credentials == "keep" else list(credentials.unwritable(files))
    return unwritable + config.refusals(config.content(site, files, (), LIBRARY))
