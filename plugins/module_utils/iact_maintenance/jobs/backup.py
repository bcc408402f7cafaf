"""The backup: all that is configured, in one archive that was read back before it got its name; or the run failed."""

from __future__ import annotations

from .. import identity
from ..archive import inventory, retention
from ..archive.manifest import Component
from ..archive.packing import GZIP, Compression, choose
from ..dumps import logs, sqlite
from ..errors import Interrupted, MaintenanceError, StorageFault
from ..host import Host
from ..processes import Limits
from ..report import Finding, Measure, Report, counts
from ..repositories import catalogue, pruning
from ..repositories.folder import Folder, open_backups
from ..sections.backup import Backup
from ..sections.jobs import job_named
from ..settings import Settings
from ..timestamps import iso
from .archiving import Done, Plan, Writing, Written, keep_free_bytes, write
from .components import ENGINES, Located, Trouble, compared, locate
from .model import Job, Progress

NAME = "backup"
_MIB = 1024**2


def plan(settings: Settings, host: Host) -> Plan:
    """Return what the backup would do; nothing is written.

    Raise MaintenanceError: `unsafe_directory`, `not_mounted` or `no_space`.
    """
    located = locate(settings, host)
    options = settings.backup
    try:
        with open_backups(host, settings) as folder:
            entries = catalogue.read(host, folder, settings.state_directory).entries
            last = inventory.newest(entries, host.now())
            _check_space(host, folder, options, located, last)
    except MaintenanceError as error:
        if error.code != "unsafe_directory" or not options.create_directory:
            raise
        entries, last = (), None
    located = compared(located, inventory.manifests(entries, host.now()), settings)
    old = pruning.candidates(entries, options, host)
    return Plan(settings, located, options.log_directory is not None, old, last)


def _check_space(host: Host, folder: Folder, options: Backup, located: Located, last: inventory.Entry | None) -> None:
    """Refuse to begin what cannot end: a copy of the largest SQLite file, and an archive as large as the last."""
    copy = max((sqlite.size_bytes(source) for source in located.sources if source.engine == "sqlite"), default=0)
    needed = copy + (last.stamp.size_bytes if last and last.stamp else 0)
    free, kept = host.free_bytes(folder.path), keep_free_bytes(host, folder, options)
    if needed + kept > free:
        message = f"{folder.path} has {_mib(free)} free, the backup needs about {_mib(needed)}"
        message += f", and {_mib(kept)} must stay free" if kept else ""
        hint = "free some space, then run it again; backup.min_free_bytes is what must stay free"
        raise StorageFault("no_space", message, hint=hint)


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:,.1f} MiB"


def preview(planned: Plan, host: Host) -> Report:
    """The report of a dry run: what would be backed up, and which archives would go."""
    names = [source.component for source in planned.located.sources] + [logs.COMPONENT] * planned.with_logs
    troubles = planned.located.troubles
    facts = {
        "dry_run": True,
        "directory": planned.options.directory,
        "components": [{"name": name, "status": "planned"} for name in names] + _unsaved(planned, [], troubles),
        "would_delete": [entry.name for entry in planned.old.delete],
    }
    summary = f"would back up {len(names)} components into {planned.options.directory}"
    findings = tuple(trouble.finding for trouble in troubles) + planned.located.findings + planned.old.findings
    code = troubles[0].error.code if troubles else ""
    return Report(NAME, summary, findings, facts, changed=bool(names), exit_status=1 if code else 0, error_code=code)


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """The report of a backup. Raises MaintenanceError where no archive could be written at all."""
    options, done = planned.options, Done(choose(host))
    own, findings = identity.ensure(host, planned.settings.state_directory)
    planned = planned._replace(located=planned.located._replace(findings=(*findings, *planned.located.findings)))
    try:
        with open_backups(host, planned.settings, create=options.create_directory) as folder:
            folder.remove_leftovers(own.id)
            written = write(planned, host, Writing(folder, own, progress), done)
            try:
                progress("removing what is too old")
                _let_go(planned, host, folder, written, done.deleted)
            except MaintenanceError as error:
                # The archive is there and good, and a backup that says otherwise would be made again for nothing.
                said = f"what comes after the archive was not done: {error.message}"
                written.saved.findings.append(
                    Finding(
                        "warning", "not_pruned", subject="archives", message=said, hint=error.hint or "look at the disk"
                    )
                )
    except Interrupted as ended:
        _tell(ended, planned, done)
        raise
    return _report(planned, written, done)


def _tell(ended: Interrupted, planned: Plan, done: Done) -> None:
    """Nothing; the signal's report names the archive, where it was published by then, and what retention removed."""
    written = done.written
    if written is None:
        return
    # The directory is asked, because a signal that comes while it gets its name hides the result.
    if written.name and written.is_there(planned.options.directory):
        ended.so_far = f"publishing {written.name}"
    elif not done.deleted:
        return
    ended.changed, ended.facts = True, _facts(planned, written, done)


def _let_go(planned: Plan, host: Host, folder: Folder, written: Written, deleted: list[str]) -> None:
    """Write the proof down and let retention delete; `deleted` has the names of what it did.

    Good archives never go after a failed run, but partial ones also then, else they would pile up.
    """
    state_directory, options = planned.settings.state_directory, planned.options
    removal = pruning.Removal(folder, state_directory, deleted)
    if written.stamp:
        kind = inventory.PARTIAL if written.saved.troubles else inventory.GOOD
        entry = inventory.Entry(written.name, kind, written.stamp, digest=written.digest)
        proof = catalogue.proven(written.stamp, iso(host.now()))
        catalogue.remember(host, state_directory, folder, {written.name: (entry, proof)})
    found = catalogue.read(host, folder, state_directory)
    if written.saved.troubles:
        partial_ones = retention.decide_partial(found.entries, host.now(), written.name)
        pruning.remove(host, removal, partial_ones.delete)
        return
    written.saved.findings += _without_identity(found, host)
    if found.gone_in_words:
        # Told in this run's line; from here on the new archive is what there is.
        written.saved.findings.append(
            Finding(
                "warning", "archives_gone", subject="archives", message=found.gone_in_words, hint=catalogue.GONE_HINT
            )
        )
        catalogue.forget(host, state_directory, found.gone)
    proving = pruning.prove_unknown(host, folder, state_directory, Limits(options.deadline_seconds))
    going = pruning.candidates(proving.entries, options, host, just_written=written.name)
    written.saved.findings += [*proving.findings, *going.findings]
    # Before the removal, which forgets the proofs of what it deletes: else these would be missed.
    catalogue.remember(host, state_directory, folder, proving.proofs)
    pruning.remove(host, removal, going.delete)


def _without_identity(found: catalogue.Catalogue, host: Host) -> list[Finding]:
    """Return a warning where archives from before hosts had an identity bear this host's name: nobody prunes them."""
    others = [entry.manifest for entry in found.of_kind(inventory.OTHER_HOST) if entry.manifest]
    unclaimed = [manifest for manifest in others if not manifest.identity and manifest.host == host.name()]
    if not unclaimed:
        return []
    message = f"archives of this host's name from before hosts had an identity, not counted: {len(unclaimed)}"
    return [
        Finding(
            "warning",
            "other_host",
            subject="archives",
            message=message,
            hint="take them over with `iact-maintenance archives --adopt`",
        )
    ]


def _report(planned: Plan, written: Written, done: Done) -> Report:
    saved = written.saved
    codes = [trouble.error.code for trouble in saved.troubles]
    findings = (
        [trouble.finding for trouble in saved.troubles] + saved.findings + _own(planned, written, done.compression)
    )
    facts = _facts(planned, written, done)
    changed = bool(written.name or done.deleted)
    report = Report(
        NAME, _summary(written), tuple(findings), facts, changed, measures=_measures(planned, written, done)
    )
    return report._replace(exit_status=1, error_code=codes[0]) if codes else report


def _measures(planned: Plan, written: Written, done: Done) -> tuple[Measure, ...]:
    size = Measure("size_bytes", written.size_bytes, "B", str(planned.options.warning_size_bytes))
    saved, missing = len(written.saved.components), len(written.saved.troubles)
    return (size, *counts(components=saved, missing=missing, archives_deleted=len(done.deleted)))


def _summary(written: Written) -> str:
    saved = written.saved
    if not saved.troubles:
        return f"saved {len(saved.components)} components in {written.name} ({_mib(written.size_bytes)})"
    names = ", ".join(trouble.name for trouble in saved.troubles)
    kept = f"; what could be saved is in {written.name}" if written.name else "; nothing was kept"
    return f"no backup was made, since this could not be saved: {names}{kept}"


def _own(planned: Plan, written: Written, compression: Compression) -> list[Finding]:
    found = []
    if written.size_bytes > planned.options.warning_size_bytes:
        limit = _mib(planned.options.warning_size_bytes)
        said = f"the archive has {_mib(written.size_bytes)}, more than {limit}"
        found.append(
            Finding(
                "warning",
                "large_archive",
                subject=written.name,
                message=said,
                hint="raise backup.warning_size_bytes, or back up less",
            )
        )
    if compression.name == GZIP:
        said = "there is no working zstd program, so members are compressed with gzip, which is slower"
        found.append(Finding("info", "no_zstd", subject="zstd", message=said, hint="install zstd"))
    return found


def _facts(planned: Plan, written: Written, done: Done) -> dict[str, object]:
    return {
        "archive": f"{planned.options.directory}/{written.name}" if written.name else None,
        "partial": bool(written.saved.troubles and written.name),
        "size_bytes": written.size_bytes,
        "created_at": iso(written.created_at),
        "compression": done.compression.name,
        "components": [_shown(component) for component in written.saved.components]
        + _unsaved(planned, written.saved.skipped, tuple(written.saved.troubles)),
        "deleted": done.deleted,
    }


def _shown(component: Component) -> dict[str, object]:
    """A component in the log line: files are counted, never named, since a name may hold any word."""
    numbers = [number for number in component.rows.values() if number is not None]
    shown: dict[str, object] = {"name": component.name, "status": "saved", "size_bytes": component.member.size_bytes}
    shown["raw_size_bytes"] = component.member.raw_size_bytes
    if component.files:
        return {**shown, "files": len(component.files)}
    known = bool(numbers) and len(numbers) == len(component.rows)
    return {**shown, "rows": sum(numbers) if known else None}


def _unsaved(planned: Plan, skipped: list[str], troubles: tuple[Trouble, ...]) -> list[dict[str, object]]:
    """The components that are not in the archive: not configured, without anything to save, or in trouble."""
    engines = {source.engine for source in planned.located.sources} | {trouble.name for trouble in troubles}
    unconfigured = [engine for engine in ENGINES if engine not in engines and not troubles]
    unconfigured += [] if planned.with_logs else [logs.COMPONENT]
    missing: list[dict[str, object]] = [{"name": trouble.name, "status": "missing"} for trouble in troubles]
    return missing + [{"name": name, "status": "skipped"} for name in (*unconfigured, *skipped)]


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock)
