"""The archives of a directory as a list shows them: what each is worth, which is the newest, which lie ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ..timestamps import is_ahead, iso
from .manifest import Manifest
from .reading import Stamp

GOOD, UNVERIFIED, PARTIAL, BROKEN, FOREIGN = "good", "unverified", "partial", "broken", "foreign"
OTHER_HOST, COPY, NEWER = "other_host", "copy", "newer"
AHEAD_HINT = "check the clock with timedatectl; where it is right, move what lies ahead of it elsewhere"


class Entry(NamedTuple):
    """One file of the catalogue: `kind` is what it is worth, `reason` why it is not good; `manifest` where it was read.

    `good` was completely read and matched its checksums (at `proven_at`); `unverified` is what only looks right, and
    what could not be read, since it may be good; `other_host` is another host's, `copy` one that is listed already, by
    its `digest`; `newer` one in a later format than this version knows. Only the first three and partial ones are this
    host's own.
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
        """Return when the archive was begun, by its manifest."""
        return self.manifest.created_at if self.manifest else None

    def is_ahead(self, now: datetime) -> bool:
        """Return whether it lies ahead of the present moment by its manifest, so that nobody knows how old it is."""
        return self.created_at is not None and is_ahead(self.created_at, now)

    def as_dict(self) -> dict[str, object]:
        """Return the entry as plain data."""
        shown: dict[str, object] = {"name": self.name, "kind": self.kind}
        if self.stamp:
            shown["size_bytes"] = self.stamp.size_bytes
        if self.manifest:
            shown["created_at"] = iso(self.manifest.created_at)
            shown["host"] = self.manifest.host
            shown["identity"] = self.manifest.identity
            shown["components"] = [component.name for component in self.manifest.components]
            shown["holds"] = {component.name: component.holds for component in self.manifest.components}
            shown["missing"] = [component.name for component in self.manifest.missing]
        texts = {"proven_at": self.proven_at, "reason": self.reason}
        return {**shown, **{key: text for key, text in texts.items() if text}}


def newest(entries: Sequence[Entry], now: datetime, kind: str = GOOD) -> Entry | None:
    """Return the newest entry of a kind, by its manifest; None where there is none.

    One that lies ahead of `now` is passed over: written while a clock ran ahead, it would be the newest for years.
    """
    return max(
        (entry for entry in entries if entry.kind == kind and entry.created_at and not entry.is_ahead(now)),
        key=age_key,
        default=None,
    )


def manifests(entries: Sequence[Entry], now: datetime) -> list[Manifest]:
    """Return the manifests of the good archives, the newest first; those that lie ahead of `now` are passed over."""
    good = [entry for entry in entries if entry.kind == GOOD and entry.created_at and not entry.is_ahead(now)]
    return [entry.manifest for entry in sorted(good, key=age_key, reverse=True) if entry.manifest]


def ahead(entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """Return the good entries that lie ahead of `now`, the oldest first."""
    return sorted((entry for entry in entries if entry.kind == GOOD and entry.is_ahead(now)), key=age_key)


def ahead_in_words(entries: Sequence[Entry], now: datetime) -> str:
    """Return which good archives lie ahead of `now`, for people; empty where none does."""
    later = ahead(entries, now)
    if not later:
        return ""
    others = f" and {len(later) - 1} more" if len(later) > 1 else ""
    last, (moment, _name) = later[-1], age_key(later[-1])
    return f"ahead of this host's clock, so neither counted nor deleted: {last.name} of {iso(moment)}{others}"


def age_key(entry: Entry) -> tuple[datetime, str]:
    """Return what entries are sorted by, the oldest first. Raise ValueError for one that has no manifest."""
    if entry.created_at is None:
        raise ValueError(f"{entry.name} has no date")
    return entry.created_at, entry.name
