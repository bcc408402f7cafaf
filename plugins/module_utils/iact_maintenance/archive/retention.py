"""Which archives may go: a pure decision over what the catalogue says, carried out elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ..report import Finding
from .inventory import GOOD, PARTIAL, Entry, age_key

_PARTIALS_KEPT = 3
_MOST_HELD = 3


class Rule(NamedTuple):
    """How many days and how many archives are kept; the newest `keep_minimum` good ones stay whatever their age."""

    retention_days: int
    retention_count: int
    keep_minimum: int


class Decision(NamedTuple):
    """The archives to delete, the oldest first, and what somebody should know about it."""

    delete: tuple[Entry, ...] = ()
    findings: tuple[Finding, ...] = ()


def decide(entries: Sequence[Entry], rule: Rule, now: datetime, just_written: str = "") -> Decision:
    """Return the good archives that may go, never `just_written`; partial, broken, unverified and foreign do not count.

    Nor is one that lies ahead of `now`, and it stays: written while a clock ran ahead it would be the newest for years
    and push out good ones; under a clock that went back it is as good as any. So no good one goes because of it.
    At most half of the good archives go at once. More than half too old: none goes because of its age, since a clock
    that jumped ahead makes all look old. The maximum does not depend on the clock: it goes on, by halves.
    The last copies of rows that later archives lack stay as well.
    """
    good = _newest_first(entries, GOOD, now)
    free = [entry for entry in good[rule.keep_minimum :] if entry.name != just_written]
    last_copies = _last_copies(good)
    held = [entry for entry in free if entry.name in last_copies]
    free = [entry for entry in free if entry.name not in last_copies]
    too_old = now - timedelta(days=rule.retention_days)
    old = [entry for entry in free if _moment(entry) < too_old]
    findings: list[Finding] = []
    most = len(good) // 2
    if len(old) > most:
        findings.append(_refused(len(old), len(good)))
        old = []
    beyond = [entry for entry in held if entry in good[rule.retention_count :]]
    kept = rule.retention_count + len(old) + len(beyond)
    over = _over_the_maximum(good, [entry for entry in free if entry not in old], kept)
    due = [entry for entry in held if entry in beyond or _moment(entry) < too_old]
    findings += [_held(due)] if due else []
    delete = old + over[: most - len(old)]
    if len(delete) < len(old) + len(over):
        findings.append(_in_steps(len(good) - len(delete), rule.retention_count))
    return Decision(tuple(sorted(delete, key=age_key)), tuple(findings))


def decide_partial(entries: Sequence[Entry], now: datetime, just_written: str = "") -> Decision:
    """The partial archives that may go: all but the newest three, `just_written` and those that lie ahead of `now`."""
    partial = _newest_first(entries, PARTIAL, now)
    return Decision(tuple(entry for entry in reversed(partial[_PARTIALS_KEPT:]) if entry.name != just_written))


def _newest_first(entries: Sequence[Entry], kind: str, now: datetime) -> list[Entry]:
    believed = (entry for entry in entries if entry.kind == kind and not entry.is_ahead(now))
    return sorted(believed, key=age_key, reverse=True)


def _over_the_maximum(good: list[Entry], free: list[Entry], kept: int) -> list[Entry]:
    """The free ones over a number: those that share a day with a newer good one first, then the oldest."""
    newest_of_day: dict[object, Entry] = {}
    for entry in reversed(good):
        newest_of_day[_moment(entry).date()] = entry
    twins = [entry for entry in free if newest_of_day[_moment(entry).date()] is not entry]
    others = [entry for entry in free if newest_of_day[_moment(entry).date()] is entry]
    order = sorted(twins, key=age_key) + sorted(others, key=age_key)
    return order[: max(len(good) - kept, 0)]


def _last_copies(good: list[Entry]) -> set[str]:
    """Return the names of the archives, of some that are sorted newest first, that alone hold rows of a table.

    A table that was dropped or emptied is still in the older ones: the newest of these is the last copy of its rows.
    Only the few that hold the most: where a partition is dropped every night, each night is the last copy of one.
    Files of logs do not count, since they are rotated away in time.
    """
    seen: set[object] = set()
    found: dict[str, int] = {}
    for entry in good:
        components = entry.manifest.components if entry.manifest else ()
        held: dict[object, int] = {component.name: 1 for component in components}
        for component in components:
            held.update({(component.name, table): rows for table, rows in component.rows.items() if rows})
        alone = [thing for thing in held if thing not in seen]
        if seen and alone:
            found[entry.name] = sum(held[thing] for thing in alone)
        seen.update(held)
    return set(sorted(found, key=lambda name: found[name], reverse=True)[:_MOST_HELD])


def _held(entries: list[Entry]) -> Finding:
    names = ", ".join(entry.name for entry in entries)
    message = f"older than retention_days and kept, since no later archive has all that they hold: {names}"
    return Finding(
        "info",
        "last_copy",
        subject=names,
        message=message,
        hint="delete them by hand when what they hold is not needed any more",
    )


def _refused(old: int, good: int) -> Finding:
    message = (
        f"{old} of {good} good archives are too old by this host's clock, which is more than half: none goes by age"
    )
    hint = "check the clock with timedatectl; where it is right, `iact-maintenance prune --retention-count N` keeps N"
    return Finding("warning", "retention_refused", subject="archives", message=message, hint=hint)


def _in_steps(kept: int, maximum: int) -> Finding:
    message = (
        f"{kept} good archives are kept, more than the {maximum} of retention_count, since a run deletes half at most"
    )
    hint = "the next runs go on; to be there at once, run `iact-maintenance prune` again"
    return Finding("info", "retention_in_steps", subject="archives", message=message, hint=hint)


def _moment(entry: Entry) -> datetime:
    return age_key(entry)[0]
