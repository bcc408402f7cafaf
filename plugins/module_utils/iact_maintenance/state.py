"""The state files of a host, rewritten atomically under a short lock."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping

from .files import open_existing, storage
from .host import Host

_LARGEST_BYTES = 16 * 1024 * 1024
_LOCK_WAIT_SECONDS = 5.0


def entry_of(line: bytes) -> Mapping[str, object] | None:
    """Return the JSON object in a line; None for a damaged line."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def content_of(path: str) -> bytes:
    """Return the content of a state file, at most its last 16 MiB; empty if there is none. Raise OSError."""
    try:
        descriptor = open_existing(path)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as stream:
        # The end, with the newest lines; the first line is then incomplete and ignored.
        stream.seek(max(0, os.fstat(descriptor).st_size - _LARGEST_BYTES))
        return stream.read(_LARGEST_BYTES)


def read_mapping(directory: str, name: str) -> dict[str, object]:
    """Return the JSON object in a state file; empty if there is none or it is damaged."""
    entry = entry_of(content_of(os.path.join(directory, name)))
    return dict(entry or {})


def change_mapping(host: Host, directory: str, name: str, change: Callable[[dict[str, object]], None]) -> None:
    """Change the JSON object in a state file with `change`. Raise StorageFault or LockHeld."""

    def rewritten(content: bytes) -> bytes:
        mapping = dict(entry_of(content) or {})
        change(mapping)
        return json.dumps(mapping, sort_keys=True).encode() + b"\n"

    rewrite(host, os.path.join(directory, name), rewritten)


def rewrite(host: Host, path: str, change: Callable[[bytes], bytes]) -> None:
    """Replace a file's content with the result of `change`, read and written under one lock.

    Raise StorageFault or LockHeld.
    """
    with host.lock(path + ".lock", "state", wait_seconds=_LOCK_WAIT_SECONDS):
        with storage(path):
            content = content_of(path)
        host.write_atomic(path, change(content))
