"""Plan a backup: what is saved and which archives are then deleted, decided before anything is written."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from ..archive import inventory, retention
from ..dumps.table import DUMPERS, dumper_of, holds
from ..errors import MaintenanceError, StorageFault
from ..formatting import plural
from ..host import Host
from ..report import Report
from ..repositories import catalogue, pruning
from ..repositories.folder import open_backups
from ..secret import printable
from ..sections.backup import Backup
from ..settings import Settings
from .archiving import Plan, keep_free_bytes, nothing_to_save
from .components import Located, Trouble, check_configured, compared, locate

NAME = "backup"
_MIB = 1024**2


def plan(settings: Settings, host: Host) -> Plan:
    """Return what the backup would do; nothing is written, but archives that were never read are read to their end.

    Raise MaintenanceError: `unsafe_directory`, `not_mounted`, `no_space` or `nothing_to_back_up`.
    """
    check_configured(settings)
    survey, last = _surveyed(settings, host)
    located = locate(settings, host, _earlier_files(last))
    located = compared(located, inventory.manifests(survey.entries, host.now()), settings)
    if not located.sources and not located.troubles:
        raise nothing_to_save()
    _check_space(host, settings.backup, located, last)
    now, new = host.now(), _expected(located, last, host)
    policy = pruning.policy_of(settings, survey.entries, now)
    partial = new._replace(kind=inventory.PARTIAL)
    return Plan(
        settings,
        located,
        survey,
        retention.decide(survey.entries, policy, now, new),
        retention.decide(survey.entries, policy, now, partial, failed=True),
        last,
    )


def _surveyed(settings: Settings, host: Host) -> tuple[pruning.Survey, inventory.Entry | None]:
    try:
        with open_backups(host, settings) as folder:
            survey = pruning.survey(host, folder, settings)
            return survey, inventory.newest(survey.entries, host.now())
    except MaintenanceError as error:
        if error.code != "unsafe_directory" or not settings.backup.create_directory:
            raise
        return pruning.Survey(catalogue=catalogue.of_no_directory(host, settings.state_directory)), None


def _earlier_files(last: inventory.Entry | None) -> tuple[str, ...]:
    """Return the names of the files in the previous archive."""
    components = last.manifest.components if last and last.manifest else ()
    return tuple(file.name for component in components for file in component.files)


def _check_space(host: Host, options: Backup, located: Located, last: inventory.Entry | None) -> None:
    """Raise if there is no space for the largest temporary copy and an archive as large as the previous one."""
    path = options.directory
    if not os.path.isdir(path):
        return
    copy_bytes = max((dumper_of(source).copy_bytes(source) for source in located.sources), default=0)
    needed = copy_bytes + (last.stamp.size_bytes if last and last.stamp else 0)
    free, kept = host.free_bytes(path), keep_free_bytes(host, path, options)
    if needed + kept > free:
        message = f"{path} has {mib(free)} free, the backup needs about {mib(needed)}"
        message += f", and {mib(kept)} must stay free" if kept else ""
        hint = "free some space, then run it again; backup.min_free_bytes must remain free"
        raise StorageFault("no_space", message, hint=hint)


def mib(size_bytes: int) -> str:
    """Return a number of bytes in MiB, for people."""
    return f"{size_bytes / _MIB:,.1f} MiB"


def _expected(located: Located, last: inventory.Entry | None, host: Host) -> inventory.Entry:
    """Return the archive that the run is about to write, as it counts, with the contents of the previous one."""
    names = {source.component for source in located.sources}
    manifest = last.manifest if last else None
    if manifest is not None:
        kept = tuple(component for component in manifest.components if component.name in names)
        manifest = manifest._replace(components=kept)
    return retention.coming(host.now().replace(microsecond=0), host.name(), manifest)


def preview(planned: Plan, host: Host) -> Report:
    """Return the report of a dry run: what would be backed up, and which archives would be deleted."""
    located = planned.located
    rows = [{"name": each.component, "status": "planned", "contents": holds(each)} for each in located.sources]
    decision = planned.after_failure if located.troubles else planned.retention
    deleted = [entry.name for entry in decision.delete] if rows else []
    facts = {
        "dry_run": True,
        "directory": planned.options.directory,
        "components": rows + unsaved(planned, located.empty, located.troubles),
        "would_delete": deleted,
    }
    summary = f"would back up {plural(len(rows), 'component')} into {planned.options.directory}"
    troubles = tuple(trouble.finding for trouble in located.troubles)
    foreseen = tuple(finding for source in located.sources for finding in source.foreseen)
    findings = troubles + located.findings + foreseen + planned.survey.findings + decision.findings
    code = located.troubles[0].error.code if troubles else ""
    report = Report(NAME, summary, findings, facts, changed=bool(rows), exit_status=1 if code else 0, error_code=code)
    is_kept = bool(rows) and (not code or planned.options.keep_partial)
    coming = ("a new partial archive" if code else "a new archive") if is_kept else ""
    return report._replace(diff=archives_diff(planned, coming, deleted))


def archives_diff(planned: Plan, new: str, deleted: Collection[str]) -> dict[str, str]:
    """Return the names of the archives before and after a run, a line each, for Ansible's diff mode."""
    before = [entry.name for entry in planned.survey.entries]
    after = [name for name in before if name not in deleted] + ([new] if new else [])
    header = planned.options.directory
    lines = {"before": before, "after": after}
    shown = {name: "".join(f"{printable(each)}\n" for each in names) for name, names in lines.items()}
    return {"before_header": header, "after_header": header, **shown}


def unsaved(planned: Plan, skipped: Iterable[str], troubles: Sequence[Trouble]) -> list[dict[str, object]]:
    """Return a row for each component that is in trouble, not configured, or has nothing to save.

    With any trouble an engine with tables is not called skipped, because the missing table may belong to it.
    """
    engines = {source.engine for source in planned.located.sources} | {trouble.name for trouble in troubles}
    nothing = [
        engine for engine, dumper in DUMPERS.items() if engine not in engines and not (troubles and dumper.has_tables)
    ]
    missing: list[dict[str, object]] = [{"name": trouble.name, "status": "missing"} for trouble in troubles]
    return missing + [{"name": name, "status": "skipped"} for name in dict.fromkeys((*nothing, *skipped))]
