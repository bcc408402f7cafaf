"""The trouble this program expects, each kind with the exit status it ends a run with."""

from __future__ import annotations

import signal
from collections.abc import Mapping


class MaintenanceError(Exception):
    """Expected trouble: the job did not do its work (exit status 1).

    `code` is the stable word that logs, tests and operators search for; `message` one clear line; `hint` what to do.
    `changed` is true where something was done before the trouble came; `subject` is what the trouble is about, if it is
    not the job as a whole.
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
    """Not allowed, or not possible as asked: nothing was touched (exit status 2)."""

    exit_status = 2


class BadOption(Refused):
    """An option that has no such name, type or range; the message names it and says what is allowed."""

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
    """A file could not be written, synced or renamed."""


class ProcessFault(MaintenanceError):
    """A child process could not be started, ran past its deadline, or stopped giving bytes."""


class Damaged(MaintenanceError):
    """An archive that is not, byte for byte, what was once written; the message names it and the place."""

    def __init__(self, label: str, where: str, what: str) -> None:
        hint = "do not restore from it; `iact-maintenance archives` lists the others"
        super().__init__("integrity", f"{label}: {where}: {what}", hint=hint)


class DatabaseFault(MaintenanceError):
    """A database server did not answer, or refused what was asked."""


class Interrupted(BaseException):
    """A signal ended the run; a BaseException so that no handler of expected trouble mistakes it for a component's.

    `so_far` is what was done by then, at least: a signal may come between a commit and its count.
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
