"""Delete the archives that retention does not keep, without a backup."""

from __future__ import annotations

from typing import NamedTuple

from .. import identity
from ..archive import inventory, retention
from ..errors import Interrupted, MaintenanceError
from ..host import Host
from ..report import Report, counts
from ..repositories import catalogue, pruning
from ..repositories.folder import open_backups
from ..sections.jobs import job_named
from ..settings import Settings
from .model import Job, Progress

NAME = "prune"


class Plan(NamedTuple):
    """The content of the directory, and the verdict on each archive."""

    settings: Settings
    survey: pruning.Survey
    decision: retention.Decision

    def kept(self, deleted: list[str]) -> int:
        """Return the number of good archives that remain."""
        good = [entry.name for entry in self.survey.entries if entry.kind == inventory.GOOD]
        return len(set(good) - set(deleted))


def plan(settings: Settings, host: Host) -> Plan:
    """Return what would be deleted; archives that were never read are read to their end, so that they count.

    Raise MaintenanceError `unsafe_directory` or `not_mounted`.
    """
    with open_backups(host, settings) as folder:
        survey = pruning.survey(host, folder, settings)
    policy = pruning.policy_of(settings, survey.entries, host.now())
    return Plan(settings, survey, retention.decide(survey.entries, policy, host.now()))


def preview(planned: Plan, host: Host) -> Report:
    """Return the report of a dry run."""
    names = [entry.name for entry in planned.decision.delete]
    kept = planned.kept(names)
    summary = f"archives to delete: {len(names)}; good ones to keep: {kept}"
    facts = {"dry_run": True, "would_delete": names, "kept": kept, "reasons": planned.decision.reasons()}
    findings = (*planned.survey.findings, *planned.decision.findings)
    return Report(NAME, summary, findings, facts, changed=bool(names))


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Return the report after the archives of the plan were deleted. Raise MaintenanceError."""
    settings, survey = planned.settings, planned.survey
    deleted: list[str] = []
    leftovers: list[str] = []
    try:
        with open_backups(host, settings) as folder:
            this_host, _findings = identity.ensure(host, settings.state_directory)
            leftovers += folder.remove_leftovers(this_host.id)
            # Before the removal, which forgets the proofs of what it deletes: else these would be missed.
            catalogue.remember(host, settings.state_directory, folder, survey.proofs)
            removal = pruning.Removal(folder, settings.state_directory, deleted)
            pruning.remove(host, removal, planned.decision.delete)
            changed = [*removal.findings(), *pruning.appeared(folder, survey.entries, "")]
    except (MaintenanceError, Interrupted) as ended:
        ended.facts = {**ended.facts, "deleted": deleted, "leftovers": len(leftovers)}
        ended.changed = bool(deleted or leftovers)
        raise
    kept = planned.kept(deleted)
    facts = {"deleted": deleted, "kept": kept, "leftovers": len(leftovers)}
    summary = f"archives deleted: {len(deleted)}; good ones kept: {kept}"
    measures = counts(archives_deleted=len(deleted), kept=kept, leftovers=len(leftovers))
    findings = (*survey.findings, *planned.decision.findings, *changed)
    return Report(NAME, summary, findings, facts, bool(deleted or leftovers), measures=measures)


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock)
