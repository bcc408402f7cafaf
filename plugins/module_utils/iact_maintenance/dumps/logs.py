"""Dump the application's JSON logs into one inner tar; all files are opened before the first is read.

So a rotation between listing and reading neither omits nor duplicates a file. Each is archived with its size when it
was opened, even if it is appended to, truncated or renamed in the meantime.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import resource
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

from .. import tar
from ..errors import BadOption, MaintenanceError
from ..files import close, open_directory, open_existing, storage
from ..formatting import plural
from ..host import Host
from ..limits import shortage
from ..permissions import advice
from ..processes import Limits
from ..report import Finding
from ..secret import printable
from ..sections.backup import Backup
from ..settings import Settings
from ..tar import encode, member_name
from ..timestamps import iso
from . import logs_restore
from .dumper import Destination, Dump, FileDumper, LocateResult, Workplace, opened
from .model import DumpFacts, LogFile, NothingLeft, Output, RestoreFacts, Source, Stored

COMPONENT = "logs"
_CHUNK_BYTES = 1 << 18
# The unit of st_blocks, whatever the filesystem.
_SECTOR_BYTES = 512
# The end of the year 9999, the last that datetime knows.
_LAST_SECOND = 253402300799
# What logrotate and Python's rotating handlers append; such a file may go at any moment.
_ROTATED = re.compile(r"\.\d+(\.[a-z0-9]+)?$|[-.]\d{4}-?\d{2}-?\d{2}", re.ASCII)
_SENTENCES = {
    "source_changed": "shrank while it was archived; the rest was filled with zeros",
    "log_removed": "disappeared before it was opened",
    "unreadable": "could not be read and was left out",
    "skipped": "was skipped, because it is not a regular file",
}
_HINTS = {
    "source_changed": "rotate by renaming instead of copytruncate",
    "unreadable": "give the maintenance user the right to read every log",
}
# What opening a symbolic link or a socket says.
_NO_FILE = (errno.ELOOP, errno.ENXIO)


class OpenLog(NamedTuple):
    """An open log file, with its properties when it was opened."""

    descriptor: int
    name: str
    size_bytes: int
    modified_seconds: int
    identity: tuple[int, int]
    allocated_bytes: int

    @property
    def listed(self) -> LogFile:
        """Return the file's entry in the manifest."""
        modified_at = iso(datetime.fromtimestamp(self.modified_seconds, timezone.utc))
        member = member_name("", self.name)
        return LogFile(encode(self.name), member, self.size_bytes, modified_at, self.allocated_bytes)


class Note(NamedTuple):
    """A remark on a file; `code` is a key of the sentences above."""

    severity: str
    code: str
    name: str

    @property
    def text(self) -> str:
        """Return the note as a sentence that names the file."""
        return f"{printable(self.name)} {_SENTENCES[self.code]}"


@dataclass
class Logs:
    """The open log files, and remarks on them; `notes` may grow while `chunks` is read."""

    files: list[OpenLog] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """Return the total size of the files."""
        return sum(file.size_bytes for file in self.files)

    def findings(self) -> list[Finding]:
        """Return the remarks as findings with numbers of files, without names.

        They are written into the log, where a name such as error_json.log would look like a failed run; the manifest
        has the names.
        """
        counts = Counter((note.severity, note.code) for note in self.notes)
        return [
            Finding(
                severity,
                code,
                subject=COMPONENT,
                message=f"log files: {number} {_SENTENCES[code]}",
                hint=_HINTS.get(code, ""),
            )
            for (severity, code), number in sorted(counts.items())
        ]

    def chunks(self) -> Iterator[bytes]:
        """Yield the inner tar.

        Raise StorageFault. A file that was truncated in the meantime is padded with zeros, with a warning.
        """
        for file in self.files:
            listed = file.listed
            yield tar.build(tar.Header(listed.member, file.size_bytes, file.modified_seconds))
            yield from self._content(file)
            yield tar.padding(file.size_bytes)
        yield tar.END

    def _content(self, file: OpenLog) -> Iterator[bytes]:
        offset = 0
        while offset < file.size_bytes:
            with storage(printable(file.name)):
                chunk = os.pread(file.descriptor, min(_CHUNK_BYTES, file.size_bytes - offset), offset)
            if not chunk:
                self.notes.append(Note("warning", "source_changed", file.name))
                break
            offset += len(chunk)
            yield chunk
        while offset < file.size_bytes:
            zeros = bytes(min(_CHUNK_BYTES, file.size_bytes - offset))
            offset += len(zeros)
            yield zeros


@contextlib.contextmanager
def open_logs(settings: Backup) -> Iterator[Logs]:
    """Return a context with every matching log file open. Raise MaintenanceError `unreadable` or `no_directory`."""
    logs = Logs()
    with contextlib.ExitStack() as opened:
        folder = _open_directory(str(settings.log_directory))
        opened.callback(close, folder)
        _allow_many_files()
        seen: set[tuple[int, int]] = set()
        for name in matching(folder, settings.log_patterns):
            file = _open(folder, name, settings, logs.notes)
            if file is None:
                continue
            opened.callback(close, file.descriptor)
            if file.identity not in seen:
                seen.add(file.identity)
                logs.files.append(file)
        yield logs


def _open_directory(path: str) -> int:
    try:
        return open_directory(path, follow=True)
    except OSError as error:
        hint = advice(path, error, option="backup.log_directory", is_shared=True)
        raise MaintenanceError("no_directory", f"the log directory {path}: {error.strerror}", hint=hint) from None


def _allow_many_files() -> None:
    """Raise the soft limit of open files as far as possible, because all logs are open at once."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def matching(folder: int, patterns: tuple[str, ...]) -> list[str]:
    """Return the sorted names in the directory that match a pattern; hidden ones only for a pattern with a dot."""
    with storage("the log directory"):
        names = os.listdir(folder)
    return sorted(name for name in names if any(matches(name, pattern) for pattern in patterns))


def matches(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern, as in a shell."""
    return fnmatchcase(name, pattern) and (not name.startswith(".") or pattern.startswith("."))


def _open(folder: int, name: str, settings: Backup, notes: list[Note]) -> OpenLog | None:
    follow = any(matches(name, pattern) for pattern in settings.follow_links)
    try:
        descriptor = open_existing(name, folder=folder, follow=follow)
    except OSError as error:
        notes.append(_not_opened(name, error, settings))
        return None
    with storage(printable(name)):
        status = os.fstat(descriptor)
    # Where a link was followed, somebody else may have chosen where it leads.
    if not stat.S_ISREG(status.st_mode) or (follow and status.st_uid != os.geteuid()):
        close(descriptor)
        notes.append(Note("info", "skipped", name))
        return None
    # As near as can be, since a file may bear a time that no calendar holds.
    modified_seconds = min(max(int(status.st_mtime), 0), _LAST_SECOND)
    allocated_bytes = min(status.st_size, status.st_blocks * _SECTOR_BYTES)
    return OpenLog(descriptor, name, status.st_size, modified_seconds, (status.st_dev, status.st_ino), allocated_bytes)


def _not_opened(name: str, error: OSError, settings: Backup) -> Note:
    """Return the remark for a file that could not be opened. Raise MaintenanceError if it must not be skipped."""
    if error.errno in _NO_FILE:
        return Note("info", "skipped", name)
    if error.errno == errno.ENOENT:
        return Note("info" if _ROTATED.search(name) else "warning", "log_removed", name)
    trouble = shortage(error)
    if trouble is not None:
        raise MaintenanceError(trouble.code, f"not all logs can be open at once: {trouble.message}", hint=trouble.hint)
    hint = advice(os.path.join(str(settings.log_directory), name), error, is_shared=True)
    hint = f"{hint}; or set backup.ignore_unreadable" if hint else "set backup.ignore_unreadable to leave it out"
    if not settings.ignore_unreadable:
        raise MaintenanceError("unreadable", f"{printable(name)} cannot be read: {error.strerror}", hint=hint)
    return Note("warning", "unreadable", name)


def skipped(notes: list[Note], earlier: Sequence[str]) -> list[Finding]:
    """Return a warning if files of the previous archive are skipped in this one, such as links."""
    names = [note.name for note in notes if note.code == "skipped" and encode(note.name) in earlier]
    if not names:
        return []
    message = f"log files of the last archive are no longer regular files, and are left out: {len(names)}"
    hint = "add them to backup.follow_links, if they are links to files of the account that runs the jobs"
    return [Finding("warning", "logs_skipped", subject=COMPONENT, message=message, hint=hint)]


def unmatched(patterns: tuple[str, ...], names: list[str], earlier: Sequence[str]) -> list[Finding]:
    """Return a finding for each pattern that matches none of `names`; a warning if the previous archive had some."""
    findings = []
    for pattern in patterns:
        if any(matches(name, pattern) for name in names):
            continue
        had = any(matches(name, pattern) for name in earlier)
        message = f"no log file matches {pattern}" + (", though the last archive held some" if had else "")
        findings.append(Finding("warning" if had else "info", "no_match", subject=COMPONENT, message=message))
    return findings


class LogsDumper(FileDumper):
    """Dump the logs as one inner tar, and restore its files into the target directory."""

    engine, option, has_tables = COMPONENT, "log_directory", False

    def check_settings(self, settings: Settings) -> None:
        """Raise BadOption if the archives would be among the logs."""
        directory, archives = settings.backup.log_directory, settings.backup.directory
        if directory and os.path.realpath(directory) == os.path.realpath(archives):
            raise BadOption("backup.log_directory is backup.directory: each archive would contain the earlier archives")

    def locate(self, settings: Settings, host: Host, earlier_files: tuple[str, ...]) -> LocateResult:
        """Return the logs if any file matches. Raise MaintenanceError `unreadable` or `no_directory`."""
        options = settings.backup
        with open_logs(options) as logs:
            findings = _findings(logs, options, earlier_files)
            files = tuple(file.listed for file in logs.files)
        if not files:
            return LocateResult(findings=findings)
        directory = str(options.log_directory)
        logs_source = Source(COMPONENT, COMPONENT, directory, (), (), {}, files, earlier_files, findings)
        return LocateResult([logs_source])

    def holds(self, source: Source) -> str:
        """Return the number of files."""
        return plural(len(source.files), "file")

    def prepare(
        self, host: Host, settings: Settings, source: Source, workplace: Workplace
    ) -> contextlib.AbstractContextManager[Dump]:
        """Return a context with the function that dumps the logs as they are then."""
        return contextlib.nullcontext(partial(_dump, settings.backup, source))

    def difference(self, settings: Settings, host: Host, source: Source, identity: Mapping[str, object]) -> str:
        """Return no difference, because logs belong to no server."""
        return ""

    def restore(
        self, host: Host, settings: Settings, stored: Stored, destination: Destination, stream: Iterator[bytes]
    ) -> RestoreFacts:
        """Restore the files under their own names. Raise Damaged or StorageFault."""
        target = opened(destination)
        number = logs_restore.restore(stored.archive, stored.member, stored.source.files, stream, target)
        return RestoreFacts(target.path, {}, files=number)


def _dump(options: Backup, source: Source, output: Output) -> DumpFacts:
    """Dump the logs and return their files and findings. Raise NothingLeft if no file matches any more."""
    with open_logs(options) as logs:
        if logs.files:
            output.feed(logs.chunks(), Limits(options.deadline_seconds, options.stall_timeout_seconds))
        findings = _findings(logs, options, source.earlier_files)
        files, notes = tuple(file.listed for file in logs.files), tuple(note.text for note in logs.notes)
    facts = DumpFacts({}, "", "", {}, "", findings, "tar", files, notes)
    if not files:
        raise NothingLeft(facts)
    return facts


def _findings(logs: Logs, options: Backup, earlier_files: Sequence[str]) -> tuple[Finding, ...]:
    matched = unmatched(options.log_patterns, [file.name for file in logs.files], earlier_files)
    return (*matched, *logs.findings(), *skipped(logs.notes, earlier_files))
