"""The machine: clock, programs, files, locks. Other code accesses it only through this class; tests replace it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import hashlib
import json
import os
import pwd
import random
import re
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from .errors import LockHeld, Refused, StorageFault, ToolMissing
from .files import append_line, close, storage, write_atomic
from .limits import raise_shortage
from .permissions import advice, current_account
from .processes import Command, Completed, Limits, Sink, run_pipeline
from .timestamps import iso

# Seconds within which a holder writes its name into the lock file.
_NOTE_SECONDS = 0.2
_MACHINE_ID, _MACHINE_ID_BYTES = "/etc/machine-id", 64
_NUMBER = re.compile(rb"[0-9a-f]{32}")
_MOUNTS, _MOUNTED_ON = "/proc/self/mountinfo", 4
# Escapes of proc(5) for blanks and backslashes in a path.
_OCTAL = re.compile(rb"\\([0-7]{3})")
_TOOL_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class HeldLock(NamedTuple):
    """A lock that this process holds."""

    descriptor: int
    path: str

    def was_replaced(self) -> bool:
        """Return whether the file was deleted or replaced after locking, so that another run may hold the new one."""
        try:
            return not os.path.samestat(os.fstat(self.descriptor), os.stat(self.path, follow_symlinks=False))
        except OSError:
            return True


class Host:
    """The machine that the jobs run on."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.environment: Mapping[str, str] = os.environ if environment is None else environment

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait that number of seconds."""
        time.sleep(seconds)

    def jitter(self) -> float:
        """Return a random factor from 0.5 to 1.5 for a pause, so that two retrying runs do not stay in step."""
        return random.uniform(0.5, 1.5)

    def name(self) -> str:
        """Return this host's name."""
        return socket.gethostname()

    def machine(self) -> str:
        """Return a digest of this machine's id (machine-id(5) asks not to show the id); empty without one."""
        try:
            with open(_MACHINE_ID, "rb") as stream:
                number = stream.read(_MACHINE_ID_BYTES).strip()
        except OSError:
            return ""
        return hashlib.sha256(b"iact-maintenance " + number).hexdigest() if _NUMBER.fullmatch(number) else ""

    def mount_points(self) -> frozenset[str]:
        """Return the paths of all mounted filesystems. Raise StorageFault."""
        with storage(_MOUNTS), open(_MOUNTS, "rb") as stream:
            fields = [line.split(b" ") for line in stream]
        return frozenset(os.fsdecode(_OCTAL.sub(_byte, field[_MOUNTED_ON])) for field in fields)

    def effective_user_id(self) -> int:
        """Return the number of the user that this process runs as."""
        return os.geteuid()

    def account(self, name: str) -> pwd.struct_passwd | None:
        """Return the account with that name or number, from any source of NSS; None if there is none."""
        with contextlib.suppress(KeyError, ValueError, OverflowError):
            return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
        return None

    def group_name(self, name: str) -> str | None:
        """Return the name of the group with that name or number; None if there is none."""
        with contextlib.suppress(KeyError, ValueError, OverflowError):
            return (grp.getgrgid(int(name)) if name.isdigit() else grp.getgrnam(name)).gr_name
        return None

    def groups_of(self, account: pwd.struct_passwd) -> frozenset[int]:
        """Return the numbers of the groups of an account."""
        return frozenset(os.getgrouplist(account.pw_name, account.pw_gid))

    def find_tool(self, *names: str, hint: str = "") -> str:
        """Return the absolute path of the first of the named programs that is installed. Raise ToolMissing."""
        # Only absolute entries; others would run programs of the current directory.
        given = [folder for folder in self.environment.get("PATH", "").split(":") if os.path.isabs(folder)]
        folders = ":".join([*given, _TOOL_FOLDERS])
        for name in names:
            path = shutil.which(name, path=folders)
            if path:
                return os.path.abspath(path)
        raise ToolMissing(" or ".join(names), hint=hint)

    def run(
        self, command: Command, limits: Limits, source: Iterator[bytes] | None = None, keep_bytes: int = 1 << 20
    ) -> Completed:
        """Run a command and return how it ended, with the first `keep_bytes` of its output. Raise ProcessFault."""
        kept = bytearray()
        (done,) = self.pipeline([command], [lambda chunk: kept.extend(chunk[: keep_bytes - len(kept)])], limits, source)
        return Completed(done.name, done.status, done.errors, bytes(kept))

    def pipeline(
        self, commands: Sequence[Command], taps: Sequence[Sink], limits: Limits, source: Iterator[bytes] | None = None
    ) -> list[Completed]:
        """Run commands as one pipeline; see `processes.run_pipeline`."""
        return run_pipeline(commands, taps, limits, source)

    def free_bytes(self, path: str) -> int:
        """Return the bytes that this user can still write to the filesystem of `path`. Raise StorageFault."""
        with storage(path):
            status = os.statvfs(path)
        return status.f_bavail * status.f_frsize

    def total_bytes(self, path: str) -> int:
        """Return the size of the filesystem of `path`, in bytes. Raise StorageFault."""
        with storage(path):
            status = os.statvfs(path)
        return status.f_blocks * status.f_frsize

    def free_percent(self, path: str) -> tuple[float, float]:
        """Return the free space and the free inodes of the filesystem of `path`, in percent. Raise StorageFault.

        Counted as df does for this user; a filesystem without a fixed number of inodes has 100 percent of them.
        """
        with storage(path):
            status = os.statvfs(path)
        usable = status.f_blocks - status.f_bfree + status.f_bavail
        files_percent = 100 * status.f_favail / status.f_files if status.f_files else 100.0
        return (100 * status.f_bavail / usable if usable else 100.0), files_percent

    def write_atomic(self, path: str, content: bytes, mode: int = 0o600) -> None:
        """Replace the file `path`; see `files.write_atomic`. Raise StorageFault."""
        write_atomic(path, content, mode)

    def append_line(self, path: str, line: bytes) -> None:
        """Append a line to the file `path`; see `files.append_line`. Raise StorageFault."""
        append_line(path, line)

    @contextlib.contextmanager
    def lock(self, path: str, job: str, *, shared: bool = False, wait_seconds: float = 0) -> Iterator[HeldLock]:
        """Return a context in which this process holds the lock file `path`. Raise LockHeld with the holder.

        The lock is an flock, not the existence of the file, so it is released however its holder ends. A shared holder
        does not write its name, because there may be several.
        """
        held = self._held(path, shared, wait_seconds)
        descriptor = held.descriptor
        try:
            if shared:
                yield held
                return
            holder = {"pid": os.getpid(), "job": job, "host": self.name(), "started_at": iso(self.now())}
            _write_note(descriptor, json.dumps(holder).encode())
            try:
                yield held
            finally:
                # Otherwise a later run could name a holder that has ended.
                _write_note(descriptor, b"")
        finally:
            close(descriptor)

    def _held(self, path: str, shared: bool, wait_seconds: float) -> HeldLock:
        """Return the lock on the file that has the name now; a file deleted in the meantime would exclude nobody."""
        while True:
            held = HeldLock(_open_lock(path), path)
            try:
                self._take(held.descriptor, shared, wait_seconds, path)
                if not held.was_replaced():
                    return held
            except BaseException:
                close(held.descriptor)
                raise
            close(held.descriptor)

    def _take(self, descriptor: int, shared: bool, wait_seconds: float, path: str) -> None:
        kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        until = self.monotonic() + wait_seconds
        while True:
            try:
                return fcntl.flock(descriptor, kind)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EINTR):
                    raise StorageFault("lock", f"the lock {path} cannot be taken: {error.strerror}") from None
            if self.monotonic() >= until:
                raise LockHeld(self._holder(descriptor))
            self.sleep(0.1)

    def _holder(self, descriptor: int) -> str:
        until = self.monotonic() + _NOTE_SECONDS
        while not (note := os.pread(descriptor, 4096, 0)) and self.monotonic() < until:
            self.sleep(0.01)
        try:
            held = json.loads(note)
            return f"busy: {held['job']} runs as process {held['pid']} on {held['host']} since {held['started_at']}"
        except (ValueError, KeyError, TypeError):
            return "busy: another run is active on this host"


def _write_note(descriptor: int, note: bytes) -> None:
    """Write the holder into a lock file; faults are ignored, because the flock is the lock."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note, 0)


def _open_lock(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        message = f"{current_account()} has no permission to open the lock {path}"
        raise Refused("not_permitted", message, hint=advice(path, error, within=os.path.dirname(path))) from None
    except FileNotFoundError:
        hint = "the role creates it; by hand: mkdir -p, mode 0750, owned by the user that runs the jobs"
        raise Refused(
            "no_state_directory", f"the state directory {os.path.dirname(path)} does not exist", hint=hint
        ) from None
    except OSError as error:
        raise_shortage(error)
        message = f"the lock {path} cannot be opened: {error.strerror}"
        raise StorageFault("lock", message, hint=advice(path, error)) from None


def _byte(escaped: re.Match[bytes]) -> bytes:
    return bytes([int(escaped[1], 8)])
