"""List the archives in the backup directory by kind. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ..archive import inventory, retention
from ..dumps.table import holds
from ..formatting import plural
from ..host import Host
from ..report import Finding, Report, counts
from ..repositories import catalogue, pruning
from ..repositories.folder import open_backups
from ..repositories.selection import select
from ..secret import printable
from ..sections.jobs import job_named
from ..settings import COMMAND_LINE, Settings
from ..timestamps import iso
from .model import Job, Progress

NAME = "archives"


class Plan(NamedTuple):
    """The catalogue of the directory."""

    directory: str
    listed: catalogue.Catalogue
    decision: retention.Decision
    named: str = ""
    """The one archive that was asked for; empty for all."""

    @property
    def entries(self) -> tuple[inventory.Entry, ...]:
        """Return the entries of the catalogue."""
        return self.listed.entries


def plan(settings: Settings, host: Host) -> Plan:
    """Return the catalogue. Raise MaintenanceError `unsafe_directory` or `not_mounted`, Refused `no_archive`."""
    with open_backups(host, settings) as folder:
        listed = catalogue.read(host, folder, settings.state_directory)
    policy = pruning.policy_of(settings, listed.entries, host.now())
    decision = retention.decide(listed.entries, policy, host.now())
    directory, named = settings.backup.directory, ""
    # Not the config file's, which is what a restore takes.
    if settings.sources.get("restore.archive") == COMMAND_LINE:
        named = select(listed.entries, directory, settings.restore.archive, host.now()).name
    return Plan(directory, listed, decision, named)


def preview(planned: Plan, host: Host) -> Report:
    """Return the list of archives as a report, with retention's present verdict on each; or one archive's content."""
    if planned.named:
        return _one(planned)
    kinds = Counter(entry.kind for entry in planned.entries)
    newest = inventory.newest(planned.entries, host.now())
    others = "".join(f", {kind}: {number}" for kind, number in sorted(kinds.items()) if kind != inventory.GOOD)
    since = f", the newest of {iso(newest.created_at)}" if newest and newest.created_at else ""
    reasons = planned.decision.reasons()
    facts = {
        "directory": planned.directory,
        "identity": planned.listed.identity,
        "newest_good": newest.name if newest else None,
        "archives": [{**entry.as_dict(holds), "retention": reasons[entry.name]} for entry in planned.entries],
    }
    summary = f"good archives in {planned.directory}: {kinds[inventory.GOOD]}{since}{others}"
    broken = [entry for entry in planned.entries if entry.kind == inventory.BROKEN]
    unread = [entry for entry in planned.entries if entry.kind == inventory.UNVERIFIED and entry.reason]
    findings = (*map(_broken, broken), *map(_unread, unread), *_ahead(planned, host), *_elsewhere(planned))
    findings += tuple(map(_newer, planned.listed.of_kind(inventory.NEWER)))
    return Report(NAME, summary, findings, facts, measures=counts(good=kinds[inventory.GOOD], broken=len(broken)))


def _one(planned: Plan) -> Report:
    """Return what one archive is and what it holds."""
    entry = next(entry for entry in planned.entries if entry.name == planned.named)
    row = {**entry.as_dict(holds), "retention": planned.decision.reasons()[entry.name]}
    components = [
        {"name": component.name, "holds": holds(component.source), "size_bytes": component.member.size_bytes}
        for component in (entry.manifest.components if entry.manifest else ())
    ]
    finders: dict[str, Callable[[inventory.Entry], Finding]] = {
        inventory.BROKEN: _broken,
        inventory.UNVERIFIED: _unread,
        inventory.NEWER: _newer,
    }
    finder = finders.get(entry.kind)
    facts = {"directory": planned.directory, "archives": [row], "components": components}
    held = f" and holds {plural(len(components), 'component')}" if entry.manifest else "; what it holds is not known"
    summary = f"{printable(entry.name)} is {entry.kind}{held}"
    return Report(NAME, summary, (finder(entry),) if finder and entry.reason else (), facts)


def _elsewhere(planned: Plan) -> list[Finding]:
    """Return findings on missing archives and on those of other hosts."""
    findings = []
    if planned.listed.missing_in_words:
        findings.append(
            Finding(
                "warning",
                "archives_missing",
                subject="archives",
                message=planned.listed.missing_in_words,
                hint=catalogue.GONE_HINT,
            )
        )
    others = planned.listed.of_kind(inventory.OTHER_HOST)
    if others:
        hosts = sorted({entry.manifest.host for entry in others if entry.manifest})
        message = f"archives of other hosts, neither counted nor deleted here: {len(others)} ({', '.join(hosts)})"
        hint = "run `iact-maintenance archives --adopt` to take over those with the host name and servers of this host"
        findings.append(Finding("info", "other_host", subject="archives", message=printable(message), hint=hint))
    return findings


def _newer(entry: inventory.Entry) -> Finding:
    hint = "use the version of the collection that wrote it, or a later one; it is never counted and never deleted"
    return Finding("warning", "newer_format", subject=entry.name, message=entry.reason, hint=hint)


def _broken(entry: inventory.Entry) -> Finding:
    hint = "it is never counted and never deleted; remove it by hand when you no longer need it"
    return Finding(
        "warning", "broken_archive", subject=entry.name, message=f"{entry.name} is broken: {entry.reason}", hint=hint
    )


def _unread(entry: inventory.Entry) -> Finding:
    hint = "correct what the message names; until it is verified, it is neither counted nor deleted"
    return Finding(
        "warning",
        "unverified",
        subject=entry.name,
        message=f"{entry.name} could not be read: {entry.reason}",
        hint=hint,
    )


def _ahead(planned: Plan, host: Host) -> list[Finding]:
    message = inventory.ahead_in_words(planned.entries, host.now())
    return (
        [Finding("warning", "ahead_of_clock", subject="archives", message=message, hint=inventory.AHEAD_HINT)]
        if message
        else []
    )


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Return the list of archives as a report, with retention's present verdict on each."""
    return preview(planned, host)


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock, shared=True, always_runs=True)
