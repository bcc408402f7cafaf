"""Prune: lets go of the archives that the rule of retention no longer keeps, outside a backup."""

from __future__ import annotations

from typing import NamedTuple

from .. import identity
from ..archive import inventory
from ..errors import Interrupted, MaintenanceError
from ..host import Host
from ..processes import Limits
from ..report import Finding, Report, counts
from ..repositories import catalogue, pruning
from ..repositories.folder import open_backups
from ..sections.jobs import job_named
from ..settings import Settings
from .model import Job, Progress

NAME = "prune"


class Plan(NamedTuple):
    """The archives that may go, as far as the catalogue knows without reading any."""

    settings: Settings
    going: pruning.Candidates
    kept: int
    unread: int = 0


def plan(settings: Settings, host: Host) -> Plan:
    """Return what would go. Raise MaintenanceError `unsafe_directory` or `not_mounted`."""
    with open_backups(host, settings) as folder:
        entries = catalogue.read(host, folder, settings.state_directory).entries
    going = pruning.candidates(entries, settings.backup, host)
    good = [entry for entry in entries if entry.kind == inventory.GOOD and entry not in going.delete]
    unread = sum(entry.kind == inventory.UNVERIFIED for entry in entries)
    return Plan(settings, going, len(good), unread)


def preview(planned: Plan, host: Host) -> Report:
    """The report of a dry run; what was never proven may go too, but only a run that read it knows that."""
    names = [entry.name for entry in planned.going.delete]
    summary = f"archives to delete: {len(names)}; good ones to keep: {planned.kept}"
    facts = {"dry_run": True, "would_delete": names, "kept": planned.kept, "unverified": planned.unread}
    return Report(NAME, summary, (*planned.going.findings, *_unread(planned)), facts, changed=bool(names))


def _unread(planned: Plan) -> list[Finding]:
    if not planned.unread:
        return []
    said = f"archives that were not verified here yet: {planned.unread}; prune reads them first, and more may then go"
    hint = "run `iact-maintenance verify all`, then this again, to see which"
    return [Finding("info", "unverified", subject="archives", message=said, hint=hint)]


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """The report after the archives went; what looks right but was never proven is read first, so that it counts."""
    settings = planned.settings
    deleted: list[str] = []
    leftovers: list[str] = []
    try:
        with open_backups(host, settings) as folder:
            own, _findings = identity.ensure(host, settings.state_directory)
            leftovers += folder.remove_leftovers(own.id)
            limits = Limits(settings.backup.deadline_seconds)
            proving = pruning.prove_unknown(host, folder, settings.state_directory, limits)
            going = pruning.candidates(proving.entries, settings.backup, host)
            # Before the removal, which forgets the proofs of what it deletes: else these would be missed.
            catalogue.remember(host, settings.state_directory, folder, proving.proofs)
            pruning.remove(host, pruning.Removal(folder, settings.state_directory, deleted), going.delete)
    except (MaintenanceError, Interrupted) as ended:
        ended.facts = {**ended.facts, "deleted": deleted, "leftovers": len(leftovers)}
        ended.changed = bool(deleted or leftovers)
        raise
    kept = sum(entry.kind == inventory.GOOD and entry.name not in deleted for entry in proving.entries)
    facts = {"deleted": deleted, "kept": kept, "leftovers": len(leftovers)}
    summary = f"archives deleted: {len(deleted)}; good ones kept: {kept}"
    measures = counts(archives_deleted=len(deleted), kept=kept, leftovers=len(leftovers))
    findings = (*proving.findings, *going.findings)
    return Report(NAME, summary, findings, facts, bool(deleted or leftovers), measures=measures)


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock)
