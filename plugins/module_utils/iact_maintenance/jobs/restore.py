"""The restore: a verified archive's components into scratch databases and a new directory, never over anything."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .. import identity
from ..archive import inventory
from ..archive.manifest import Component
from ..archive.packing import unpacker
from ..archive.reading import Layout, Opened, Place, Stamp, open_archive, read_layout
from ..archive.stream import content
from ..archive.verify import verify
from ..dumps import logs, logs_restore, sqlite
from ..dumps.model import RestoreFacts, Source
from ..dumps.table import DUMPS
from ..dumps.targets import Target, check_room, check_target, open_target
from ..engines.required_rights import restore_hint
from ..errors import BadOption, Damaged, Interrupted, MaintenanceError, Refused
from ..formatting import plural
from ..host import Host
from ..processes import Limits
from ..report import Finding, Report, counts
from ..repositories import catalogue
from ..repositories.folder import open_backups
from ..repositories.selection import foreign_path, select
from ..secret import printable
from ..sections.connections import Server
from ..sections.jobs import job_named
from ..settings import Settings
from ..values import nearest
from .components import servers_of
from .model import Job, Progress

NAME = "restore"
SCRATCH = "iact_restore_"
_DATABASE = re.compile(SCRATCH + r"[A-Za-z0-9_]{1,50}", re.ASCII)
_FILES = ("sqlite", "logs")


class Plan(NamedTuple):
    """What a run would do: restore `components` of the archive at `path`; `databases` are the targets, by component."""

    settings: Settings
    path: str
    stamp: Stamp
    components: tuple[Component, ...]
    databases: dict[str, str]
    findings: tuple[Finding, ...]


@dataclass
class Restored:
    """What has been restored, a row for each component, and where its rows differ from the manifest's.

    `begun` is the component that the run is at, or was last.
    """

    begun: str = ""
    rows: list[dict[str, object]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def plan(settings: Settings, host: Host) -> Plan:
    """Return what would be restored where; only headers and the manifest are read, and the servers asked.

    Raise Refused, Damaged or DatabaseFault.
    """
    options = settings.restore
    path = _archive_path(settings, host)
    archive = open_archive(path)
    try:
        layout = read_layout(archive)
        manifest = layout.manifest
    finally:
        archive.close()
    components = _chosen(manifest.components, options.components)
    for component in manifest.components:
        # All are read before any is restored.
        unpacker(host, component.member.compression)
    databases = [component for component in components if component.engine not in _FILES]
    _check_databases(settings, databases)
    files = [component for component in components if component.engine in _FILES]
    if files:
        _check_directory(host, options.target_directory, files)
    targets = _targets(settings, host, databases)
    for component in databases:
        server = _server(settings, component.engine)
        DUMPS[component.engine].check_restore(host, server, targets[component.name])
    findings = _findings_of(os.path.basename(path), layout, identity.read(host, settings.state_directory))
    return Plan(settings, path, archive.stamp, components, targets, findings)


def _findings_of(name: str, layout: Layout, own: identity.Identity) -> tuple[Finding, ...]:
    """Return what to know of the archive before anybody uses what comes out of it."""
    found, manifest = [], layout.manifest
    if manifest.missing:
        lacking = ", ".join(missing.name for missing in manifest.missing)
        message = f"the archive is partial: it does not hold {lacking}"
        found.append(
            Finding(
                "warning",
                "partial_archive",
                subject=name,
                message=message,
                hint="see whether another archive holds them",
            )
        )
    if not catalogue.is_own(manifest, layout.digest, own):
        hint = "make sure that it is the one you want before the application uses what was restored"
        found.append(
            Finding(
                "warning", "other_host", subject=name, message=f"the archive was {catalogue.whose(manifest)}", hint=hint
            )
        )
    return tuple(found)


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


def _check_databases(settings: Settings, databases: list[Component]) -> None:
    target = settings.restore.target_database
    if target is not None and not _DATABASE.fullmatch(target):
        raise BadOption(f"restore.target_database is {target}: a name that begins with {SCRATCH} is allowed")
    if target is not None and len(databases) > 1:
        raise BadOption("restore.target_database names one database for several: name one of restore.components")
    for engine in sorted({component.engine for component in databases}):
        _server(settings, engine)


def _server(settings: Settings, engine: str) -> Server:
    """Return the server that restores go to, with the account that restores have. Raise Refused without one."""
    server = servers_of(settings.restore).get(engine)
    if server is None:
        message = f"there is no account to restore with: the section restore has no {engine}"
        raise Refused("restore_account", message, hint=restore_hint(engine))
    return server


def _check_directory(host: Host, path: str | None, files: list[Component]) -> None:
    if path is None:
        hint = "it is made, or empty; or name databases alone with restore.components"
        raise Refused("no_target", "files are to be restored, but restore.target_directory is not set", hint=hint)
    check_target(host, path)
    check_room(host, path, sum(component.restored_bytes for component in files))


def _targets(settings: Settings, host: Host, databases: list[Component]) -> dict[str, str]:
    """Return the database that each component goes into: the one that was named, or a new one of this moment."""
    named = settings.restore.target_database
    moment = f"{host.now():%Y%m%d%H%M%S}"
    return {
        component.name: named or f"{SCRATCH}{moment}_{number}" for number, component in enumerate(databases, start=1)
    }


def preview(planned: Plan, host: Host) -> Report:
    """Return the report of a dry run: which component would go where."""
    rows = [{"name": each.name, "holds": each.holds, "target": _target(planned, each)} for each in planned.components]
    facts = {"dry_run": True, "archive": planned.path, "components": rows}
    summary = f"would restore {plural(len(rows), 'component')} of {os.path.basename(planned.path)}"
    return Report(NAME, summary, planned.findings, facts, changed=bool(rows))


def _target(planned: Plan, component: Component) -> str:
    return planned.databases.get(component.name) or str(planned.settings.restore.target_directory)


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Verify the archive, restore it, compare its rows, and return the report. Raise MaintenanceError."""
    restored = Restored()
    try:
        _restore_all(planned, host, progress, restored)
    except (MaintenanceError, Interrupted) as ended:
        _tell(ended, planned, restored)
        raise
    return _report(planned, restored)


def _tell(ended: MaintenanceError | Interrupted, planned: Plan, restored: Restored) -> None:
    """Add to what ended the run the databases that stay. Files do not stay: they are gone again by now."""
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
            raise Damaged(archive.label, "the file", "it changed while this run looked at it")
        progress("reading the archive")
        layout = verify(host, archive, Limits(planned.settings.restore.deadline_seconds))
        names = {component.name for component in planned.components}
        places = [place for place in layout.places if place.component.name in names]
        with _directory(planned, host, places) as target:
            for place in places:
                restored.begun = place.component.name
                progress(f"restoring {restored.begun}")
                restored.rows.append(_restore(planned, host, archive, place, target, restored.findings))


@contextlib.contextmanager
def _directory(planned: Plan, host: Host, places: list[Place]) -> Iterator[Target | None]:
    """Return a context with the directory for files, where there are any."""
    if any(place.component.engine in _FILES for place in places):
        with open_target(host, str(planned.settings.restore.target_directory)) as target:
            yield target
    else:
        yield None


def _restore(
    planned: Plan, host: Host, archive: Opened, place: Place, target: Target | None, findings: list[Finding]
) -> dict[str, object]:
    component = place.component
    limits = Limits(planned.settings.restore.deadline_seconds)
    if target is None or component.engine not in _FILES:
        facts = _restore_database(planned, host, archive, place, limits)
        findings += facts.findings
        return _compared(component, facts.database, facts.rows, findings)
    if component.engine == logs.COMPONENT:
        with content(host, archive, place, limits) as pieces:
            number = logs_restore.restore(archive.label, component.member.name, component.files, pieces, target)
        return {"name": component.name, "holds": component.holds, "target": target.path, "files": number}
    name = component.member.name.rpartition(".")[0]
    with content(host, archive, place, limits) as pieces:
        path, rows = sqlite.restore(pieces, target, name)
    return _compared(component, path, rows, findings)


def _restore_database(planned: Plan, host: Host, archive: Opened, place: Place, limits: Limits) -> RestoreFacts:
    component, settings = place.component, planned.settings
    source = Source(component.name, component.engine, component.database, component.tables, rows=component.rows)
    with content(host, archive, place, limits) as pieces:
        server, database = _server(settings, component.engine), planned.databases[component.name]
        return DUMPS[component.engine].restore(host, server, source, database, pieces, settings.restore)


def _compared(
    component: Component, target: str, rows: Mapping[str, int | None], findings: list[Finding]
) -> dict[str, object]:
    """Return a component's row in the report; rows that are not those of the manifest are a critical finding."""
    known = {table: number for table, number in component.rows.items() if number is not None}
    different = [table for table, number in known.items() if rows.get(table) != number]
    for table in different:
        said = f"{component.name}: {printable(table)} has {rows.get(table)} rows, the manifest states {known[table]}"
        findings.append(
            Finding(
                "critical",
                "rows_differ",
                subject=f"{component.name}.{printable(table)}",
                message=said,
                hint="do not use what was restored; verify the archive",
            )
        )
    counted = f"{len(known) - len(different)} of {len(component.rows)}"
    row = {"name": component.name, "holds": component.holds, "target": target}
    return {**row, "rows": sum(known.values()), "tables_equal": counted}


def _report(planned: Plan, restored: Restored) -> Report:
    facts = {"archive": planned.path, "components": restored.rows}
    findings = (*planned.findings, *restored.findings)
    report = Report(NAME, _summary(planned, restored), findings, facts, changed=bool(restored.rows))
    report = report._replace(measures=counts(components=len(restored.rows)))
    critical = [finding.code for finding in restored.findings if finding.severity == "critical"]
    return report._replace(exit_status=1, error_code=critical[0]) if critical else report


def _summary(planned: Plan, restored: Restored) -> str:
    targets = [*planned.databases.values()]
    if len(planned.databases) < len(planned.components):
        targets.append(str(planned.settings.restore.target_directory))
    archive = os.path.basename(planned.path)
    return f"restored {plural(len(restored.rows), 'component')} of {archive} into {', '.join(targets)}"


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock)
