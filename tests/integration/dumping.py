"""Dumps for tests: kept in memory, with no archive around them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import settings
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import RestoreFacts
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.servers import target_database
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import (
    Command,
    Completed,
    Limits,
    Sink,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.backup import Backup

_SITE = settings.build([])


def backup(**changes: Any) -> Backup:
    """Return the options of a backup: the defaults, unless changed."""
    return _SITE.backup._replace(**changes)


def restore(**changes: Any) -> settings.Restore:
    """Return the options of a restore: the defaults, unless changed."""
    return _SITE.restore._replace(**changes)


def restored(server_dump: Any, login: Any, source: Any, target: str, kept: Kept, **options: Any) -> RestoreFacts:
    """Return what a restore of the kept dump into the database `target` came to, as the product does it."""
    with target_database(server_dump, Host({}), login, target):
        facts: RestoreFacts = server_dump.restore(Host({}), login, source, target, kept.stream(), restore(**options))
    return facts


class Kept:
    """Where a dump goes: into memory."""

    def __init__(self) -> None:
        self.content = b""
        self.command: Command | None = None

    def run(self, host: Host, command: Command, observe: Sink, limits: Limits) -> Completed:
        """Return how the command ended; what it wrote is in `content`."""
        kept: list[bytes] = []
        self.command = command

        def tap(chunk: bytes) -> None:
            observe(chunk)
            kept.append(chunk)

        (done,) = host.pipeline([command], [tap], limits)
        self.content = b"".join(kept)
        return done

    def feed(self, chunks: Iterator[bytes], limits: Limits) -> None:
        """Keep the bytes of our own."""
        self.content = b"".join(chunks)

    def stream(self) -> Iterator[bytes]:
        """Return the dump in pieces, as an archive gives it back."""
        return (self.content[begin : begin + 65536] for begin in range(0, len(self.content), 65536))


class Acting(Kept):
    """Acts on the server while the dump is written."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act = act
        self.acted = threading.Event()

    def run(self, host: Host, command: Command, observe: Sink, limits: Limits) -> Completed:
        """Return how the command ended; after 3 MB of its output the action is taken once."""
        seen = [0]

        def tap(chunk: bytes) -> None:
            observe(chunk)
            seen[0] += len(chunk)
            if seen[0] > 3_000_000 and not self.acted.is_set():
                self.acted.set()
                self.act()

        return super().run(host, command, tap, limits)
