"""The restore: components of a verified archive into new databases and a new directory."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .. import identity
from ..archive import inventory
from ..archive.manifest import Component
from ..archive.packing import unpacker
from ..archive.reading import Layout, Opened, Place, Stamp, open_archive, read_layout
from ..archive.stream import content
from ..archive.verify import verify
from ..dumps.dumper import Destination
from ..dumps.model import RestoreFacts, Stored
from ..dumps.table import dumper_of, holds
from ..dumps.targets import Target, check_room, open_target
from ..errors import BadOption, Damaged, Interrupted, MaintenanceError, Refused
from ..formatting import plural
from ..host import Host
from ..processes import Limits
from ..report import Finding, Report, counts
from ..repositories import catalogue
from ..repositories.folder import open_backups
from ..repositories.selection import foreign_path, select
from ..secret import printable
from ..sections.jobs import job_named
from ..settings import Settings
from ..values import nearest
from .model import Job, Progress

NAME = "restore"
SCRATCH = "iact_restore_"
_DATABASE = re.compile(SCRATCH + r"[A-Za-z0-9_]{1,50}", re.ASCII)


class Plan(NamedTuple):
    """What a run would do: restore `components` of the archive at `path`; `databases` are the targets by component."""

    settings: Settings
    path: str
    stamp: Stamp
    components: tuple[Component, ...]
    databases: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def directory(self) -> str:
        """Return the directory for files."""
        return str(self.settings.restore.target_directory)


@dataclass
class Restored:
    """What was restored, a row per component, and tables whose rows differ from the manifest.

    `begun` is the current or last component.
    """

    begun: str = ""
    rows: list[dict[str, object]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def plan(settings: Settings, host: Host) -> Plan:
    """Return what would be restored where; only headers and the manifest are read, and the servers asked.

    Raise Refused, Damaged or DatabaseFault.
    """
    path = _archive_path(settings, host)
    with contextlib.closing(open_archive(path)) as archive:
        layout = read_layout(archive)
    components = _chosen(layout.manifest.components, settings.restore.components)
    for component in layout.manifest.components:
        # All are read before any is restored.
        unpacker(host, component.member.compression)
    files = [component for component in components if _restores_files(component)]
    databases = [component for component in components if component not in files]
    _check_target_database(settings.restore.target_database, databases)
    for component in components:
        dumper_of(component.source).check_destination(settings)
    findings = _findings_of(os.path.basename(path), layout, identity.read(host, settings.state_directory))
    planned = Plan(settings, path, archive.stamp, components, _targets(settings, host, databases), findings)
    for component in (*files, *databases):
        dumper_of(component.source).check_restore(host, settings, _target(planned, component))
    if files:
        check_room(host, planned.directory, sum(component.restored_bytes for component in files))
    return planned


def _restores_files(component: Component) -> bool:
    return dumper_of(component.source).restores_files


def _findings_of(name: str, layout: Layout, this_host: identity.Identity) -> tuple[Finding, ...]:
    """Return what to know about the archive before using what is restored."""
    findings, manifest = [], layout.manifest
    if manifest.missing:
        lacking = ", ".join(missing.name for missing in manifest.missing)
        message = f"the archive is partial: it does not hold {lacking}"
        findings.append(
            Finding(
                "warning",
                "partial_archive",
                subject=name,
                message=message,
                hint="check whether another archive holds them",
            )
        )
    if not catalogue.is_own(manifest, layout.digest, this_host):
        hint = "check that it is the intended archive before the application uses the restored data"
        findings.append(
            Finding(
                "warning", "other_host", subject=name, message=f"the archive was {catalogue.whose(manifest)}", hint=hint
            )
        )
    return tuple(findings)


def _archive_path(settings: Settings, host: Host) -> str:
    directory, wanted = settings.backup.directory, settings.restore.archive
    foreign = foreign_path(directory, wanted)
    if foreign is not None:
        return foreign
    with open_backups(host, settings) as folder:
        entries = catalogue.read(host, folder, settings.state_directory).entries
        ours = [entry for entry in entries if entry.kind != inventory.FOREIGN]
        return os.path.join(directory, select(ours, directory, wanted, host.now()).name)


def _chosen(components: tuple[Component, ...], wanted: tuple[str, ...]) -> tuple[Component, ...]:
    known = {component.name: component for component in components}
    for name in wanted:
        if name not in known:
            message = f"the archive has no component {printable(name)}"
            raise Refused("no_component", message, hint=nearest(name, list(known)))
    return tuple(component for component in components if not wanted or component.name in wanted)


def _check_target_database(target: str | None, databases: list[Component]) -> None:
    if target is not None and not _DATABASE.fullmatch(target):
        raise BadOption(f"restore.target_database is {target}: a name that begins with {SCRATCH} is allowed")
    if target is not None and len(databases) > 1:
        raise BadOption(
            "restore.target_database is one database for several components: set restore.components to one of them"
        )


def _targets(settings: Settings, host: Host, databases: list[Component]) -> dict[str, str]:
    """Return the database for each component: the one that was named, or a new one named by the time."""
    named = settings.restore.target_database
    moment = f"{host.now():%Y%m%d%H%M%S}"
    return {
        component.name: named or f"{SCRATCH}{moment}_{number}" for number, component in enumerate(databases, start=1)
    }


def preview(planned: Plan, host: Host) -> Report:
    """Return the report of a dry run: what would be restored where."""
    rows = [
        {"name": each.name, "contents": holds(each.source), "target": _target(planned, each)}
        for each in planned.components
    ]
    facts = {"dry_run": True, "archive": planned.path, "components": rows}
    summary = f"would restore {plural(len(rows), 'component')} of {os.path.basename(planned.path)}"
    return Report(NAME, summary, planned.findings, facts, changed=bool(rows), diff=_diff(rows))


def _diff(rows: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Return what is restored and where it goes, a line for each component, for Ansible's diff mode."""
    return {"before": "", "after": "".join(f"{row['name']} in {row['target']}\n" for row in rows)}


def _target(planned: Plan, component: Component) -> str:
    return planned.databases.get(component.name) or planned.directory


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Verify the archive, restore it, compare its rows, and return the report. Raise MaintenanceError."""
    restored = Restored()
    try:
        _restore_all(planned, host, progress, restored)
    except (MaintenanceError, Interrupted) as ended:
        _add_what_stays(ended, planned, restored)
        raise
    return _report(planned, restored)


def _add_what_stays(ended: MaintenanceError | Interrupted, planned: Plan, restored: Restored) -> None:
    """Add to the error the databases that remain. Files do not remain; they were removed again."""
    rows = [row for row in restored.rows if row["name"] in planned.databases]
    known = [row["name"] for row in rows]
    if ended.changed and restored.begun in planned.databases and restored.begun not in known:
        rows.append({"name": restored.begun, "target": planned.databases[restored.begun]})
    ended.changed = ended.changed or bool(rows)
    ended.facts = {**ended.facts, "archive": planned.path, "components": rows}
    if isinstance(ended, Interrupted) and rows:
        ended.so_far = f"writing to {', '.join(str(row['target']) for row in rows)}"


def _restore_all(planned: Plan, host: Host, progress: Progress, restored: Restored) -> None:
    with contextlib.closing(open_archive(planned.path)) as archive:
        if archive.stamp != planned.stamp:
            raise Damaged(archive.label, "the file", "it changed while this run read it")
        progress("reading the archive")
        layout = verify(host, archive, Limits(planned.settings.restore.deadline_seconds))
        names = {component.name for component in planned.components}
        with _directory(planned, host) as directory:
            for place in layout.places:
                if place.component.name in names:
                    restored.begun = place.component.name
                    progress(f"restoring {restored.begun}")
                    _restore(planned, host, archive, place, directory, restored)


@contextlib.contextmanager
def _directory(planned: Plan, host: Host) -> Iterator[Target | None]:
    """Return a context with the directory for files, if there are any."""
    if any(map(_restores_files, planned.components)):
        with open_target(host, planned.directory) as target:
            yield target
    else:
        yield None


def _restore(
    planned: Plan, host: Host, archive: Opened, place: Place, directory: Target | None, restored: Restored
) -> None:
    component, settings = place.component, planned.settings
    destination = Destination(planned.databases.get(component.name, ""), directory)
    stored = Stored(component.source, archive.label, component.member.name)
    with content(host, archive, place, Limits(settings.restore.deadline_seconds)) as pieces:
        facts = dumper_of(component.source).restore(host, settings, stored, destination, pieces)
    restored.findings += facts.findings
    row = {"name": component.name, "contents": holds(component.source), "target": facts.database}
    counted = {"files": facts.files} if facts.files is not None else _compared(component, facts, restored.findings)
    restored.rows.append({**row, **counted})


def _compared(component: Component, facts: RestoreFacts, findings: list[Finding]) -> dict[str, object]:
    """Return the number of rows; a table whose rows differ from the manifest is a critical finding."""
    known = {table: number for table, number in component.rows.items() if number is not None}
    different = [table for table, number in known.items() if facts.rows.get(table) != number]
    for table in different:
        shown, number = printable(table), facts.rows.get(table)
        held = "no table that can be counted" if number is None else plural(number, "row")
        findings.append(
            Finding(
                "critical",
                "rows_differ",
                subject=f"{component.name}.{shown}",
                message=f"{component.name}: {shown} has {held}, the manifest states {known[table]}",
                hint="do not use what was restored; verify the archive",
            )
        )
    equal = f"{len(known) - len(different)} of {len(component.rows)}"
    return {"rows": sum(known.values()), "tables_equal": equal}


def _report(planned: Plan, restored: Restored) -> Report:
    facts = {"archive": planned.path, "components": restored.rows}
    findings = (*planned.findings, *restored.findings)
    report = Report(NAME, _summary(planned, restored), findings, facts, changed=bool(restored.rows))
    report = report._replace(measures=counts(components=len(restored.rows)), diff=_diff(restored.rows))
    critical = [finding.code for finding in restored.findings if finding.severity == "critical"]
    return report._replace(exit_status=1, error_code=critical[0]) if critical else report


def _summary(planned: Plan, restored: Restored) -> str:
    targets = [*planned.databases.values()]
    if len(planned.databases) < len(planned.components):
        targets.append(planned.directory)
    archive = os.path.basename(planned.path)
    return f"restored {plural(len(restored.rows), 'component')} of {archive} into {', '.join(targets)}"


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock)
