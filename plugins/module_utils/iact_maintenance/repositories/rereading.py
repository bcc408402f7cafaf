"""Read a good archive again after some days, because stored data can decay without a change of size and time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ..archive import inventory
from ..errors import MaintenanceError
from ..host import Host
from ..processes import Limits
from ..report import Finding
from ..settings import Settings
from ..timestamps import iso
from . import catalogue
from .folder import Folder

# Seconds per component, because the backup must end in time.
_LONGEST_SECONDS = 600


class Reread(NamedTuple):
    """The result of reading an archive again: its proof by its name, and findings."""

    proofs: dict[str, tuple[inventory.Entry, catalogue.Proof]] = {}
    findings: tuple[Finding, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Return whether a good archive was broken."""
        return any(entry.kind == inventory.BROKEN for entry, _proof in self.proofs.values())


def due(entries: Sequence[inventory.Entry], now: datetime, reread_days: int) -> inventory.Entry | None:
    """Return the good archive with the oldest proof, if it is older than that many days; with 0 days none."""
    if not reread_days:
        return None
    before = iso(now - timedelta(days=reread_days))
    old = [entry for entry in entries if entry.kind == inventory.GOOD and entry.proven_at < before]
    return min(old, key=lambda entry: (entry.proven_at, entry.name), default=None)


def reread(host: Host, folder: Folder, settings: Settings, entries: Sequence[inventory.Entry]) -> Reread:
    """Return the result of reading the archive of `entries` that is due; nothing is written."""
    entry = due(entries, host.now(), settings.backup.reread_days)
    if entry is None:
        return Reread()
    try:
        limits = Limits(min(_LONGEST_SECONDS, settings.backup.deadline_seconds))
        judged, proof = catalogue.prove(host, folder, entry, limits)
    except MaintenanceError as error:
        message = f"{entry.name}, last read at {entry.proven_at}, could not be read again: {error.message}"
        hint = error.hint or f"run `iact-maintenance verify {entry.name}`"
        return Reread(findings=(Finding("warning", "unverified", subject=entry.name, message=message, hint=hint),))
    findings = (_broken(judged),) if judged.kind == inventory.BROKEN else ()
    return Reread({entry.name: (judged, proof)}, findings)


def _broken(entry: inventory.Entry) -> Finding:
    message = f"{entry.name} was good and is broken now: {entry.reason}; no archive is deleted in this run"
    hint = "check the disk and its logs, and copy the good archives elsewhere; run `iact-maintenance verify all`"
    return Finding("warning", "broken_archive", subject=entry.name, message=message, hint=hint)
