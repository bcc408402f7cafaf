"""The plan of a backup: what is saved, and which archives go once it is, decided before anything is written."""

from __future__ import annotations

from ..archive import inventory, retention
from ..dumps import logs, sqlite
from ..errors import MaintenanceError, StorageFault
from ..formatting import plural
from ..host import Host
from ..report import Report
from ..repositories import catalogue, pruning
from ..repositories.folder import Folder, open_backups
from ..sections.backup import Backup
from ..settings import Settings
from .archiving import Plan, earlier_logs, keep_free_bytes, nothing_to_save
from .components import ENGINES, Located, Trouble, compared, locate

NAME = "backup"
_MIB = 1024**2


def plan(settings: Settings, host: Host) -> Plan:
    """Return what the backup would do; nothing is written, but archives that were never read are read to their end.

    Raise MaintenanceError: `unsafe_directory`, `not_mounted`, `no_space` or `nothing_found`.
    """
    located = locate(settings, host)
    survey, last = _surveyed(settings, host, located)
    located = compared(located, inventory.manifests(survey.entries, host.now()), settings)
    look, troubles = _look_at_logs(settings.backup, last)
    located = located._replace(troubles=located.troubles + troubles)
    if not located.sources and not located.troubles and not (look and look.files):
        raise nothing_to_save()
    now, new = host.now(), _expected(located, look, last, host)
    policy = pruning.policy_of(settings, survey.entries, now)
    partial = new._replace(kind=inventory.PARTIAL)
    return Plan(
        settings,
        located,
        look,
        survey,
        retention.decide(survey.entries, policy, now, new),
        retention.decide(survey.entries, policy, now, partial, failed=True),
        last,
    )


def _surveyed(settings: Settings, host: Host, located: Located) -> tuple[pruning.Survey, inventory.Entry | None]:
    try:
        with open_backups(host, settings) as folder:
            survey = pruning.survey(host, folder, settings)
            last = inventory.newest(survey.entries, host.now())
            _check_space(host, folder, settings.backup, located, last)
            return survey, last
    except MaintenanceError as error:
        if error.code != "unsafe_directory" or not settings.backup.create_directory:
            raise
        return pruning.Survey(catalogue=catalogue.of_no_directory(host, settings.state_directory)), None


def _check_space(host: Host, folder: Folder, options: Backup, located: Located, last: inventory.Entry | None) -> None:
    """Refuse to begin what cannot end: a copy of the largest SQLite file, and an archive as large as the last."""
    copy = max((sqlite.size_bytes(source) for source in located.sources if source.engine == "sqlite"), default=0)
    needed = copy + (last.stamp.size_bytes if last and last.stamp else 0)
    free, kept = host.free_bytes(folder.path), keep_free_bytes(host, folder, options)
    if needed + kept > free:
        message = f"{folder.path} has {mib(free)} free, the backup needs about {mib(needed)}"
        message += f", and {mib(kept)} must stay free" if kept else ""
        hint = "free some space, then run it again; backup.min_free_bytes is what must stay free"
        raise StorageFault("no_space", message, hint=hint)


def mib(size_bytes: int) -> str:
    """Return a number of bytes in MiB, for people."""
    return f"{size_bytes / _MIB:,.1f} MiB"


def _look_at_logs(options: Backup, last: inventory.Entry | None) -> tuple[logs.Look | None, tuple[Trouble, ...]]:
    if options.log_directory is None:
        return None, ()
    try:
        return logs.look(options, earlier_logs(last)), ()
    except MaintenanceError as error:
        return None, (Trouble(logs.COMPONENT, error),)


def _expected(located: Located, look: logs.Look | None, last: inventory.Entry | None, host: Host) -> inventory.Entry:
    """Return the archive that the run is about to write, as it counts: it is expected to hold what the last one did."""
    names = {source.component for source in located.sources} | ({logs.COMPONENT} if look and look.files else set())
    manifest = last.manifest if last else None
    if manifest is not None:
        kept = tuple(component for component in manifest.components if component.name in names)
        manifest = manifest._replace(components=kept)
    return retention.coming(host.now().replace(microsecond=0), host.name(), manifest)


def preview(planned: Plan, host: Host) -> Report:
    """Return the report of a dry run: what would be backed up, and which archives would go."""
    located = planned.located
    rows = [{"name": each.component, "status": "planned", "holds": each.holds} for each in located.sources]
    if planned.log_files:
        rows.append({"name": logs.COMPONENT, "status": "planned", "holds": plural(planned.log_files, "file")})
    decision = planned.after_failure if located.troubles else planned.retention
    skipped = [logs.COMPONENT] if planned.logs and not planned.log_files else []
    facts = {
        "dry_run": True,
        "directory": planned.options.directory,
        "components": rows + unsaved(planned, skipped, located.troubles),
        "would_delete": [entry.name for entry in decision.delete] if rows else [],
    }
    summary = f"would back up {plural(len(rows), 'component')} into {planned.options.directory}"
    troubles = tuple(trouble.finding for trouble in located.troubles)
    findings = troubles + located.findings + (planned.logs.findings if planned.logs else ())
    findings += planned.survey.findings + decision.findings
    code = located.troubles[0].error.code if troubles else ""
    return Report(NAME, summary, findings, facts, changed=bool(rows), exit_status=1 if code else 0, error_code=code)


def unsaved(planned: Plan, skipped: list[str], troubles: tuple[Trouble, ...]) -> list[dict[str, object]]:
    """Return a row for each component that is in trouble, not configured, or without anything to save."""
    engines = {source.engine for source in planned.located.sources} | {trouble.name for trouble in troubles}
    unconfigured = [engine for engine in ENGINES if engine not in engines and not troubles]
    unconfigured += [logs.COMPONENT] if planned.options.log_directory is None else []
    missing: list[dict[str, object]] = [{"name": trouble.name, "status": "missing"} for trouble in troubles]
    return missing + [{"name": name, "status": "skipped"} for name in (*unconfigured, *skipped)]
