"""The backup: everything that is configured in one verified archive; otherwise the run fails."""

from __future__ import annotations

from .. import identity
from ..archive import inventory, retention
from ..archive.manifest import Component, Manifest
from ..archive.packing import GZIP, Compression, choose
from ..dumps.table import holds
from ..errors import Interrupted, MaintenanceError
from ..formatting import plural
from ..host import Host
from ..report import Finding, Measure, Report, counts
from ..repositories import catalogue, pruning, rereading
from ..repositories.folder import Folder, open_backups
from ..sections.jobs import job_named
from ..timestamps import iso
from .archiving import Done, Plan, Writing, Written, write
from .model import Job, Progress
from .planning import NAME, archives_diff, mib, plan, preview, unsaved


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Make the backup and return its report. Raise MaintenanceError if no archive could be written at all."""
    options, done = planned.options, Done(choose(host))
    this_host, findings = identity.ensure(host, planned.settings.state_directory)
    planned = planned._replace(located=planned.located._replace(findings=(*findings, *planned.located.findings)))
    try:
        with open_backups(host, planned.settings, create=options.create_directory) as folder:
            folder.remove_leftovers(this_host.id)
            written = write(planned, host, Writing(folder, this_host, progress), done)
            try:
                progress("deleting old archives")
                _let_go(planned, host, folder, written, done.deleted)
            except MaintenanceError as error:
                # The archive is there and good, and a backup that says otherwise would be made again for nothing.
                message = f"the archive is saved, but the work after it was not done: {error.message}"
                written.saved.findings.append(
                    Finding(
                        "warning",
                        "not_pruned",
                        subject="archives",
                        message=message,
                        hint=error.hint or "check the disk",
                    )
                )
    except Interrupted as ended:
        _add_facts(ended, planned, done)
        raise
    return _report(planned, written, done)


def _add_facts(ended: Interrupted, planned: Plan, done: Done) -> None:
    """Add to the signal's report the archive, if it was published, and what retention deleted."""
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
    """Store the proofs and delete the archives of the plan; `deleted` receives their names.

    After a failed run no good archives are deleted, but partial ones are, because they would accumulate.
    """
    state_directory, saved = planned.settings.state_directory, written.saved
    proofs = dict(planned.survey.proofs)
    if written.stamp:
        kind = inventory.PARTIAL if saved.troubles else inventory.GOOD
        entry = inventory.Entry(written.name, kind, written.stamp, digest=written.digest)
        proofs[written.name] = entry, catalogue.proven(written.stamp, iso(host.now()))
    again = rereading.reread(host, folder, planned.settings, planned.survey.entries)
    proofs.update(again.proofs)
    saved.findings += again.findings
    # Before the removal, which forgets the proofs of what it deletes: else these would be missed.
    catalogue.remember(host, state_directory, folder, proofs)
    saved.findings += pruning.appeared(folder, planned.survey.entries, written.name)
    if not saved.troubles:
        saved.findings += _of_the_directory(planned, host)
        # Told in this run's line; from here on the new archive is what there is.
        catalogue.forget(host, state_directory, planned.survey.catalogue.missing)
    decision = planned.after_failure if saved.troubles else planned.retention
    removal = pruning.Removal(folder, state_directory, deleted)
    saved.findings += decision.findings
    # Of what counted as good one is not, so the plan would leave too few.
    goes = written.name and not again.is_broken
    pruning.remove(host, removal, _still_going(planned, decision, host, written) if goes else ())
    saved.findings += removal.findings()


def _still_going(
    planned: Plan, decision: retention.Decision, host: Host, written: Written
) -> tuple[inventory.Entry, ...]:
    """Return the archives to delete, without the last copies of rows that the new archive turned out to lack."""
    saved = written.saved
    manifest = Manifest(written.created_at, host.name(), tuple(saved.components))
    new = inventory.Entry(written.name, inventory.GOOD, manifest=manifest)
    names = {entry.name for entry in decision.delete if entry.kind == inventory.GOOD}
    held = retention.last_copies((*planned.survey.entries, new), host.now(), names)
    saved.findings += [retention.held_in_words(held)] if held else []
    return tuple(entry for entry in decision.delete if entry not in held)


def _of_the_directory(planned: Plan, host: Host) -> list[Finding]:
    """Return findings on the archives in the directory."""
    listed = planned.survey.catalogue
    findings = [*planned.survey.findings, *_without_identity(listed, host)]
    if listed.missing_in_words:
        hint = catalogue.GONE_HINT
        findings.append(
            Finding("warning", "archives_missing", subject="archives", message=listed.missing_in_words, hint=hint)
        )
    return findings


def _without_identity(listed: catalogue.Catalogue, host: Host) -> list[Finding]:
    """Return a warning if archives without an identity have this host's name, because nobody prunes them."""
    others = [entry.manifest for entry in listed.of_kind(inventory.OTHER_HOST) if entry.manifest]
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
        [trouble.finding for trouble in saved.troubles]
        + saved.findings
        + _archive_findings(planned, written, done.compression)
    )
    facts = _facts(planned, written, done)
    changed = bool(written.name or done.deleted)
    report = Report(
        NAME, _summary(written), tuple(findings), facts, changed, measures=_measures(planned, written, done)
    )
    report = report._replace(diff=archives_diff(planned, written.name, done.deleted))
    return report._replace(exit_status=1, error_code=codes[0]) if codes else report


def _measures(planned: Plan, written: Written, done: Done) -> tuple[Measure, ...]:
    size = Measure("size_bytes", written.size_bytes, "B", str(planned.options.warning_size_bytes))
    saved, missing = len(written.saved.components), len(written.saved.troubles)
    return (size, *counts(components=saved, missing=missing, archives_deleted=len(done.deleted)))


def _summary(written: Written) -> str:
    saved = written.saved
    if not saved.troubles:
        return f"saved {plural(len(saved.components), 'component')} in {written.name} ({mib(written.size_bytes)})"
    names = ", ".join(trouble.name for trouble in saved.troubles)
    kept = f"; what could be saved is in {written.name}" if written.name else "; nothing was kept"
    return f"no backup was made, since this could not be saved: {names}{kept}"


def _archive_findings(planned: Plan, written: Written, compression: Compression) -> list[Finding]:
    findings = []
    if written.size_bytes > planned.options.warning_size_bytes:
        limit = mib(planned.options.warning_size_bytes)
        message = f"the archive has {mib(written.size_bytes)}, more than {limit}"
        findings.append(
            Finding(
                "warning",
                "large_archive",
                subject=written.name,
                message=message,
                hint="raise backup.warning_size_bytes, or back up less",
            )
        )
    if compression.name == GZIP:
        message = "there is no working zstd program, so members are compressed with gzip, which is slower"
        findings.append(Finding("info", "no_zstd", subject="zstd", message=message, hint="install zstd"))
    return findings


def _facts(planned: Plan, written: Written, done: Done) -> dict[str, object]:
    return {
        "archive": f"{planned.options.directory}/{written.name}" if written.name else None,
        "partial": bool(written.saved.troubles and written.name),
        "size_bytes": written.size_bytes,
        "created_at": iso(written.created_at),
        "compression": done.compression.name,
        "components": [_shown(component) for component in written.saved.components]
        + unsaved(planned, written.saved.skipped, written.saved.troubles),
        "deleted": done.deleted,
    }


def _shown(component: Component) -> dict[str, object]:
    """Return a component for the log line, with the number of files and no names, which may contain any word."""
    numbers = [number for number in component.rows.values() if number is not None]
    shown: dict[str, object] = {"name": component.name, "status": "saved", "contents": holds(component.source)}
    shown["size_bytes"] = component.member.size_bytes
    shown["raw_size_bytes"] = component.member.raw_size_bytes
    if component.files:
        return {**shown, "files": len(component.files)}
    known = bool(numbers) and len(numbers) == len(component.rows)
    return {**shown, "rows": sum(numbers) if known else None}


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock)
