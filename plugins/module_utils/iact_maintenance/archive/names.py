"""What archives and their members are called: told from foreign files, and safe whatever a database is called."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import datetime, timezone
from typing import NamedTuple
from urllib.parse import quote

STEM = "iact_data_backup_"
PART = ".part"
_ARCHIVE = re.compile(STEM + r"(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)(\.partial)?\.tar", re.ASCII)
_COPY = STEM + "copy_"
_LEFT_COPY = re.compile(re.escape(_COPY) + r"\d+" + re.escape(PART), re.ASCII)
_MEMBER = re.compile(r"[A-Za-z0-9_%~][A-Za-z0-9_%~.-]{0,99}", re.ASCII)
_STAMP = "%Y%m%d_%H%M%S"
_LONGEST_BYTES = 100
_DIGEST_CHARACTERS = 16


class ArchiveName(NamedTuple):
    """The name of an archive of ours: the moment it was begun, in UTC, and whether it is a partial one."""

    created_at: datetime
    partial: bool = False

    @property
    def text(self) -> str:
        """The file's name."""
        return STEM + self.created_at.strftime(_STAMP) + (".partial" if self.partial else "") + ".tar"


def parse_archive_name(name: str) -> ArchiveName | None:
    """What the name of an archive of ours says; None for every other name."""
    found = _ARCHIVE.fullmatch(name)
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = map(int, found.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return None
    return ArchiveName(moment, partial=found.group(7) is not None)


def copy_name(process_id: int) -> str:
    """What the private copy of an SQLite file is called, for as long as it has a name."""
    return f"{_COPY}{process_id}{PART}"


def is_leftover(name: str) -> bool:
    """Whether a file is called as only the writer calls its own, so that a killed run of ours left it behind."""
    if not name.endswith(PART):
        return False
    archive = parse_archive_name(name[: -len(PART)])
    return _LEFT_COPY.fullmatch(name) is not None or (archive is not None and not archive.partial)


def encode(name: str) -> str:
    """`name` percent-encoded, so that it is one harmless word in a path, on a terminal and in an argument list."""
    encoded = quote(os.fsencode(name), safe="").replace("~", "%7E")
    return f"%{ord(encoded[0]):02X}{encoded[1:]}" if encoded[:1] in (".", "-") else encoded


def member_name(head: str, name: str, tail: str = "") -> str:
    """`head`, the encoded `name` and `tail` as one member name, shortened with a digest where a tar header has no room.

    The true name stands in the manifest; a shortened one is never decoded.
    """
    encoded, room = encode(name), _LONGEST_BYTES - len(head) - len(tail)
    if len(encoded) > room:
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:_DIGEST_CHARACTERS]
        encoded = f"{encoded[: room - _DIGEST_CHARACTERS - 1]}~{digest}"
    return head + encoded + tail


def is_member_name(name: str) -> bool:
    """Whether `name` is one that `member_name` could have given: flat, short, without any special character."""
    return _MEMBER.fullmatch(name) is not None
