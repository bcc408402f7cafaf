"""The history of runs: one JSON line each, kept for 400 days; old health checks are merged by day."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from . import state
from .errors import StorageFault
from .files import open_existing, storage
from .host import Host
from .report import Finding, Report
from .timestamps import parse_iso

FILE = "history.jsonl"
DONE, BROKEN_OFF, REFUSED, BUSY, INTERRUPTED = "done", "failed", "refused", "busy", "interrupted"
_ENDINGS = {0: DONE, 2: REFUSED, 75: BUSY}
_FIRST_SIGNAL = 128
_KEPT_DAYS = 400
# Of any age, because a clock that was wrong once must not delete a job's whole history.
_KEPT_OF_A_JOB = 20
_ROLLED_UP_JOB = "health"
_WHOLE_DAYS = 7
_LONGEST_TEXT = 500
_MOST_FINDINGS = 50
_BLOCK_BYTES = 64 * 1024
_LARGEST_BYTES = 64 * 1024 * 1024
_LOCK_WAIT_SECONDS = 5.0
# The beginning of a line; the rest is parsed only if needed.
_HEAD = re.compile(rb'\{"job": "([a-z_]+)", "time": "([0-9TZ:-]+)".*\}', re.DOTALL)

Entry = Mapping[str, object]


class Starter(NamedTuple):
    """Who started a run: `started_by` is cron, ansible or hand; `user` the person, if known."""

    scheduled: bool = False
    started_by: str = "hand"
    user: str = ""


def record(host: Host, directory: str, report: Report, starter: Starter) -> None:
    """Append a run to the history. Raise StorageFault or LockHeld.

    Each job's first run of a day also compacts the file.
    """
    path = os.path.join(directory, FILE)
    line = json.dumps(_entry(report, starter)).encode()
    with host.lock(path + ".lock", "history", wait_seconds=_LOCK_WAIT_SECONDS):
        with storage(path):
            last = next(newest_first(directory, report.job), None)
        host.append_line(path, line)
        if last is not None and str(last.get("time"))[:10] != report.started_at[:10]:
            # The run is recorded; compacting is tried again at the next job's first run of a day.
            with contextlib.suppress(StorageFault):
                _compact_file(host, path)


def ending(exit_status: object) -> str:
    """Return how a run with that exit status ended: done, failed, refused, busy or interrupted."""
    if not isinstance(exit_status, int):
        return BROKEN_OFF
    return INTERRUPTED if exit_status > _FIRST_SIGNAL else _ENDINGS.get(exit_status, BROKEN_OFF)


def _entry(report: Report, starter: Starter) -> dict[str, object]:
    entry: dict[str, object] = {
        "job": report.job,
        "time": report.started_at,
        "duration_seconds": round(report.duration_seconds, 3),
        "exit_status": report.exit_status,
        "ended": ending(report.exit_status),
        "outcome": report.outcome,
        "status": report.status,
        "summary": report.summary[:_LONGEST_TEXT],
        "changed": report.changed,
        **starter._asdict(),
        "measures": {measure.name: measure.value for measure in report.measures},
        "findings": [_short(finding) for finding in report.findings[:_MOST_FINDINGS]],
    }
    return {name: part for name, part in entry.items() if part not in ("", {}, [])}


def _short(finding: Finding) -> dict[str, str]:
    texts = {name: str(text)[:_LONGEST_TEXT] for name, text in finding._asdict().items()}
    return {name: text for name, text in texts.items() if text}


def runs(directory: str) -> list[Entry]:
    """Return the recorded runs, oldest first. Raise OSError."""
    return list(newest_first(directory))[::-1]


def newest_first(directory: str, job: str = "") -> Iterator[Entry]:
    """Yield the recorded runs, of one job if named, from the end of the file. Raise OSError.

    Damaged lines are ignored. Only as much is read as is consumed.
    """
    # Most lines are of health; those that cannot belong to the job are not parsed.
    mark = json.dumps(job).encode() if job else b""
    for line in _lines_from_end(os.path.join(directory, FILE)):
        entry = state.entry_of(line) if mark in line else None
        if entry is not None and _job(entry) and (not job or _job(entry) == job):
            yield entry


def _lines_from_end(path: str) -> Iterator[bytes]:
    try:
        descriptor = open_existing(path)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as stream:
        about = os.fstat(descriptor)
        position = about.st_size if stat.S_ISREG(about.st_mode) else 0
        first = max(0, position - _LARGEST_BYTES)
        # The parts of a line whose beginning was not read yet, last part first.
        pieces: list[bytes] = []
        while position > first:
            length = min(_BLOCK_BYTES, position - first)
            position -= length
            stream.seek(position)
            head, newline, tail = stream.read(length).partition(b"\n")
            if newline:
                yield from reversed((tail + b"".join(reversed(pieces))).split(b"\n"))
                pieces = []
            pieces.append(head)
        yield b"".join(reversed(pieces))


def times(directory: str, since: datetime) -> list[datetime]:
    """Return the start times of the runs after a moment, and of the last one before it. Raise OSError."""
    moments = []
    for entry in newest_first(directory):
        with contextlib.suppress(ValueError):
            moments.append(parse_iso(str(entry.get("time"))))
            if moments[-1] < since:
                break
    return moments


def _job(entry: Entry) -> str:
    """Return the job of a line; empty for a damaged line."""
    job = entry.get("job")
    return job if isinstance(job, str) else ""


def _compact_file(host: Host, path: str) -> None:
    with storage(path):
        lines = [line for line in _lines_from_end(path) if line][::-1]
    kept = compact(lines, host.now())
    if kept != lines:
        host.write_atomic(path, b"\n".join(kept) + b"\n")


class _Line(NamedTuple):
    text: bytes
    job: str
    moment: datetime


def compact(lines: Iterable[bytes], now: datetime) -> list[bytes]:
    """Return the lines to keep, oldest first: without damaged and old ones, and with old health checks merged by day.

    Age is counted from the newest run before the last one if that is earlier than `now`, so that a wrong clock during
    one run does not delete the history.
    """
    known = [line for line in map(_parsed, lines) if line is not None]
    reference = min([now, max((line.moment for line in known[:-1]), default=now)])
    newest: Counter[str] = Counter()
    kept = []
    for line in reversed(known):
        newest[line.job] += 1
        is_old = line.moment < reference - timedelta(days=_KEPT_DAYS)
        if not is_old or newest[line.job] <= _KEPT_OF_A_JOB:
            kept.append(line)
    return _rolled_up(kept[::-1], reference - timedelta(days=_WHOLE_DAYS))


def _parsed(text: bytes) -> _Line | None:
    """Return a line with its job and time; None for a damaged line."""
    head = _HEAD.fullmatch(text)
    entry = state.entry_of(text) if head is None else {"job": head[1].decode(), "time": head[2].decode()}
    if entry is None or not _job(entry):
        return None
    try:
        return _Line(text, _job(entry), parse_iso(str(entry.get("time"))))
    except ValueError:
        return None


def _rolled_up(lines: list[_Line], before: datetime) -> list[bytes]:
    """Return the lines, with each day's health checks before a moment merged into one line, where the last was."""
    groups: dict[object, list[_Line]] = {}
    for place, line in enumerate(lines):
        day = line.moment.date()
        is_old = line.job == _ROLLED_UP_JOB and day < before.date()
        key: object = day if is_old else place
        # Moved to the end, where its last line is.
        group = groups.pop(key, [])
        group.append(line)
        groups[key] = group
    return [text for group in groups.values() for text in _as_one(group)]


def _as_one(group: list[_Line]) -> list[bytes]:
    """Return the lines of a group as one; none if all are damaged."""
    if len(group) == 1:
        return [group[0].text]
    entries = [entry for entry in (state.entry_of(line.text) for line in group) if entry is not None]
    return [json.dumps(_day(entries)).encode()] if entries else []


def _day(entries: list[Entry]) -> dict[str, object]:
    """Return one entry for a day's runs: the last successful scheduled run, or else the last run, with counts."""
    good = [entry for entry in entries if entry.get("scheduled") is True and entry.get("exit_status") in (0, 1)]
    endings: Counter[str] = Counter()
    for entry in entries:
        endings.update(_endings(entry))
    shown = dict((good or entries)[-1])
    shown.update(runs=sum(map(_number_of_runs, entries)), statuses=dict(sorted(endings.items())))
    shown["findings"] = _findings_of_a_day(entries)
    return shown


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _number_of_runs(entry: Entry) -> int:
    number = entry.get("runs")
    return number if isinstance(number, int) and _is_number(number) else 1


def _endings(entry: Entry) -> dict[str, int]:
    """Return the number of runs of each status in a line."""
    counted = entry.get("statuses")
    if isinstance(counted, dict):
        return {status: number for status, number in counted.items() if _is_number(number)}
    return {str(entry.get("status")): 1}


def _findings_of_a_day(entries: list[Entry]) -> list[object]:
    """Return each finding of a day once, in its last wording."""
    findings: dict[object, object] = {}
    for entry in entries:
        listed = entry.get("findings")
        for finding in listed if isinstance(listed, list) else []:
            if isinstance(finding, dict):
                findings[tuple(str(finding.get(name)) for name in ("severity", "code", "subject"))] = finding
    return list(findings.values())[:_MOST_FINDINGS]
