"""The entries of a list of archives: their kinds, the newest one, and those dated in the future."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from ..dumps.model import Source
from ..timestamps import is_ahead, iso
from .manifest import Manifest
from .reading import Stamp

GOOD, UNVERIFIED, PARTIAL, BROKEN, FOREIGN = "good", "unverified", "partial", "broken", "foreign"
OTHER_HOST, COPY, NEWER = "other_host", "copy", "newer"
AHEAD_HINT = "check the clock with timedatectl; if it is right, move the archives that are dated later elsewhere"


class Entry(NamedTuple):
    """A file in the backup directory: `kind`, the `reason` if it is not good, and its `manifest` if it was read.

    `good`: completely read, all checksums match (at `proven_at`). `unverified`: not read to its end yet, or not
    readable. `other_host`: written by another host. `copy`: same content (`digest`) as another entry. `newer`: in a
    later format than this version knows. Only good, unverified, broken and partial entries belong to this host.
    """

    name: str
    kind: str
    stamp: Stamp | None = None
    manifest: Manifest | None = None
    proven_at: str = ""
    reason: str = ""
    digest: str = ""

    @property
    def created_at(self) -> datetime | None:
        """Return the time at which the archive was begun, from its manifest."""
        return self.manifest.created_at if self.manifest else None

    def is_ahead(self, now: datetime) -> bool:
        """Return whether the manifest's time is after `now`, so that the age is unknown."""
        return self.created_at is not None and is_ahead(self.created_at, now)

    def as_dict(self, describe: Callable[[Source], str]) -> dict[str, object]:
        """Return the entry as plain data; `describe` says for people what a component holds."""
        shown: dict[str, object] = {"name": self.name, "kind": self.kind}
        if self.stamp:
            shown["size_bytes"] = self.stamp.size_bytes
        if self.manifest:
            shown["created_at"] = iso(self.manifest.created_at)
            shown["host"] = self.manifest.host
            shown["identity"] = self.manifest.identity
            shown["components"] = [component.name for component in self.manifest.components]
            shown["contents"] = {component.name: describe(component.source) for component in self.manifest.components}
            shown["missing"] = [component.name for component in self.manifest.missing]
        texts = {"proven_at": self.proven_at, "reason": self.reason}
        return {**shown, **{key: text for key, text in texts.items() if text}}


def newest(entries: Sequence[Entry], now: datetime, kind: str = GOOD) -> Entry | None:
    """Return the newest entry of a kind by its manifest; None if there is none.

    Entries dated after `now` are ignored: one written while the clock was ahead would be the newest for years.
    """
    return max(
        (entry for entry in entries if entry.kind == kind and entry.created_at and not entry.is_ahead(now)),
        key=age_key,
        default=None,
    )


def manifests(entries: Sequence[Entry], now: datetime) -> list[Manifest]:
    """Return the manifests of the good archives, newest first, without those dated after `now`."""
    good = [entry for entry in entries if entry.kind == GOOD and entry.created_at and not entry.is_ahead(now)]
    return [entry.manifest for entry in sorted(good, key=age_key, reverse=True) if entry.manifest]


def ahead(entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """Return the good entries dated after `now`, oldest first."""
    return sorted((entry for entry in entries if entry.kind == GOOD and entry.is_ahead(now)), key=age_key)


def ahead_in_words(entries: Sequence[Entry], now: datetime) -> str:
    """Return which good archives are dated after `now`, for people; empty if none is."""
    later = ahead(entries, now)
    if not later:
        return ""
    others = f" and {len(later) - 1} more" if len(later) > 1 else ""
    last, (moment, _name) = later[-1], age_key(later[-1])
    return f"dated later than this host's clock, so neither counted nor deleted: {last.name} of {iso(moment)}{others}"


def age_key(entry: Entry) -> tuple[datetime, str]:
    """Return the sort key for entries, oldest first. Raise ValueError for an entry without a manifest."""
    if entry.created_at is None:
        raise ValueError(f"{entry.name} has no date")
    return entry.created_at, entry.name
