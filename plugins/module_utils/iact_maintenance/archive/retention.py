"""Which archives may go: a pure decision over what the catalogue says, carried out elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..report import Finding
from .catalogue import GOOD, PARTIAL, Entry

_PARTIALS_KEPT = 3


@dataclass(frozen=True)
class Rule:
    """How many days and how many archives are kept; the newest `keep_minimum` good ones stay whatever their age."""

    retention_days: int
    retention_count: int
    keep_minimum: int


@dataclass(frozen=True)
class Decision:
    """The archives to delete, the oldest first, and what somebody should know about it."""

    delete: tuple[Entry, ...] = ()
    findings: tuple[Finding, ...] = ()


def decide(entries: Sequence[Entry], rule: Rule, now: datetime, just_written: str = "") -> Decision:
    """The good archives that may go, never `just_written`; partial, broken, unverified and foreign are not counted.

    Whatever the clock says, at most half of the good archives go at once: a clock that jumped ahead makes all look old.
    The number of archives does not depend on the clock, so that rule still works where the rule of age is refused.
    """
    good = sorted((entry for entry in entries if entry.kind == GOOD), key=_age_key, reverse=True)
    free = [entry for entry in good[rule.keep_minimum :] if entry.name != just_written]
    old = [entry for entry in free if _moment(entry) < now - timedelta(days=rule.retention_days)]
    young = [entry for entry in free if entry not in old]
    delete = old + _over_the_maximum(good, young, len(good) - len(old) - rule.retention_count)
    findings: tuple[Finding, ...] = ()
    if 2 * len(delete) > len(good):
        findings = (_refused(len(delete), len(good)),)
        delete = _over_the_maximum(good, free, len(good) - rule.retention_count)
    if 2 * len(delete) > len(good):
        delete = []
    return Decision(tuple(sorted(delete, key=_age_key)), findings)


def decide_partial(entries: Sequence[Entry]) -> Decision:
    """The partial archives that may go: all but the newest three."""
    partial = sorted((entry for entry in entries if entry.kind == PARTIAL), key=_age_key, reverse=True)
    return Decision(tuple(reversed(partial[_PARTIALS_KEPT:])))


def _over_the_maximum(good: list[Entry], free: list[Entry], surplus: int) -> list[Entry]:
    """So many of the free ones: those that share a day with a newer good one first, then the others, oldest first."""
    newest_of_day: dict[object, Entry] = {}
    for entry in reversed(good):
        newest_of_day[_moment(entry).date()] = entry
    twins = [entry for entry in free if newest_of_day[_moment(entry).date()] is not entry]
    others = [entry for entry in free if newest_of_day[_moment(entry).date()] is entry]
    order = sorted(twins, key=_age_key) + sorted(others, key=_age_key)
    return order[: max(surplus, 0)]


def _refused(wanted: int, good: int) -> Finding:
    return Finding(
        "warning",
        "retention_refused",
        f"retention by age would delete {wanted} of {good} good archives at once, which is more than half: it did not",
        "check this host's clock; where it is right, lower retention_count or remove old archives by hand",
    )


def _moment(entry: Entry) -> datetime:
    if entry.created_at is None:
        raise ValueError(f"{entry.name} has no date")
    return entry.created_at


def _age_key(entry: Entry) -> tuple[datetime, str]:
    return _moment(entry), entry.name
