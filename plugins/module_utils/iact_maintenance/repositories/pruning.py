"""Carries out what retention decides, one unlink for each archive: a run killed half way is finished by the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..archive import inventory, retention
from ..errors import MaintenanceError
from ..host import Host
from ..processes import Limits
from ..report import Finding
from ..sections.backup import Backup
from . import catalogue
from .folder import Folder


class Candidates(NamedTuple):
    """The archives that retention lets go, and what somebody should know about it."""

    delete: tuple[inventory.Entry, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass
class Proving:
    """The catalogue once every archive that looks right was read; `proofs` are what was learnt."""

    entries: list[inventory.Entry] = field(default_factory=list)
    proofs: dict[str, tuple[inventory.Entry, catalogue.Proof]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def prove_unknown(host: Host, folder: Folder, state_directory: str, limits: Limits) -> Proving:
    """The catalogue, each unverified archive proven: where the state was lost, retention would count too few."""
    proving = Proving()
    for entry in catalogue.read(host, folder, state_directory).entries:
        if entry.kind == inventory.UNVERIFIED:
            try:
                entry, proof = catalogue.prove(host, folder, entry, limits)
                proving.proofs[entry.name] = entry, proof
            except MaintenanceError as error:
                said = f"{entry.name} could not be verified and is not counted: {error.message}"
                proving.findings.append(
                    Finding("warning", "unverified", subject=entry.name, message=said, hint=error.hint)
                )
        proving.entries.append(entry)
    return proving


def candidates(entries: Sequence[inventory.Entry], options: Backup, host: Host, just_written: str = "") -> Candidates:
    """What may go by the options' rule: good archives, and partial ones but for the newest."""
    rule = retention.Rule(options.retention_days, options.retention_count, options.keep_minimum)
    now = host.now()
    good = retention.decide(entries, rule, now, just_written)
    partial = retention.decide_partial(entries, now, just_written)
    return Candidates(good.delete + partial.delete, good.findings)


class Removal(NamedTuple):
    """Where archives are removed, and the names of those that were, also where a removal ends early."""

    folder: Folder
    state_directory: str
    deleted: list[str]


def remove(host: Host, removal: Removal, entries: tuple[inventory.Entry, ...]) -> None:
    """Delete archives; one that changed since it was judged stays. Raise StorageFault or LockHeld."""
    folder, deleted = removal.folder, removal.deleted
    # First, because one whose proof is forgotten is read again, and one that is gone with its proof there is missed.
    catalogue.forget(host, removal.state_directory, [entry.name for entry in entries])
    for entry in entries:
        if entry.stamp is None:
            continue
        try:
            folder.remove(entry.name, entry.stamp)
        finally:
            # The directory is asked, because a signal that comes during the removal hides its result.
            if entry.name not in folder.names():
                deleted.append(entry.name)
