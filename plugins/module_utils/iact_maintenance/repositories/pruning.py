"""Collect what retention decides on, and carry out its decision, one unlink per archive.

The next run completes one that was killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from .. import history
from ..archive import inventory, retention
from ..errors import MaintenanceError
from ..files import storage
from ..formatting import span
from ..host import Host
from ..processes import Limits
from ..report import Finding
from ..settings import Settings
from ..timestamps import iso
from . import catalogue
from .folder import Folder

_CHANGED_HINT = "check what else writes to the backup directory; the next run decides again"


class Survey(NamedTuple):
    """The content of a directory after reading every unverified archive; `proofs` are the new proofs."""

    entries: tuple[inventory.Entry, ...] = ()
    proofs: Mapping[str, tuple[inventory.Entry, catalogue.Proof]] = {}
    findings: tuple[Finding, ...] = ()
    catalogue: catalogue.Catalogue = catalogue.Catalogue()


def survey(host: Host, folder: Folder, settings: Settings) -> Survey:
    """Return the content of the directory after reading each unverified archive; nothing is written.

    Otherwise retention would count too few archives after the state was lost, and a plan could not say what is deleted.
    """
    listed = catalogue.read(host, folder, settings.state_directory)
    limits = Limits(settings.backup.deadline_seconds)
    entries, proofs, findings = [], {}, []
    for entry in listed.entries:
        if entry.kind == inventory.UNVERIFIED:
            try:
                entry, proof = catalogue.prove(host, folder, entry, limits)
                proofs[entry.name] = entry, proof
            except MaintenanceError as error:
                message = f"{entry.name} could not be verified and is not counted: {error.message}"
                findings.append(Finding("warning", "unverified", subject=entry.name, message=message, hint=error.hint))
        entries.append(entry)
    return Survey(tuple(entries), proofs, tuple(findings), listed)


def policy_of(settings: Settings, entries: Iterable[inventory.Entry], now: datetime) -> retention.RetentionPolicy:
    """Return the policy of the settings, and whether the times of runs and archives make the clock doubtful.

    Raise StorageFault if the history cannot be read.
    """
    options = settings.backup
    with storage(settings.state_directory):
        times = history.times(settings.state_directory, now - timedelta(seconds=options.max_age_seconds))
    times += [entry.created_at for entry in entries if entry.kind == inventory.GOOD and entry.created_at]
    doubt = clock_doubt(times, now, options.max_age_seconds)
    return retention.RetentionPolicy(options.retention_days, options.retention_count, options.keep_minimum, doubt)


def clock_doubt(times: Iterable[datetime], now: datetime, max_age_seconds: float) -> str:
    """Return why ages cannot be trusted now; empty if they can.

    A clock that jumped ahead cannot be distinguished from a host that was off. So after a gap between runs that is
    longer than two backups may be apart, ages are not trusted until runs have continued for as long as one may be.
    """
    known = [*sorted(moment for moment in times if moment <= now), now]
    recent = [pair for pair in zip(known, known[1:]) if (now - pair[1]).total_seconds() < max_age_seconds]
    gaps = [pair for pair in recent if (pair[1] - pair[0]).total_seconds() > 2 * max_age_seconds]
    if not gaps:
        return ""
    before, after = max(gaps, key=lambda pair: pair[1] - pair[0])
    length = span((after - before).total_seconds())
    return f"no job ran on this host for {length} before {iso(after)}, or its clock jumped ahead"


@dataclass
class Removal:
    """The removal of archives; `deleted` names those that were removed, even if it ends early.

    `left` names those that were to be removed and do not exist or were changed.
    """

    folder: Folder
    state_directory: str
    deleted: list[str]
    left: list[str] = field(default_factory=list)

    def findings(self) -> list[Finding]:
        """Return a warning if archives were kept because they changed after the plan was made."""
        if not self.left:
            return []
        message = (
            "archives that were to be deleted changed or disappeared meanwhile, and are not deleted: "
            f"{', '.join(self.left)}"
        )
        return [Finding("warning", "archive_changed", subject="archives", message=message, hint=_CHANGED_HINT)]


def remove(host: Host, removal: Removal, entries: Iterable[inventory.Entry]) -> None:
    """Delete archives, except those that changed after the decision. Raise StorageFault or LockHeld."""
    folder = removal.folder
    stamps = {entry.name: entry.stamp for entry in entries}
    going = {name: stamp for name, stamp in stamps.items() if stamp and folder.holds(name, stamp)}
    removal.left += [name for name in stamps if name not in going]
    # First, because an archive without a proof is read again, but a proof without its archive is reported as missing.
    catalogue.forget(host, removal.state_directory, going)
    for name, stamp in going.items():
        try:
            removal.left += [] if folder.remove(name, stamp) else [name]
        finally:
            # The directory is read, because a signal during the removal hides its result.
            if name not in folder.names():
                removal.deleted.append(name)


def appeared(folder: Folder, planned: Iterable[inventory.Entry], written: str) -> list[Finding]:
    """Return a finding if the directory has archives that the plan did not see and this run did not write."""
    known = {written, *(entry.name for entry in planned)}
    new = [name for name in catalogue.names(folder) if name not in known]
    if not new:
        return []
    message = f"archives appeared during this run, and are not deleted: {', '.join(new)}"
    return [Finding("info", "archive_changed", subject="archives", message=message, hint=_CHANGED_HINT)]
