"""The errors that this program expects, each with the exit status of the run."""

from __future__ import annotations

import signal
from collections.abc import Mapping


class MaintenanceError(Exception):
    """An expected error: the job did not do its work (exit status 1).

    `code` is a stable word for logs, tests and operators; `message` a single line; `hint` what to do. `changed` is
    whether something was changed before; `subject` is what the error is about, if it is not the whole job.
    """

    exit_status = 1

    def __init__(self, code: str, message: str, *, hint: str = "", facts: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.facts = dict(facts or {})
        self.changed = False
        self.subject = ""


class Refused(MaintenanceError):
    """Not allowed, or not possible as requested: nothing was changed (exit status 2)."""

    exit_status = 2


class BadOption(Refused):
    """An option with an unknown name, a wrong type or a value out of range; the message says what is allowed."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__("bad_option", message, hint=hint)


class ToolMissing(Refused):
    """A program that the job needs is not installed."""

    def __init__(self, tool: str, *, hint: str = "") -> None:
        super().__init__("tool_missing", f"the program {tool} is not installed", hint=hint or f"install {tool}")


class LockHeld(MaintenanceError):
    """Another run holds the lock (exit status 75, EX_TEMPFAIL of sysexits.h: try again later)."""

    exit_status = 75

    def __init__(self, message: str) -> None:
        super().__init__("busy", message, hint="wait until it has ended; nothing was changed by this run")


class StorageFault(MaintenanceError):
    """A file could not be read, written, synced or renamed."""


class ProcessFault(MaintenanceError):
    """A child process could not be started, exceeded its deadline, or stopped producing output."""


class Damaged(MaintenanceError):
    """The content of an archive is not what was written; the message names the archive and the part."""

    def __init__(self, label: str, where: str, what: str) -> None:
        hint = "do not restore from it; `iact-maintenance archives` lists the others"
        super().__init__("integrity", f"{label}: {where}: {what}", hint=hint)


class DatabaseFault(MaintenanceError):
    """A database server did not answer, or refused a request."""


class Interrupted(BaseException):
    """A signal ended the run; a BaseException, so that handlers of expected errors do not catch it.

    `so_far` is the least that was done until then, because a signal may arrive between a commit and its count.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.exit_status = 128 + number
        self.so_far = ""
        self.facts: dict[str, object] = {}
        self.changed = False

    def __str__(self) -> str:
        text = f"interrupted by {signal.Signals(self.number).name}"
        return f"{text} after {self.so_far}" if self.so_far else text
