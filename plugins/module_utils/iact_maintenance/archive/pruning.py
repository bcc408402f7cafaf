"""Carries out what retention decides, one unlink for each archive: a run killed half way is finished by the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import MaintenanceError
from ..host import Host
from ..processes import Limits
from ..report import Finding
from ..settings import Backup
from . import catalogue, retention
from .folder import Folder


class Candidates(NamedTuple):
    """The archives that retention lets go, and what somebody should know about it."""

    delete: tuple[catalogue.Entry, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass
class Proving:
    """The catalogue once every archive that looks right was read; `proofs` are what was learnt."""

    entries: list[catalogue.Entry] = field(default_factory=list)
    proofs: dict[str, dict[str, object]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def prove_unknown(host: Host, folder: Folder, state_directory: str, limits: Limits) -> Proving:
    """The catalogue, each unverified archive proven: where the state was lost, retention would count too few."""
    proving = Proving()
    for entry in catalogue.read(folder, state_directory):
        if entry.kind == catalogue.UNVERIFIED:
            try:
                entry, proving.proofs[entry.name] = catalogue.prove(host, folder, entry, limits)
            except MaintenanceError as error:
                said = f"{entry.name} could not be verified and is not counted: {error.message}"
                proving.findings.append(Finding("warning", "unverified", said, error.hint))
        proving.entries.append(entry)
    return proving


def candidates(entries: list[catalogue.Entry], options: Backup, host: Host, just_written: str = "") -> Candidates:
    """What may go by the options' rule: good archives, and partial ones but for the newest."""
    rule = retention.Rule(options.retention_days, options.retention_count, options.keep_minimum)
    now = host.now()
    good = retention.decide(entries, rule, now, just_written)
    partial = retention.decide_partial(entries, now, just_written)
    return Candidates(good.delete + partial.delete, good.findings)


def remove(folder: Folder, entries: tuple[catalogue.Entry, ...], deleted: list[str]) -> None:
    """Nothing; each archive that was removed is in `deleted`, also where this ends early. Raises StorageFault.

    One that changed since it was judged stays.
    """
    for entry in entries:
        if entry.stamp is None:
            continue
        try:
            folder.remove(entry.name, entry.stamp)
        finally:
            # The directory is asked, because a signal that comes during the removal hides its result.
            if entry.name not in folder.names():
                deleted.append(entry.name)
