"""The catalogue of the backup directory: whose each file is and of which kind."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .. import identity, state
from ..archive.inventory import BROKEN, COPY, FOREIGN, GOOD, NEWER, OTHER_HOST, PARTIAL, UNVERIFIED, Entry
from ..archive.manifest import Manifest
from ..archive.names import PART, STEM, parse_archive_name
from ..archive.reading import NewerFormat, Stamp, open_archive, read_layout
from ..archive.verify import verify
from ..errors import Damaged, MaintenanceError
from ..files import storage
from ..host import Host
from ..processes import Limits
from ..secret import printable
from ..timestamps import iso
from .folder import Folder

PROOFS = "archives.json"
GONE_HINT = (
    "find out who removed them, and check that backup.directory is right and mounted; the next good backup no "
    "longer expects them"
)
Proof = Mapping[str, object]
_PROVEN, _DAMAGED = "proven", "damaged"


class Catalogue(NamedTuple):
    """All archives in the directory, oldest name first, and the names of verified ones that are missing.

    `identity` is this host's.
    """

    entries: tuple[Entry, ...] = ()
    missing: tuple[str, ...] = ()
    identity: str = ""

    def of_kind(self, kind: str) -> list[Entry]:
        """Return the entries of one kind."""
        return [entry for entry in self.entries if entry.kind == kind]

    @property
    def missing_in_words(self) -> str:
        """Return which verified archives are missing, for people; empty if none is."""
        if not self.missing:
            return ""
        others = f" and {len(self.missing) - 1} more" if len(self.missing) > 1 else ""
        return (
            "archives that were verified on this host are missing, and it did not delete them: "
            f"{self.missing[-1]}{others}"
        )


def of_no_directory(host: Host, state_directory: str) -> Catalogue:
    """Return the catalogue if the directory does not exist: what was verified in it is missing."""
    return _catalogue([], _proofs(state_directory), identity.read(host, state_directory), [])


def _proofs(state_directory: str) -> dict[str, object]:
    with storage(os.path.join(state_directory, PROOFS)):
        return state.read_mapping(state_directory, PROOFS)


def read(host: Host, folder: Folder, state_directory: str) -> Catalogue:
    """Return the catalogue; only headers and manifests are read."""
    proofs = _proofs(state_directory)
    this_host = identity.read(host, state_directory)
    entries = [_owned(_entry(folder, name, proofs.get(name)), this_host) for name in names(folder)]
    return _catalogue(entries, proofs, this_host, folder.names())


def names(folder: Folder) -> list[str]:
    """Return the names that look like archives, oldest first. Raise StorageFault."""
    return [name for name in folder.names() if name.startswith(STEM) and not name.endswith(PART)]


def _catalogue(
    entries: list[Entry], proofs: Mapping[str, object], this_host: identity.Identity, present: list[str]
) -> Catalogue:
    # By content too, because a renamed archive is not missing.
    there = {*present, *(entry.digest for entry in entries if entry.kind != BROKEN)}
    missing = [name for name, proof in proofs.items() if name not in there and _is_missed(proof, this_host, there)]
    return Catalogue(tuple(_without_copies(entries)), tuple(sorted(missing)), this_host.id)


def _owned(entry: Entry, this_host: identity.Identity) -> Entry:
    if entry.kind == BROKEN or entry.manifest is None or is_own(entry.manifest, entry.digest, this_host):
        return entry
    return entry._replace(kind=OTHER_HOST, reason=whose(entry.manifest))


def is_own(manifest: Manifest, digest: str, this_host: identity.Identity) -> bool:
    """Return whether an archive belongs to this host."""
    return this_host.wrote(manifest.identity, manifest.host, digest)


def whose(manifest: Manifest) -> str:
    """Return who wrote an archive that belongs to another host, for people."""
    known = f"identity {manifest.identity}" if manifest.identity else "before hosts had an identity"
    return f"written by the host {printable(manifest.host, 80)} ({known}), not by this one"


def _without_copies(entries: list[Entry]) -> list[Entry]:
    """Return the entries; those with the same content as another become copies, so that content counts once."""
    counted: dict[str, Entry] = {}
    for entry in sorted(entries, key=_likeness_key):
        if entry.digest and entry.kind != BROKEN:
            counted.setdefault(entry.digest, entry)
    return [_unless_counted(entry, counted.get(entry.digest, entry)) for entry in entries]


def _likeness_key(entry: Entry) -> tuple[bool, int, str]:
    """Return the sort key that puts the file with its original name before copies under other names."""
    parsed = parse_archive_name(entry.name)
    is_named_so = parsed is not None and parsed.created_at == entry.created_at
    return not is_named_so, parsed.number if parsed else 0, entry.name


def _unless_counted(entry: Entry, counted: Entry) -> Entry:
    if entry.kind in (BROKEN, OTHER_HOST) or entry.name == counted.name:
        return entry
    return entry._replace(kind=COPY, reason=f"has the same content as {counted.name}")


def _is_missed(proof: object, this_host: identity.Identity, there: set[str]) -> bool:
    """Return whether this host verified the archive as its own and good, and its content is not there any more."""
    if not isinstance(proof, dict) or proof.get("verdict") != _PROVEN or not _is_of(proof, this_host):
        return False
    digest = proof.get("digest")
    return isinstance(digest, str) and digest not in there


def _is_of(proof: Proof, this_host: identity.Identity) -> bool:
    """Return whether this host made the proof, by its identity or, if that was lost since, by its machine-id."""
    of_identity = bool(this_host.id) and proof.get("identity") == this_host.id
    return of_identity or (bool(this_host.machine) and proof.get("machine") == this_host.machine)


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
    entry = Entry(name, UNVERIFIED, archive.stamp, layout.manifest, digest=layout.digest)
    if parsed.partial or not layout.manifest.complete:
        entry = entry._replace(kind=PARTIAL)
    return _judged(entry, proof)


def _worth(error: MaintenanceError) -> str:
    """Return the kind after this error.

    An archive that this user or this version cannot read may be good, so it is not called broken.
    """
    if isinstance(error, NewerFormat):
        return NEWER
    return BROKEN if isinstance(error, Damaged) else UNVERIFIED


def _judged(entry: Entry, proof: object) -> Entry:
    """Return the entry with its proof applied; a proof is valid for one state of one file."""
    if not isinstance(proof, dict) or entry.stamp is None or proof.get("stamp") != entry.stamp._asdict():
        return entry
    if proof.get("verdict") == _DAMAGED:
        return entry._replace(kind=BROKEN, reason=str(proof.get("reason", "")))
    proven_at = str(proof.get("proven_at", ""))
    return entry._replace(proven_at=proven_at, kind=GOOD if entry.kind == UNVERIFIED else entry.kind)


def prove(host: Host, folder: Folder | None, entry: Entry, limits: Limits) -> tuple[Entry, dict[str, object]]:
    """Return the entry after reading every byte, and the proof to store.

    Without a folder the entry's name is a path. Raise ToolMissing, ProcessFault or StorageFault.
    """
    try:
        archive = open_archive(entry.name, folder.descriptor if folder else None)
    except Damaged as error:
        return entry._replace(kind=BROKEN, reason=error.message), {}
    try:
        layout = verify(host, archive, limits)
    except Damaged as error:
        proof = damaged(archive.stamp, iso(host.now()), error.message)
        return entry._replace(kind=BROKEN, stamp=archive.stamp, reason=error.message), proof
    finally:
        archive.close()
    kind = GOOD if entry.kind in (GOOD, UNVERIFIED) and layout.manifest.complete else entry.kind
    kind = kind if layout.manifest.complete or entry.kind == OTHER_HOST else PARTIAL
    proof = proven(archive.stamp, iso(host.now()))
    return entry._replace(
        kind=kind,
        stamp=archive.stamp,
        manifest=layout.manifest,
        proven_at=str(proof["proven_at"]),
        reason="" if kind == GOOD else entry.reason,
        digest=layout.digest,
    ), proof


def proven(stamp: Stamp, proven_at: str) -> dict[str, object]:
    """Return the proof of an archive that was read completely and matched its checksums."""
    return {"stamp": stamp._asdict(), "verdict": _PROVEN, "proven_at": proven_at}


def _missed(proof: Proof, this_host: identity.Identity, digest: str) -> dict[str, object]:
    """Return the proof of a good archive of this host, with what is needed to notice that it is missing."""
    return {**proof, "identity": this_host.id, "machine": this_host.machine, "digest": digest}


def damaged(stamp: Stamp, proven_at: str, reason: str) -> dict[str, object]:
    """Return the proof that an archive is broken."""
    return {"stamp": stamp._asdict(), "verdict": _DAMAGED, "proven_at": proven_at, "reason": reason}


def remember(host: Host, state_directory: str, folder: Folder, proven: Mapping[str, tuple[Entry, Proof]]) -> None:
    """Store the proofs of archives, by name. Raise StorageFault or LockHeld.

    Proofs of files that do not exist any more are dropped, except of good archives, because their loss must be
    reported.
    """
    this_host, present = identity.read(host, state_directory), set(folder.names())

    def change(known: dict[str, object]) -> None:
        for name, (entry, proof) in proven.items():
            if proof:
                known[name] = _missed(proof, this_host, entry.digest) if entry.kind == GOOD else dict(proof)
        for name in set(known) - present:
            if not _is_missed(known[name], this_host, set()):
                del known[name]

    state.change_mapping(host, state_directory, PROOFS, change)


def forget(host: Host, state_directory: str, names: Iterable[str]) -> None:
    """Drop the proofs of archives to delete, or known to be missing. Raise StorageFault or LockHeld."""
    going = set(names)
    if going:
        state.change_mapping(host, state_directory, PROOFS, lambda known: _drop(known, going))


def _drop(known: dict[str, object], names: set[str]) -> None:
    for name in names.intersection(known):
        del known[name]
