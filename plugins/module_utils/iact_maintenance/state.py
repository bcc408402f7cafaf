"""What a host remembers between runs: state files, rewritten atomically under a short lock of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping

from .host import Host, storage
from .report import Report

HISTORY = "history.jsonl"
_KEPT_RUNS = 2000
_KEPT_OF_A_JOB = 200
_LARGEST_BYTES = 16 * 1024 * 1024
_LOCK_WAIT_SECONDS = 5.0


def record_run(host: Host, directory: str, report: Report, *, scheduled: bool) -> None:
    """Nothing; the run is in the history, where each job keeps its newest. Raises StorageFault or LockHeld."""
    entry = {
        "job": report.job,
        "time": report.started_at,
        "duration_seconds": round(report.duration_seconds, 3),
        "exit_status": report.exit_status,
        "outcome": report.outcome,
        "status": report.status,
        "summary": report.summary,
        "scheduled": scheduled,
    }

    def change(content: bytes) -> bytes:
        lines = content.splitlines() + [json.dumps(entry).encode()]
        return b"\n".join(_newest_of_each_job(lines)) + b"\n"

    rewrite(host, os.path.join(directory, HISTORY), change)


def _newest_of_each_job(lines: list[bytes]) -> list[bytes]:
    """Return the newest lines of every job, in order: a health check every five minutes must not push the nights out.

    A damaged line, and one that names no job, is dropped.
    """
    seen: dict[str, int] = {}
    kept = []
    for line in reversed(lines):
        job = _job(_entry(line))
        seen[job] = seen.get(job, 0) + 1
        if job and seen[job] <= _KEPT_OF_A_JOB:
            kept.append(line)
    return kept[:_KEPT_RUNS][::-1]


def runs(directory: str) -> list[Mapping[str, object]]:
    """Return the remembered runs, oldest first; none where nothing was recorded yet. Raise OSError."""
    content = _content(os.path.join(directory, HISTORY))
    return [entry for entry in map(_entry, content.splitlines()) if entry is not None and _job(entry)]


def _job(entry: Mapping[str, object] | None) -> str:
    """Return the job that a line of the history is about; empty for a line that was damaged."""
    job = entry.get("job") if entry is not None else None
    return job if isinstance(job, str) else ""


def _entry(line: bytes) -> Mapping[str, object] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _content(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as stream:
        # Its end, because the newest lines stand there; the first one is cut then, and dropped as damaged.
        stream.seek(max(0, os.fstat(descriptor).st_size - _LARGEST_BYTES))
        return stream.read(_LARGEST_BYTES)


def read_mapping(directory: str, name: str) -> dict[str, object]:
    """The JSON object in a state file; empty where there is none or it is damaged, since state can be gathered anew."""
    entry = _entry(_content(os.path.join(directory, name)))
    return dict(entry or {})


def change_mapping(host: Host, directory: str, name: str, change: Callable[[dict[str, object]], None]) -> None:
    """Nothing; the JSON object in a state file is as `change` left it. Raises StorageFault or LockHeld."""

    def rewritten(content: bytes) -> bytes:
        found = dict(_entry(content) or {})
        change(found)
        return json.dumps(found, sort_keys=True).encode() + b"\n"

    rewrite(host, os.path.join(directory, name), rewritten)


def rewrite(host: Host, path: str, change: Callable[[bytes], bytes]) -> None:
    """Nothing; the file holds what `change` made of its content, read and written under one lock.

    Raises StorageFault or LockHeld.
    """
    with host.lock(path + ".lock", "state", wait_seconds=_LOCK_WAIT_SECONDS):
        with storage(path):
            content = _content(path)
        host.write_atomic(path, change(content))
