"""The names of archives and of unfinished archives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import NamedTuple

STEM = "iact_data_backup_"
PART = ".part"
_ARCHIVE = re.compile(
    STEM + r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)(?:_([2-9]|[1-9]\d{1,5}))?(\.partial)?\.tar", re.ASCII
)
_PART = re.compile(STEM + r"(?:copy_\d+\.([0-9a-f]{32})|\d{8}_\d{6}\.([0-9a-f]{32})\.tar)" + re.escape(PART), re.ASCII)
_STAMP = "%Y%m%d_%H%M%S"
_MOST_OF_A_SECOND = 1000


class ArchiveName(NamedTuple):
    """The name of an archive: the time at which it was begun, in UTC, and whether it is partial.

    `number` distinguishes archives of the same second; the second one has number 2.
    """

    created_at: datetime
    partial: bool = False
    number: int = 1

    @property
    def text(self) -> str:
        """Return the file's name."""
        number = f"_{self.number}" if self.number > 1 else ""
        return STEM + self.created_at.strftime(_STAMP) + number + (".partial" if self.partial else "") + ".tar"

    def alternatives(self) -> Iterator[ArchiveName]:
        """Return this name, followed by the names to use if it is taken."""
        return (self._replace(number=number) for number in range(self.number, _MOST_OF_A_SECOND))


def parse_archive_name(name: str) -> ArchiveName | None:
    """Return the parts of an archive's name; None for any other name."""
    match = _ARCHIVE.fullmatch(name)
    if match is None:
        return None
    try:
        year, month, day, hour, minute, second = map(int, match.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return None
    return ArchiveName(moment, partial=match.group(8) is not None, number=int(match.group(7) or 1))


def part_name(created_at: datetime, identity: str) -> str:
    """Return the name of an unfinished archive of the host with that identity."""
    return f"{STEM}{created_at.strftime(_STAMP)}.{identity}.tar{PART}"


def copy_name(process_id: int, identity: str) -> str:
    """Return the name that the private copy of an SQLite file has until it is unlinked."""
    return f"{STEM}copy_{process_id}.{identity}{PART}"


def writer_of(name: str) -> str:
    """Return the identity of the host that writes, or was writing, an unfinished file; empty for other files."""
    match = _PART.fullmatch(name)
    return match[1] or match[2] if match else ""
