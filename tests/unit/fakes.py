"""A host for tests: a clock that only sleep() moves, and programs that do what the test sets."""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    LockHeld,
    ProcessFault,
    StorageFault,
    ToolMissing,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import (
    Command,
    Completed,
    Limits,
    Sink,
)

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)


@dataclass
class Scripted:
    """The behaviour of a program: its output, its errors, its exit status, or a fault instead."""

    output: bytes = b""
    errors: str = ""
    status: int = 0
    fault: ProcessFault | None = None


@dataclass
class Ran:
    """A program that was run: its command, its limits, and its input."""

    command: Command
    limits: Limits
    fed: bytes = b""


@dataclass
class FakeHost(Host):
    """A host with its state: a clock that only sleep() moves, scripted programs, locks that others hold.

    Files are real, in folders of the test; `write_fault` is raised instead of writing one.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    moment: datetime = NOON
    user_id: int = 1000
    programs: dict[str, Scripted] = field(default_factory=dict)
    """By name: only these are installed; every other one is missing."""
    held_by_others: set[str] = field(default_factory=set)
    write_fault: StorageFault | None = None
    free: int = 1 << 40
    sleeps: list[float] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    """The locks that this host holds now, by path."""
    written: dict[str, bytes] = field(default_factory=dict)
    accounts: dict[str, pwd.struct_passwd] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    memberships: dict[str, set[str]] = field(default_factory=dict)
    """Of which groups each account is a member, beside its own."""

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return (self.moment - NOON).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.moment += timedelta(seconds=seconds)

    def jitter(self) -> float:
        return 1.0

    def name(self) -> str:
        return "testhost"

    def effective_user_id(self) -> int:
        return self.user_id

    def account(self, name: str) -> pwd.struct_passwd | None:
        numbers = {str(account.pw_uid): account for account in self.accounts.values()}
        return self.accounts.get(name) or numbers.get(name)

    def group_name(self, name: str) -> str | None:
        return next((group for group, number in self.groups.items() if name in (group, str(number))), None)

    def groups_of(self, account: pwd.struct_passwd) -> frozenset[int]:
        names = self.memberships.get(account.pw_name, set())
        return frozenset({account.pw_gid, *(self.groups[name] for name in names)})

    def find_tool(self, *names: str, hint: str = "") -> str:
        for name in names:
            if name in self.programs:
                return f"/usr/bin/{name}"
        raise ToolMissing(" or ".join(names), hint=hint)

    def pipeline(
        self, commands: Sequence[Command], taps: Sequence[Sink], limits: Limits, source: Iterator[bytes] | None = None
    ) -> list[Completed]:
        fed = b"".join(source) if source is not None else b""
        done = []
        for command, tap in zip(commands, taps):
            script = self.programs[command.name]
            self.ran.append(Ran(command, limits, fed))
            if script.fault is not None:
                raise script.fault
            if script.output:
                tap(script.output)
            done.append(Completed(command.name, script.status, script.errors))
            fed = script.output
        return done

    def free_bytes(self, path: str) -> int:
        return self.free

    def write_atomic(self, path: str, content: bytes, mode: int = 0o600) -> None:
        if self.write_fault is not None:
            raise self.write_fault
        super().write_atomic(path, content, mode)
        self.written[path] = content

    def append_line(self, path: str, line: bytes) -> None:
        if self.write_fault is not None:
            raise self.write_fault
        super().append_line(path, line)

    @contextlib.contextmanager
    def lock(self, path: str, job: str, *, shared: bool = False, wait_seconds: float = 0) -> Iterator[None]:
        if path in self.held_by_others or path in self.held:
            self.sleep(wait_seconds)
            raise LockHeld(f"busy: {job} runs as process 4711 on testhost since 2026-03-01T11:59:00Z")
        self.held.append(path)
        try:
            yield
        finally:
            self.held.remove(path)
