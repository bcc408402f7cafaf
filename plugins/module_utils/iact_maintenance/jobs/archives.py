"""The list of archives: what lies in the backup directory, whose it is and what it is worth. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ..archive import inventory
from ..host import Host
from ..report import Finding, Report, counts
from ..repositories import catalogue
from ..repositories.folder import open_backups
from ..secret import printable
from ..sections.jobs import job_named
from ..settings import Settings
from ..timestamps import iso
from .model import Job, Progress

NAME = "archives"


class Plan(NamedTuple):
    """The catalogue of a directory."""

    directory: str
    found: catalogue.Catalogue

    @property
    def entries(self) -> tuple[inventory.Entry, ...]:
        """Return what lies there."""
        return self.found.entries


def plan(settings: Settings, host: Host) -> Plan:
    """Return the catalogue. Raise MaintenanceError `unsafe_directory` or `not_mounted`."""
    with open_backups(host, settings) as folder:
        return Plan(folder.path, catalogue.read(host, folder, settings.state_directory))


def preview(planned: Plan, host: Host) -> Report:
    """The list of archives as a report."""
    kinds = Counter(entry.kind for entry in planned.entries)
    newest = inventory.newest(planned.entries, host.now())
    others = "".join(f", {kind}: {number}" for kind, number in sorted(kinds.items()) if kind != inventory.GOOD)
    since = f", the newest of {iso(newest.created_at)}" if newest and newest.created_at else ""
    facts = {
        "directory": planned.directory,
        "identity": planned.found.identity,
        "newest_good": newest.name if newest else None,
        "archives": [entry.as_dict() for entry in planned.entries],
    }
    summary = f"good archives in {planned.directory}: {kinds[inventory.GOOD]}{since}{others}"
    broken = [entry for entry in planned.entries if entry.kind == inventory.BROKEN]
    unread = [entry for entry in planned.entries if entry.kind == inventory.UNVERIFIED and entry.reason]
    findings = (*map(_broken, broken), *map(_unread, unread), *_ahead(planned, host), *_elsewhere(planned))
    return Report(NAME, summary, findings, facts, measures=counts(good=kinds[inventory.GOOD], broken=len(broken)))


def _elsewhere(planned: Plan) -> list[Finding]:
    """Return what to know of archives that are gone and of those of other hosts."""
    found = []
    if planned.found.gone_in_words:
        found.append(
            Finding(
                "warning",
                "archives_gone",
                subject="archives",
                message=planned.found.gone_in_words,
                hint=catalogue.GONE_HINT,
            )
        )
    others = planned.found.of_kind(inventory.OTHER_HOST)
    if others:
        hosts = sorted({entry.manifest.host for entry in others if entry.manifest})
        message = f"archives of other hosts, neither counted nor deleted here: {len(others)} ({', '.join(hosts)})"
        hint = "`archives --adopt` takes over those whose host name and servers are this host's"
        found.append(Finding("info", "other_host", subject="archives", message=printable(message), hint=hint))
    return found


def _broken(entry: inventory.Entry) -> Finding:
    hint = "it is never counted and never deleted; remove it by hand when you no longer need it"
    return Finding(
        "warning", "broken_archive", subject=entry.name, message=f"{entry.name} is broken: {entry.reason}", hint=hint
    )


def _unread(entry: inventory.Entry) -> Finding:
    hint = "put right what the message names; until it was read, it is neither counted nor deleted"
    return Finding(
        "warning",
        "unverified",
        subject=entry.name,
        message=f"{entry.name} could not be read: {entry.reason}",
        hint=hint,
    )


def _ahead(planned: Plan, host: Host) -> list[Finding]:
    said = inventory.ahead_in_words(planned.entries, host.now())
    return (
        [Finding("warning", "ahead_of_clock", subject="archives", message=said, hint=inventory.AHEAD_HINT)]
        if said
        else []
    )


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """The list of archives as a report."""
    return preview(planned, host)


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock, shared=True, always_runs=True)
