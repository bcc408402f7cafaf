"""Write a backup's archive: component by component, read back completely, and only then given its name."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from .. import identity
from ..archive import inventory
from ..archive.manifest import Manifest, Missing
from ..archive.names import ArchiveName, copy_name, part_name
from ..archive.packing import ZSTD, Compression
from ..archive.reading import Stamp, stamp_of
from ..archive.retention import Decision
from ..archive.verify import verify
from ..archive.writer import ArchiveWriter
from ..dumps.dumper import Workplace
from ..dumps.table import dumper_of
from ..errors import MaintenanceError, StorageFault
from ..host import Host
from ..processes import Limits
from ..report import Finding
from ..repositories import pruning
from ..repositories.folder import Folder
from ..repositories.publishing import publish
from ..sections.backup import Backup
from ..settings import Settings
from ..timestamps import iso
from .anomalies import compare
from .components import Located
from .model import Progress
from .saving import Saved, Saver

_ID_BYTES = 16
_GIB = 1024**3


class Plan(NamedTuple):
    """What a run does: back up what was located, then delete archives.

    The archives to delete are decided for a run that saves everything (`retention`) and for one that does not
    (`after_failure`).
    """

    settings: Settings
    located: Located
    survey: pruning.Survey
    retention: Decision
    after_failure: Decision
    last: inventory.Entry | None

    @property
    def options(self) -> Backup:
        """Return the options of the section backup."""
        return self.settings.backup


class Written(NamedTuple):
    """The written archive: its name and its proof; the name is empty if nothing was kept."""

    name: str
    stamp: Stamp | None
    created_at: datetime
    saved: Saved
    digest: str = ""

    def is_there(self, directory: str) -> bool:
        """Return whether the file with that name is this archive, and not an earlier one of that name."""
        try:
            status = os.stat(os.path.join(directory, self.name), follow_symlinks=False)
        except OSError:
            return False
        return self.stamp is not None and stamp_of(status) == self.stamp

    @property
    def size_bytes(self) -> int:
        """Return the archive's size."""
        return self.stamp.size_bytes if self.stamp else 0


class Writing(NamedTuple):
    """The context of writing: directory, identity and progress."""

    folder: Folder
    this_host: identity.Identity
    progress: Progress


@dataclass
class Done:
    """The progress of a run: the archive that it published or was about to publish, and what retention deleted."""

    compression: Compression
    written: Written | None = None
    deleted: list[str] = field(default_factory=list)


def keep_free_bytes(host: Host, directory: str, options: Backup) -> int:
    """Return what must stay free: as the option says, else a tenth of the filesystem, at most 1 GiB."""
    if options.min_free_bytes is not None:
        return options.min_free_bytes
    return min(_GIB, host.total_bytes(directory) // 10)


def write(planned: Plan, host: Host, writing: Writing, done: Done) -> Written:
    """Write the archive and return it; `done` has it too, for a run that a signal ends. Raise MaintenanceError."""
    folder, this_host, progress = writing
    created_at = host.now().replace(microsecond=0)
    located, kept = planned.located, keep_free_bytes(host, folder.path, planned.options)
    saved = Saved(troubles=list(located.troubles), findings=list(located.findings), skipped=list(located.empty))
    with contextlib.ExitStack() as opened:
        # Before the archive is begun: a run that is killed then leaves one file behind and not two.
        workplace = Workplace(folder.descriptor, os.path.join(folder.path, copy_name(os.getpid(), this_host.id)), kept)
        dumps = {
            source.component: opened.enter_context(dumper_of(source).prepare(host, planned.settings, source, workplace))
            for source in located.sources
        }
        part = part_name(created_at, this_host.id)
        writer = opened.enter_context(ArchiveWriter(folder.descriptor, folder.path, part, created_at, kept))
        saver = Saver(host, writer, dumps, done.compression)
        for source in located.sources:
            progress(f"saving {source.component}")
            saver.attempt(saved, source)
        if not saved.components and not saved.troubles:
            raise nothing_to_save()
        last, missing = planned.last, [trouble.name for trouble in saved.troubles]
        before, sessions = last.manifest if last else None, planned.settings.session_cleanup.table
        saved.findings += compare(before, saved.components, [*missing, *saved.skipped], sessions)
        is_partial = bool(saved.troubles)
        if is_partial and not (planned.options.keep_partial and saved.components):
            done.written = Written("", None, created_at, saved)
            return done.written
        progress("reading the archive back")
        writer.finish(_manifest(host, this_host, created_at, saved, done.compression))
        read = _read_back(host, writer, planned.options)
        for name in ArchiveName(created_at, is_partial).alternatives():
            done.written = Written(name.text, read.stamp, created_at, saved, read.digest)
            published = publish(writer, name.text)
            if published.has_name:
                saved.findings += [] if published.is_synced else [_not_synced(folder)]
                return done.written
    hint = "move archives with this time elsewhere, or run it again a second later"
    raise StorageFault("storage", f"{folder.path} has archives with all names for {iso(created_at)}", hint=hint)


def _not_synced(folder: Folder) -> Finding:
    message = (
        f"the filesystem of {folder.path} does not support fsync of a directory, so a power cut can lose the "
        "archive's name"
    )
    return Finding(
        "info",
        "not_synced",
        subject=folder.path,
        message=message,
        hint="do nothing if it is a network disk whose server writes at once; otherwise use another filesystem",
    )


def nothing_to_save() -> MaintenanceError:
    """Return the error of a run without anything to save, whose archive would displace better ones."""
    hint = "check backup.log_directory and backup.log_patterns"
    return MaintenanceError("nothing_to_back_up", "there is nothing to back up: no log file matches", hint=hint)


def _manifest(
    host: Host, this_host: identity.Identity, created_at: datetime, saved: Saved, compression: Compression
) -> Manifest:
    missing = tuple(Missing(trouble.name, trouble.error.code, trouble.error.message) for trouble in saved.troubles)
    warnings = [finding.message for finding in saved.findings if finding.severity != "info"] + saved.notes
    tools = {ZSTD: compression.version} if compression.tool else {}
    return Manifest(
        created_at,
        host.name(),
        tuple(saved.components),
        missing,
        tuple(warnings),
        tools,
        id=os.urandom(_ID_BYTES).hex(),
        identity=this_host.id,
    )


class _Read(NamedTuple):
    """The facts about an archive that was read back."""

    stamp: Stamp
    digest: str


def _read_back(host: Host, writer: ArchiveWriter, options: Backup) -> _Read:
    """Read the archive back and return its facts, because a file with a final name must verify."""
    archive = writer.reopened()
    try:
        layout = verify(host, archive, Limits(options.deadline_seconds))
        return _Read(archive.stamp, layout.digest)
    finally:
        archive.close()
