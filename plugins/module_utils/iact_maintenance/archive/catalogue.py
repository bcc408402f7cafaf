"""What lies in the backup directory and what each file is worth: good, unverified, partial, broken or foreign."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from .. import state
from ..errors import MaintenanceError
from ..host import Host, is_ahead, iso, storage
from ..processes import Limits
from .folder import Folder
from .manifest import Manifest
from .names import STEM, is_leftover, parse_archive_name
from .reading import Damaged, Stamp, open_archive, read_layout
from .verify import verify

GOOD, UNVERIFIED, PARTIAL, BROKEN, FOREIGN = "good", "unverified", "partial", "broken", "foreign"
PROOFS = "archives.json"
AHEAD_HINT = "check the clock with timedatectl; where it is right, move what lies ahead of it elsewhere"
_PROVEN, _DAMAGED = "proven", "damaged"


class Entry(NamedTuple):
    """One file of the catalogue: `kind` is what it is worth, `reason` why it is not good; `manifest` where it was read.

    `good` was completely read and matched its checksums (at `proven_at`); `unverified` is what only looks right, and
    what could not be read, since it may be good.
    """

    name: str
    kind: str
    stamp: Stamp | None = None
    manifest: Manifest | None = None
    proven_at: str = ""
    reason: str = ""

    @property
    def created_at(self) -> datetime | None:
        """When the archive was begun, by its manifest."""
        return self.manifest.created_at if self.manifest else None

    def is_ahead(self, now: datetime) -> bool:
        """Whether it lies ahead of the present moment by its manifest, so that nobody knows how old it is."""
        return self.created_at is not None and is_ahead(self.created_at, now)

    def as_dict(self) -> dict[str, object]:
        """The entry as plain data."""
        shown: dict[str, object] = {"name": self.name, "kind": self.kind}
        if self.stamp:
            shown["size_bytes"] = self.stamp.size_bytes
        if self.manifest:
            shown["created_at"] = iso(self.manifest.created_at)
            shown["host"] = self.manifest.host
            shown["components"] = [component.name for component in self.manifest.components]
            shown["missing"] = [component.name for component in self.manifest.missing]
        texts = {"proven_at": self.proven_at, "reason": self.reason}
        return {**shown, **{key: text for key, text in texts.items() if text}}


def read(folder: Folder, state_directory: str) -> list[Entry]:
    """Every archive in the directory, the oldest name first; only headers and manifests are read."""
    with storage(os.path.join(state_directory, PROOFS)):
        proofs = state.read_mapping(state_directory, PROOFS)
    names = [name for name in folder.names() if name.startswith(STEM) and not is_leftover(name)]
    return [_entry(folder, name, proofs.get(name)) for name in names]


def newest(entries: Sequence[Entry], now: datetime, kind: str = GOOD) -> Entry | None:
    """The newest entry of a kind, by its manifest; None where there is none.

    One that lies ahead of `now` is passed over: written while a clock ran ahead, it would be the newest for years.
    """
    return max(
        (entry for entry in entries if entry.kind == kind and entry.created_at and not entry.is_ahead(now)),
        key=age_key,
        default=None,
    )


def ahead(entries: Sequence[Entry], now: datetime) -> list[Entry]:
    """The good entries that lie ahead of `now`, the oldest first."""
    return sorted((entry for entry in entries if entry.kind == GOOD and entry.is_ahead(now)), key=age_key)


def ahead_in_words(entries: Sequence[Entry], now: datetime) -> str:
    """Which good archives lie ahead of `now`, for people; empty where none does."""
    found = ahead(entries, now)
    if not found:
        return ""
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    last, (moment, _name) = found[-1], age_key(found[-1])
    return f"ahead of this host's clock, so neither counted nor deleted: {last.name} of {iso(moment)}{others}"


def age_key(entry: Entry) -> tuple[datetime, str]:
    """What entries are sorted by, the oldest first. Raises ValueError for one that has no manifest."""
    if entry.created_at is None:
        raise ValueError(f"{entry.name} has no date")
    return entry.created_at, entry.name


def _entry(folder: Folder, name: str, proof: object) -> Entry:
    parsed = parse_archive_name(name)
    if parsed is None:
        return Entry(name, FOREIGN)
    try:
        archive = open_archive(name, folder.descriptor)
    except MaintenanceError as error:
        return Entry(name, _worth(error), reason=error.message)
    try:
        layout = read_layout(archive)
    except MaintenanceError as error:
        return Entry(name, _worth(error), archive.stamp, reason=error.message)
    finally:
        archive.close()
    found = Entry(name, UNVERIFIED, archive.stamp, layout.manifest)
    if parsed.partial or not layout.manifest.complete:
        found = found._replace(kind=PARTIAL)
    return _judged(found, proof)


def _worth(error: MaintenanceError) -> str:
    """The kind of what ended so; one that this user may not read can be good, and nobody is to remove it as broken."""
    return BROKEN if isinstance(error, Damaged) else UNVERIFIED


def _judged(entry: Entry, proof: object) -> Entry:
    """The entry as an earlier proof judges it; a proof is of one state of one file and says nothing of any other."""
    if not isinstance(proof, dict) or entry.stamp is None or proof.get("stamp") != entry.stamp._asdict():
        return entry
    if proof.get("verdict") == _DAMAGED:
        return entry._replace(kind=BROKEN, reason=str(proof.get("reason", "")))
    proven_at = str(proof.get("proven_at", ""))
    return entry._replace(proven_at=proven_at, kind=GOOD if entry.kind == UNVERIFIED else entry.kind)


def prove(host: Host, folder: Folder | None, entry: Entry, limits: Limits) -> tuple[Entry, dict[str, object]]:
    """The entry after every byte was read, and the proof to remember. Raises ToolMissing, ProcessFault, StorageFault.

    Without a folder the entry's name is a path.
    """
    try:
        archive = open_archive(entry.name, folder.descriptor if folder else None)
    except Damaged as error:
        return entry._replace(kind=BROKEN, reason=error.message), {}
    try:
        manifest = verify(host, archive, limits).manifest
    except Damaged as error:
        proof = damaged(archive.stamp, iso(host.now()), error.message)
        return entry._replace(kind=BROKEN, stamp=archive.stamp, reason=error.message), proof
    finally:
        archive.close()
    proof = proven(archive.stamp, iso(host.now()))
    kind = GOOD if entry.kind != PARTIAL and manifest.complete else PARTIAL
    return Entry(entry.name, kind, archive.stamp, manifest, str(proof["proven_at"])), proof


def proven(stamp: Stamp, proven_at: str) -> dict[str, object]:
    """The proof of an archive whose every byte was read and matched."""
    return {"stamp": stamp._asdict(), "verdict": _PROVEN, "proven_at": proven_at}


def damaged(stamp: Stamp, proven_at: str, reason: str) -> dict[str, object]:
    """The proof that an archive is broken."""
    return {"stamp": stamp._asdict(), "verdict": _DAMAGED, "proven_at": proven_at, "reason": reason}


def remember(host: Host, state_directory: str, folder: Folder, proofs: Mapping[str, Mapping[str, object]]) -> None:
    """Nothing; the proofs are kept, and those of files that are gone are not. Raises StorageFault or LockHeld."""
    present = set(folder.names())

    def change(known: dict[str, object]) -> None:
        known.update({name: dict(proof) for name, proof in proofs.items() if proof})
        for name in set(known) - present:
            del known[name]

    state.change_mapping(host, state_directory, PROOFS, change)
