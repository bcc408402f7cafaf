"""Moments in UTC: formatted for machines, parsed, and compared with the clock."""

from __future__ import annotations

import re
from datetime import datetime, timezone, tzinfo

from .errors import BadOption
from .secret import printable

_TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_CLOCKS_DIFFER_SECONDS = 300


def zone_named(name: str) -> tzinfo:
    """Return the time zone with that name. Raise BadOption if this host does not know it."""
    # Imported here, because only sites that store local times need it and the import is slow.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"time_zone is {printable(repr(name), 80)}: a name from tzdata is allowed"
        raise BadOption(message) from None


def iso(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with seconds and `Z`."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso(text: str) -> datetime:
    """Return the moment that `iso` formatted. Raise ValueError for any other text.

    Without strptime, whose first call imports modules, which a process that changed its user may not be able to read.
    """
    if not _TEXT.fullmatch(text):
        raise ValueError(f"{text!r} is not a time")
    return datetime.fromisoformat(text[:-1]).replace(tzinfo=timezone.utc)


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Return whether a moment is further in the future than clocks differ, so that its age is unknown."""
    return (moment - now).total_seconds() > _CLOCKS_DIFFER_SECONDS
