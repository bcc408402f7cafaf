"""What dump and restore programs have in common: their version, credentials on a descriptor, and their warnings."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..errors import DatabaseFault
from ..host import Host
from ..limits import shortage_in
from ..processes import Command, Completed, Limits
from ..report import Finding
from ..secret import foreign

_VERSION_SECONDS = 20
_SHOWN_LINES = 20


class Tool(NamedTuple):
    """A client program: its absolute path and its version text."""

    path: str
    version: str


def find_tool(host: Host, *names: str, hint: str, environment: Mapping[str, str] | None = None) -> Tool:
    """Return the first of the named programs that is installed.

    Raise ToolMissing, or DatabaseFault if it does not run.
    """
    path = host.find_tool(*names, hint=hint)
    done = host.run(Command((path, "--version"), environment or {}), Limits(_VERSION_SECONDS))
    version = foreign(done.output.decode("utf-8", "replace"), 200)
    trouble = shortage_in(done.errors) if done.status != 0 else None
    if trouble is not None:
        raise trouble
    if done.status != 0 or not version:
        raise DatabaseFault("tool_broken", f"{done.reason} and printed no version", hint=hint)
    return Tool(path, version)


@contextlib.contextmanager
def private_file(text: str) -> Iterator[tuple[int, str]]:
    """Return a descriptor for a child, and the path by which it opens it; the content is never on a disk.

    With mode 0600, because client programs ignore a file that others can read, or warn about it.
    """
    descriptor = os.memfd_create("credentials", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        content = memoryview(text.encode("utf-8", "surrogateescape"))
        while content:
            content = content[os.write(descriptor, content) :]
        yield descriptor, f"/dev/fd/{descriptor}"
    finally:
        os.close(descriptor)


def warnings_of(done: Completed, component: str) -> tuple[Finding, ...]:
    """Return a warning with what a successful program wrote to stderr, because something may be missing."""
    lines = [line.strip() for line in done.errors.splitlines() if line.strip()]
    if not lines:
        return ()
    shown = foreign(" / ".join(lines[:_SHOWN_LINES]))
    return (
        Finding(
            "warning",
            "dump_warned",
            subject=component,
            message=f"{done.name} printed: {shown}",
            hint="check that the dump is complete",
        ),
    )
