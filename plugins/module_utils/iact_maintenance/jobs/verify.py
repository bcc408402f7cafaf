"""Verify archives: read every byte and compare it with the checksums."""

from __future__ import annotations

from typing import NamedTuple

from ..archive import inventory
from ..archive.reading import NewerFormat
from ..dumps.table import holds
from ..errors import MaintenanceError, Refused
from ..formatting import plural
from ..host import Host
from ..processes import Limits
from ..report import Finding, Report, counts
from ..repositories import catalogue
from ..repositories.folder import Folder, open_backups
from ..repositories.selection import ALL, foreign_path, select
from ..sections.jobs import job_named
from ..settings import Settings
from .model import Job, Progress

NAME = "verify"


class Plan(NamedTuple):
    """The archives to read: names in the backup directory, or the path of one elsewhere."""

    settings: Settings
    names: tuple[str, ...]
    foreign: bool = False


def plan(settings: Settings, host: Host) -> Plan:
    """Return the archives that `restore.archive` names; all archives of this host for `all`.

    Raise Refused, MaintenanceError `unsafe_directory` or `not_mounted`.
    """
    directory, wanted = settings.backup.directory, settings.restore.archive
    foreign = foreign_path(directory, wanted)
    if foreign is not None:
        return Plan(settings, (foreign,), foreign=True)
    with open_backups(host, settings) as folder:
        entries = catalogue.read(host, folder, settings.state_directory).entries
    archives = [entry for entry in entries if entry.kind != inventory.FOREIGN]
    ours = [entry for entry in archives if entry.kind != inventory.OTHER_HOST]
    chosen = ours if wanted == ALL else [select(archives, directory, wanted, host.now())]
    return Plan(settings, tuple(entry.name for entry in chosen))


def preview(planned: Plan, host: Host) -> Report:
    """Return what would be read."""
    return Report(NAME, f"would read {plural(len(planned.names), 'archive')}", facts={"archives": list(planned.names)})


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Read every archive to its end and return the kind of each; exit status 1 if one is not good."""
    return _report(_elsewhere(planned, host, progress) if planned.foreign else _here(planned, host, progress))


def _here(planned: Plan, host: Host, progress: Progress) -> list[inventory.Entry]:
    settings, proofs, results = planned.settings, {}, []
    with open_backups(host, settings) as folder:
        listed = catalogue.read(host, folder, settings.state_directory)
        entries = {entry.name: entry for entry in listed.entries}
        for name in planned.names:
            progress(f"reading {name}")
            entry = entries.get(name) or inventory.Entry(name, inventory.UNVERIFIED)
            proven, proof = _judge(planned, host, folder, entry)
            proofs[name] = proven, proof
            results.append(proven)
        catalogue.remember(host, settings.state_directory, folder, proofs)
    return results


def _elsewhere(planned: Plan, host: Host, progress: Progress) -> list[inventory.Entry]:
    """Return the entry of a file outside the backup directory; its proof is not stored."""
    (path,) = planned.names
    progress(f"reading {path}")
    entry = inventory.Entry(path, inventory.UNVERIFIED)
    return [_judge(planned, host, None, entry)[0]]


def _judge(
    planned: Plan, host: Host, folder: Folder | None, entry: inventory.Entry
) -> tuple[inventory.Entry, dict[str, object]]:
    """Return the entry after reading it, and its proof; a file that cannot be read does not stop the others."""
    try:
        return catalogue.prove(host, folder, entry, Limits(planned.settings.backup.deadline_seconds))
    except NewerFormat as error:
        return entry._replace(kind=inventory.NEWER, reason=error.message), {}
    except Refused:
        raise
    except MaintenanceError as error:
        return entry._replace(kind=inventory.UNVERIFIED, proven_at="", reason=error.message), {}


def _report(results: list[inventory.Entry]) -> Report:
    broken = [entry for entry in results if entry.kind == inventory.BROKEN]
    unread = [entry for entry in results if entry.kind in (inventory.UNVERIFIED, inventory.NEWER)]
    findings = (*map(_broken, broken), *map(_unread, unread))
    proven = len(results) - len(findings)
    summary = f"archives verified byte for byte: {proven} of {len(results)}"
    facts = {"archives": [entry.as_dict(holds) for entry in results]}
    report = Report(
        NAME, summary, findings, facts, measures=counts(proven=proven, broken=len(broken), unread=len(unread))
    )
    if broken:
        return report._replace(exit_status=1, error_code="integrity")
    return report._replace(exit_status=1, error_code="unverified") if unread else report


def _broken(entry: inventory.Entry) -> Finding:
    hint = "do not restore from it; check the disk, and copy the good archives elsewhere"
    return Finding("critical", "integrity", subject=entry.name, message=entry.reason, hint=hint)


def _unread(entry: inventory.Entry) -> Finding:
    message = f"{entry.name} could not be verified and is not counted: {entry.reason}"
    return Finding(
        "critical",
        "unverified",
        subject=entry.name,
        message=message,
        hint="correct what the message names, then verify it again",
    )


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock, shared=True, always_runs=True)
