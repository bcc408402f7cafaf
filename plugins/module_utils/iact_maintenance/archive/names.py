"""The names of archives and of their unfinished files, told from foreign ones."""

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
    """The name of an archive of ours: the moment it was begun, in UTC, and whether it is a partial one.

    `number` tells those of one second apart: the second one has the 2.
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
        """Return this name, then those that the same archive may have where another one bears it already."""
        return (self._replace(number=number) for number in range(self.number, _MOST_OF_A_SECOND))


def parse_archive_name(name: str) -> ArchiveName | None:
    """Return what the name of an archive of ours says; None for every other name."""
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
    """Return the name of an archive that is being written by the host of that identity."""
    return f"{STEM}{created_at.strftime(_STAMP)}.{identity}.tar{PART}"


def copy_name(process_id: int, identity: str) -> str:
    """Return the name of the private copy of an SQLite file, for as long as it has one."""
    return f"{STEM}copy_{process_id}.{identity}{PART}"


def writer_of(name: str) -> str:
    """Return the identity of the host that a file is written by, or was when it was killed; empty for other files."""
    match = _PART.fullmatch(name)
    return match[1] or match[2] if match else ""
