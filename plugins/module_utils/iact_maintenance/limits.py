"""The limits of this process: which one was reached, and whether there is enough to begin a run."""

from __future__ import annotations

import errno
import os
import resource
import threading

from .errors import MaintenanceError

CODE = "resources"
# Some connections, three pipes for each of a few programs, and what a driver opens for itself.
_DESCRIPTORS = 48
_OPEN = "/proc/self/fd"
_FILES, _SPACE = ("RLIMIT_NOFILE",), ("RLIMIT_AS", "RLIMIT_DATA")
_PROCESSES = ("RLIMIT_NPROC", *_SPACE)
_FILES_HINT = "raise ulimit -n (nofile in limits.conf, LimitNOFILE= of the service)"
_PROCESSES_HINT = "raise ulimit -u (nproc in limits.conf) or TasksMax= of the service, and ulimit -v if it is set"
_MEMORY_HINT = "raise ulimit -v (as in limits.conf) or MemoryMax= of the service, or give the host more memory"
# By the system's number: what is missing, the limits that may be the cause, and what to do.
_FAULTS: dict[int, tuple[str, tuple[str, ...], str]] = {
    errno.EMFILE: ("no file descriptor is left", _FILES, _FILES_HINT),
    errno.ENFILE: ("no file descriptor is left on this host", ("fs.file-max",), "raise fs.file-max (sysctl)"),
    errno.ENOMEM: ("no memory is left", _SPACE, _MEMORY_HINT),
    errno.EAGAIN: ("no further process or thread can be started", _PROCESSES, _PROCESSES_HINT),
    errno.EFBIG: (
        "a file would become larger than the limit",
        ("RLIMIT_FSIZE",),
        "raise ulimit -f (fsize in limits.conf, LimitFSIZE= of the service), if the filesystem supports such files",
    ),
}
# What programs and libraries say of it; no locale of ours makes them say it in another language.
_WORDS = (
    ("too many open files", errno.EMFILE),
    ("cannot allocate memory", errno.ENOMEM),
    ("out of memory", errno.ENOMEM),
    ("not enough memory", errno.ENOMEM),
    ("failed to map segment", errno.ENOMEM),
    ("can't start new thread", errno.EAGAIN),
    ("resource temporarily unavailable", errno.EAGAIN),
)


def shortage(fault: BaseException) -> MaintenanceError | None:
    """Return the error `resources` if an exception means that a limit was reached; otherwise None."""
    if isinstance(fault, MemoryError):
        return _trouble(errno.ENOMEM)
    if isinstance(fault, OSError) and fault.errno in _FAULTS:
        return _trouble(fault.errno)
    return shortage_in(str(fault)) if isinstance(fault, (RuntimeError, ImportError)) else None


def shortage_in(text: str) -> MaintenanceError | None:
    """Return the error `resources` if another program's text says that a limit was reached; otherwise None."""
    lower = text.lower()
    number = next((number for words, number in _WORDS if words in lower), None)
    return None if number is None else _trouble(number)


def raise_shortage(fault: BaseException) -> None:
    """Raise MaintenanceError `resources` if the exception means that a limit was reached."""
    trouble = shortage(fault)
    if trouble is not None:
        raise trouble from None


def check() -> None:
    """Raise MaintenanceError `resources` before a run begins, if there is less than it needs."""
    try:
        used = len(os.listdir(_OPEN))
    except OSError as error:
        raise_shortage(error)
        return
    if not _has_descriptors(used + _DESCRIPTORS):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        message = (
            f"a run needs {_DESCRIPTORS} file descriptors in addition to the {used} that are open: RLIMIT_NOFILE "
            f"is {most}"
        )
        raise MaintenanceError(CODE, message, hint=_FILES_HINT)
    try:
        threading.Thread(target=int, daemon=True).start()
    except RuntimeError as error:
        raise_shortage(error)


def _has_descriptors(wanted: int) -> bool:
    """Return whether that number of descriptors is available; the soft limit is raised as needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return True
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return True


def _trouble(number: int) -> MaintenanceError:
    what, names, hint = _FAULTS[number]
    known = [f"{name} is {most}" for name in names if (most := _most(name)) is not None]
    return MaintenanceError(CODE, f"{what} ({', '.join(known) or ' or '.join(names)})", hint=hint)


def _most(name: str) -> int | None:
    """Return a limit of this process; None if it is not set, or is the host's."""
    number = getattr(resource, name, None)
    most = resource.RLIM_INFINITY if number is None else resource.getrlimit(number)[0]
    return None if most == resource.RLIM_INFINITY else most
