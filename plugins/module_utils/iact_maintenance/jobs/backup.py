"""The backup: all that is configured, in one archive that was read back before it got its name; or the run failed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from ..archive import catalogue, pruning, retention
from ..archive.folder import Folder, open_folder
from ..archive.manifest import Component, Manifest, Missing
from ..archive.names import PART, ArchiveName
from ..archive.packing import GZIP, ZSTD, Compression, choose
from ..archive.reading import Stamp
from ..archive.verify import verify
from ..archive.writer import Staged
from ..dumps import logs, sqlite
from ..errors import Interrupted, MaintenanceError, StorageFault
from ..host import Host, iso
from ..processes import Limits
from ..report import Finding, Report
from ..settings import Backup, Settings
from .components import ENGINES, Located, Saved, Saver, Trouble, compared, locate
from .runner import Job, Progress

NAME = "backup"
_MIB = 1024 * 1024


class Plan(NamedTuple):
    """What a run would do: back up what was located and, where `with_logs`, the logs; then let `old` archives go."""

    settings: Settings
    located: Located
    with_logs: bool
    old: pruning.Candidates
    last: catalogue.Entry | None

    @property
    def options(self) -> Backup:
        """The backup's own options."""
        return self.settings.backup


class Written(NamedTuple):
    """What became of the archive: its name and what was proven; an empty name where nothing was kept."""

    name: str
    stamp: Stamp | None
    created_at: datetime
    saved: Saved

    @property
    def size_bytes(self) -> int:
        """The archive's size."""
        return self.stamp.size_bytes if self.stamp else 0


@dataclass
class Done:
    """How far a run has come: the archive that it published, or was about to, and what retention removed."""

    compression: Compression
    written: Written | None = None
    deleted: list[str] = field(default_factory=list)


def plan(settings: Settings, host: Host) -> Plan:
    """What the backup would do; nothing is written. Raises MaintenanceError, `unsafe_directory` or `no_space`."""
    located = locate(settings, host)
    options = settings.backup
    try:
        with open_folder(host, options.directory) as folder:
            entries = catalogue.read(folder, settings.state_directory)
            last = catalogue.newest(entries, host.now())
            _check_space(host, folder, located, last)
    except MaintenanceError as error:
        if error.code != "unsafe_directory" or not options.create_directory:
            raise
        entries, last = [], None
    located = compared(located, last.manifest if last else None, settings)
    old = pruning.candidates(entries, options, host)
    return Plan(settings, located, options.log_directory is not None, old, last)


def _check_space(host: Host, folder: Folder, located: Located, last: catalogue.Entry | None) -> None:
    """Refuses to begin what cannot end: a copy of the largest SQLite file, and an archive as large as the last."""
    copy = max((sqlite.size_bytes(source) for source in located.sources if source.engine == "sqlite"), default=0)
    needed = copy + (last.stamp.size_bytes if last and last.stamp else 0)
    free = host.free_bytes(folder.path)
    if needed > free:
        message = f"{folder.path} has {_mib(free)} free, the backup needs about {_mib(needed)}"
        raise StorageFault("no_space", message, hint="free some space, then run it again")


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
    try:
        with open_folder(host, options.directory, create=options.create_directory) as folder:
            folder.remove_leftovers()
            written = _write(planned, host, folder, progress, done)
            try:
                progress("removing what is too old")
                _let_go(planned, host, folder, written, done.deleted)
            except MaintenanceError as error:
                # The archive is there and good, and a backup that says otherwise would be made again for nothing.
                said = f"what comes after the archive was not done: {error.message}"
                written.saved.findings.append(Finding("warning", "not_pruned", said, error.hint or "look at the disk"))
    except Interrupted as ended:
        _tell(ended, planned, done)
        raise
    return _report(planned, written, done)


def _tell(ended: Interrupted, planned: Plan, done: Done) -> None:
    """Nothing; the signal's report names the archive, where it was published by then, and what retention removed."""
    written = done.written
    if written is None:
        return
    # The directory is asked, because a signal that comes during the rename hides its result.
    if written.name and os.path.lexists(os.path.join(planned.options.directory, written.name)):
        ended.so_far = f"publishing {written.name}"
    elif not done.deleted:
        return
    ended.changed, ended.facts = True, _facts(planned, written, done)


def _write(planned: Plan, host: Host, folder: Folder, progress: Progress, done: Done) -> Written:
    created_at = _free_moment(host.now(), folder)
    saved = Saved(troubles=list(planned.located.troubles), findings=list(planned.located.findings))
    with contextlib.ExitStack() as opened:
        # Before the archive is begun: a run that is killed then leaves one file behind and not two.
        files = [source.component for source in planned.located.sources if source.engine == "sqlite"]
        copies = {name: opened.enter_context(sqlite.private(folder)) for name in files}
        staged = opened.enter_context(Staged(folder.descriptor, folder.path, created_at))
        _save_all(planned, Saver(host, planned.settings, staged, copies, done.compression), saved, progress)
        _require_something(saved)
        is_partial = bool(saved.troubles)
        if is_partial and not (planned.options.keep_partial and saved.components):
            done.written = Written("", None, created_at, saved)
            return done.written
        progress("reading the archive back")
        staged.finish(_manifest(host, created_at, saved, done.compression))
        stamp = _read_back(host, staged, planned.options)
        done.written = Written(ArchiveName(created_at, is_partial).text, stamp, created_at, saved)
        staged.publish(done.written.name)
    return done.written


def _free_moment(now: datetime, folder: Folder) -> datetime:
    """The present second, or the next that no archive is named after: no archive is ever overwritten."""
    moment, taken = now.replace(microsecond=0), set(folder.names())
    while any(ArchiveName(moment, kind).text + end in taken for kind in (False, True) for end in ("", PART)):
        moment += timedelta(seconds=1)
    return moment


def _save_all(planned: Plan, saver: Saver, saved: Saved, progress: Progress) -> None:
    for source in planned.located.sources:
        progress(f"saving {source.component}")
        saver.attempt(saved, source.component, partial(saver.save_source, saved, source))
    if planned.with_logs:
        progress("saving the logs")
        earlier = _earlier_logs(planned.last)
        saver.attempt(saved, logs.COMPONENT, partial(saver.save_logs, saved, earlier))


def _earlier_logs(last: catalogue.Entry | None) -> list[str]:
    components: Sequence[Component] = last.manifest.components if last and last.manifest else ()
    return [file.name for component in components for file in component.files]


def _require_something(saved: Saved) -> None:
    """An archive that holds nothing would count as a backup and push out those that hold something."""
    if not saved.components and not saved.troubles:
        hint = "check backup.log_directory and backup.log_patterns"
        raise MaintenanceError("nothing_found", "there is nothing to back up: no log file matches", hint=hint)


def _manifest(host: Host, created_at: datetime, saved: Saved, compression: Compression) -> Manifest:
    missing = tuple(Missing(trouble.name, trouble.error.code, trouble.error.message) for trouble in saved.troubles)
    warnings = [finding.message for finding in saved.findings if finding.severity != "info"] + saved.notes
    tools = {ZSTD: compression.version} if compression.tool else {}
    return Manifest(created_at, host.name(), tuple(saved.components), missing, tuple(warnings), tools)


def _read_back(host: Host, staged: Staged, options: Backup) -> Stamp:
    """The stamp of the archive, every byte of which was read back: a file under a final name always verifies."""
    archive = staged.reopened()
    try:
        verify(host, archive, Limits(options.deadline_seconds))
        return archive.stamp
    finally:
        archive.close()


def _let_go(planned: Plan, host: Host, folder: Folder, written: Written, deleted: list[str]) -> None:
    """Nothing; the proof is written down and the names of what retention removed are in `deleted`.

    Good archives never go after a failed run, but partial ones also then, else they would pile up.
    """
    state_directory, options = planned.settings.state_directory, planned.options
    if written.stamp:
        proof = catalogue.proven(written.stamp, iso(host.now()))
        catalogue.remember(host, state_directory, folder, {written.name: proof})
    if written.saved.troubles:
        entries = catalogue.read(folder, state_directory)
        pruning.remove(folder, retention.decide_partial(entries, host.now(), written.name).delete, deleted)
        return
    proving = pruning.prove_unknown(host, folder, state_directory, Limits(options.deadline_seconds))
    going = pruning.candidates(proving.entries, options, host, just_written=written.name)
    written.saved.findings += [*proving.findings, *going.findings]
    pruning.remove(folder, going.delete, deleted)
    catalogue.remember(host, state_directory, folder, proving.proofs)


def _report(planned: Plan, written: Written, done: Done) -> Report:
    saved = written.saved
    codes = [trouble.error.code for trouble in saved.troubles]
    findings = (
        [trouble.finding for trouble in saved.troubles] + saved.findings + _own(planned, written, done.compression)
    )
    facts = _facts(planned, written, done)
    report = Report(NAME, _summary(written), tuple(findings), facts, changed=bool(written.name or done.deleted))
    return report._replace(exit_status=1, error_code=codes[0]) if codes else report


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
        found.append(Finding("warning", "large_archive", said, "raise backup.warning_size_bytes, or back up less"))
    if compression.name == GZIP:
        said = "there is no working zstd program, so members are compressed with gzip, which is slower"
        found.append(Finding("info", "no_zstd", said, "install zstd"))
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


JOB = Job(NAME, plan, apply, preview, lock="archives.lock")
