"""Verify: every byte of an archive, or of all of them, is read and must match its checksums."""

from __future__ import annotations

from typing import NamedTuple

from ..archive import catalogue
from ..archive.folder import open_folder
from ..archive.selection import ALL, foreign_path, select
from ..host import Host
from ..processes import Limits
from ..report import Finding, Report
from ..settings import Settings
from .runner import Job, Progress

NAME = "verify"


class Plan(NamedTuple):
    """The archives to read: names in the backup directory, or the path of one that lies elsewhere."""

    settings: Settings
    names: tuple[str, ...]
    foreign: bool = False


def plan(settings: Settings, host: Host) -> Plan:
    """The archives that `restore.archive` names. Raises Refused, MaintenanceError `unsafe_directory`."""
    directory, wanted = settings.backup.directory, settings.restore.archive
    foreign = foreign_path(directory, wanted)
    if foreign is not None:
        return Plan(settings, (foreign,), foreign=True)
    with open_folder(host, directory) as folder:
        entries = catalogue.read(folder, settings.state_directory)
    ours = [entry for entry in entries if entry.kind != catalogue.FOREIGN]
    chosen = ours if wanted == ALL else [select(ours, directory, wanted, host.now())]
    return Plan(settings, tuple(entry.name for entry in chosen))


def preview(planned: Plan, host: Host) -> Report:
    """What would be read."""
    return Report(NAME, f"would read {len(planned.names)} archives", facts={"archives": list(planned.names)})


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """What every archive is worth now that it was read to its end; exit status 1 where one is broken."""
    return _report(_elsewhere(planned, host, progress) if planned.foreign else _here(planned, host, progress))


def _here(planned: Plan, host: Host, progress: Progress) -> list[catalogue.Entry]:
    settings, proofs, results = planned.settings, {}, []
    with open_folder(host, settings.backup.directory) as folder:
        entries = {entry.name: entry for entry in catalogue.read(folder, settings.state_directory)}
        for name in planned.names:
            progress(f"reading {name}")
            entry = entries.get(name) or catalogue.Entry(name, catalogue.UNVERIFIED)
            proven, proofs[name] = catalogue.prove(host, folder, entry, Limits(settings.backup.deadline_seconds))
            results.append(proven)
        catalogue.remember(host, settings.state_directory, folder, proofs)
    return results


def _elsewhere(planned: Plan, host: Host, progress: Progress) -> list[catalogue.Entry]:
    """What a file outside the backup directory is worth; no proof of it is kept, since nobody would look it up."""
    (path,) = planned.names
    progress(f"reading {path}")
    entry = catalogue.Entry(path, catalogue.UNVERIFIED)
    return [catalogue.prove(host, None, entry, Limits(planned.settings.backup.deadline_seconds))[0]]


def _report(results: list[catalogue.Entry]) -> Report:
    broken = [entry for entry in results if entry.kind == catalogue.BROKEN]
    hint = "do not restore from it; look at the disk, and copy the good archives elsewhere"
    findings = tuple(Finding("critical", "integrity", entry.reason, hint) for entry in broken)
    summary = f"archives that are, byte for byte, what was written: {len(results) - len(broken)} of {len(results)}"
    report = Report(NAME, summary, findings, {"archives": [entry.as_dict() for entry in results]})
    return report._replace(exit_status=1, error_code="integrity") if broken else report


JOB = Job(NAME, plan, apply, preview, lock="archives.lock", shared=True, always_runs=True)
