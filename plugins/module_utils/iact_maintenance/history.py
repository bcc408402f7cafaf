"""The history of runs: one line of JSON each, the newest of every job."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from . import state
from .host import Host
from .report import Report

FILE = "history.jsonl"
_KEPT_RUNS = 2000
_KEPT_OF_A_JOB = 200


def record(host: Host, directory: str, report: Report, *, scheduled: bool) -> None:
    """Append a run to the history, where each job keeps its newest. Raise StorageFault or LockHeld."""
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

    state.rewrite(host, os.path.join(directory, FILE), change)


def _newest_of_each_job(lines: list[bytes]) -> list[bytes]:
    """Return the newest lines of every job, in order: a health check every five minutes must not push the nights out.

    A damaged line, and one that names no job, is dropped.
    """
    seen: dict[str, int] = {}
    kept = []
    for line in reversed(lines):
        job = _job(state.entry_of(line))
        seen[job] = seen.get(job, 0) + 1
        if job and seen[job] <= _KEPT_OF_A_JOB:
            kept.append(line)
    return kept[:_KEPT_RUNS][::-1]


def runs(directory: str) -> list[Mapping[str, object]]:
    """Return the remembered runs, oldest first; none where nothing was recorded yet. Raise OSError."""
    content = state.content_of(os.path.join(directory, FILE))
    return [entry for entry in map(state.entry_of, content.splitlines()) if entry is not None and _job(entry)]


def _job(entry: Mapping[str, object] | None) -> str:
    """Return the job that a line of the history is about; empty for a line that was damaged."""
    job = entry.get("job") if entry is not None else None
    return job if isinstance(job, str) else ""
