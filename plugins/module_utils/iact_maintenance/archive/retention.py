"""Decide which archives to delete, with a reason for each; a pure function."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ..report import Finding
from .inventory import BROKEN, COPY, FOREIGN, GOOD, NEWER, OTHER_HOST, PARTIAL, UNVERIFIED, Entry, age_key
from .manifest import Manifest

_PARTIALS_KEPT = 3
_MOST_HELD = 3
_NOT_COUNTED = {
    UNVERIFIED: "not counted: it was not verified yet",
    BROKEN: "not counted: it is broken",
    FOREIGN: "not counted: this program did not write it",
    OTHER_HOST: "not counted: another host wrote it",
    NEWER: "not counted: a newer version wrote it",
    COPY: "not counted: another archive has the same content",
}
_AHEAD = "not counted: it is dated later than this host's clock"


class RetentionPolicy(NamedTuple):
    """How many days and how many archives to keep; the newest `keep_minimum` good ones always stay.

    `age_doubt` is the reason for which ages cannot be trusted now, so that none is deleted for its age; empty if they
    can.
    """

    retention_days: int
    retention_count: int
    keep_minimum: int
    age_doubt: str = ""


class Verdict(NamedTuple):
    """Whether to delete an archive, and the reason."""

    entry: Entry
    goes: bool
    reason: str


class Decision(NamedTuple):
    """A verdict for each archive, oldest name first, and findings."""

    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def delete(self) -> tuple[Entry, ...]:
        """Return the archives to delete, oldest first."""
        return tuple(sorted((verdict.entry for verdict in self.verdicts if verdict.goes), key=age_key))

    def reasons(self) -> dict[str, str]:
        """Return the reason for each archive, by its name."""
        return {each.entry.name: ("goes: " if each.goes else "stays: ") + each.reason for each in self.verdicts}


def coming(created_at: datetime, host: str, expected: Manifest | None) -> Entry:
    """Return the archive that a run is about to write, as it counts in the decision: good, and without a name yet.

    `expected` is the manifest that it will probably have; None if that is unknown.
    """
    manifest = expected._replace(created_at=created_at) if expected else Manifest(created_at, host, ())
    return Entry("", GOOD, manifest=manifest)


def decide(
    entries: Sequence[Entry],
    policy: RetentionPolicy,
    now: datetime,
    coming: Entry | None = None,
    *,
    failed: bool = False,
) -> Decision:
    """Return a verdict for each of the archives; `coming` is counted, but not part of the result.

    Only good archives count for days and number; of partial ones the newest three stay; no others are deleted. Archives
    dated after `now` stay and do not count: written while the clock was ahead, they would be the newest for years.
    After a run that `failed` no good archive is deleted.
    """
    counted = [*entries, coming] if coming else list(entries)
    partial, findings = _partial(_newest_first(counted, PARTIAL, now)), []
    verdicts = {verdict.entry.name: verdict for verdict in partial}
    if not failed:
        good = _Good(_newest_first(counted, GOOD, now), policy, now)
        verdicts.update({verdict.entry.name: verdict for verdict in good.verdicts()})
        findings = good.findings
    rest = (verdicts.get(entry.name) or Verdict(entry, False, _uncounted(entry, now)) for entry in entries)
    return Decision(tuple(rest), tuple(findings))


def _uncounted(entry: Entry, now: datetime) -> str:
    if entry.kind in (GOOD, PARTIAL):
        return _AHEAD if entry.is_ahead(now) else "no good archive is deleted after a run that failed"
    return _NOT_COUNTED.get(entry.kind, f"not counted: {entry.reason}")


def _partial(newest_first: Sequence[Entry]) -> list[Verdict]:
    """Return a verdict for each partial archive: the newest three stay."""
    kept = f"one of the newest {_PARTIALS_KEPT} partial archives"
    over = f"partial, and {_PARTIALS_KEPT} partial archives are newer"
    return [
        Verdict(entry, number >= _PARTIALS_KEPT and bool(entry.name), over if number >= _PARTIALS_KEPT else kept)
        for number, entry in enumerate(newest_first)
    ]


def _newest_first(entries: Iterable[Entry], kind: str, now: datetime) -> list[Entry]:
    believed = (entry for entry in entries if entry.kind == kind and not entry.is_ahead(now))
    # The coming archive has no name yet; it is the newest of its second.
    return sorted(believed, key=lambda entry: (_moment(entry), not entry.name, entry.name), reverse=True)


class _Good:
    """The decision on good archives.

    At most half of them are deleted at once. If more than half are too old, none is deleted for its age, because after
    a jump of the clock all look old. The maximum number does not depend on the clock: it is still applied, by halves.
    The last copies of rows that later archives lack are kept.
    """

    def __init__(self, newest_first: list[Entry], policy: RetentionPolicy, now: datetime) -> None:
        self._good, self._policy = newest_first, policy
        self._most = len(newest_first) // 2
        self._too_old = now - timedelta(days=policy.retention_days)
        self.findings: list[Finding] = []

    def verdicts(self) -> list[Verdict]:
        """Return a verdict for each; `findings` is complete afterwards."""
        policy, good = self._policy, self._good
        last_copies = _last_copies(good)
        free = [entry for entry in good[policy.keep_minimum :] if entry.name]
        held = [entry for entry in free if entry.name in last_copies]
        free = [entry for entry in free if entry.name not in last_copies]
        old, doubt = self._by_age([entry for entry in free if self._is_old(entry)])
        beyond, going = set(_names(good[policy.retention_count :])), set(_names(old))
        kept = policy.retention_count + len(old) + sum(entry.name in beyond for entry in held)
        over = _over_the_maximum(good, [entry for entry in free if entry.name not in going], kept)
        due = [entry for entry in held if entry.name in beyond or self._is_old(entry)]
        self.findings += [_held(due)] if due else []
        now_over = over[: self._most - len(old)]
        if len(now_over) < len(over):
            self.findings.append(_in_steps(len(good) - len(old) - len(now_over), policy.retention_count))
        maximum = f"over retention_count ({policy.retention_count})"
        reasons = dict.fromkeys(_names(held), "the last copy of rows that no later archive holds")
        reasons.update(
            dict.fromkeys(_names(over), f"{maximum}; deleted in a later run, since a run deletes half at most")
        )
        reasons.update(dict.fromkeys(_names(now_over), maximum))
        reasons.update(dict.fromkeys(_names(old), f"older than retention_days ({policy.retention_days})"))
        going.update(_names(now_over))
        return [
            Verdict(entry, entry.name in going, reasons.get(entry.name) or self._kept(number, entry, doubt))
            for number, entry in enumerate(good)
        ]

    def _is_old(self, entry: Entry) -> bool:
        return _moment(entry) < self._too_old

    def _by_age(self, old: list[Entry]) -> tuple[list[Entry], str]:
        """Return the archives to delete for their age, and the reason if none is although some are old."""
        if len(old) > self._most:
            self.findings.append(_refused(len(old), len(self._good)))
            return [], "more than half of all archives are"
        if old and self._policy.age_doubt:
            self.findings.append(_doubted(len(old), self._policy.age_doubt))
            return [], self._policy.age_doubt
        return old, ""

    def _kept(self, number: int, entry: Entry, doubt: str) -> str:
        if number < self._policy.keep_minimum:
            return f"one of the newest {self._policy.keep_minimum} (keep_minimum)"
        if doubt and self._is_old(entry):
            return f"older than retention_days ({self._policy.retention_days}), but {doubt}"
        return "within retention_days and retention_count"


def _names(entries: Iterable[Entry]) -> list[str]:
    return [entry.name for entry in entries]


def _over_the_maximum(good: list[Entry], free: list[Entry], kept: int) -> list[Entry]:
    """Return the surplus over a number: first those that share a day with a newer good one, then the oldest."""
    newest_of_day: dict[object, Entry] = {}
    for entry in reversed(good):
        newest_of_day[_moment(entry).date()] = entry
    twins = [entry for entry in free if newest_of_day[_moment(entry).date()] is not entry]
    others = [entry for entry in free if newest_of_day[_moment(entry).date()] is entry]
    order = sorted(twins, key=age_key) + sorted(others, key=age_key)
    return order[: max(len(good) - kept, 0)]


def last_copies(entries: Sequence[Entry], now: datetime, names: Collection[str]) -> list[Entry]:
    """Return those of `names` that alone have certain rows, now that the contents of all archives are known."""
    alone = _last_copies(_newest_first(entries, GOOD, now))
    return [entry for entry in entries if entry.name in alone and entry.name in names]


def _last_copies(good: list[Entry]) -> set[str]:
    """Return the names of the archives, of some sorted newest first, that alone have rows of a table.

    A table that was dropped or emptied is still in older archives; the newest of these is the last copy of its rows.
    Only the few with the most rows are kept: if a partition is dropped every night, each night is the last copy of one.
    Log files do not count, because rotation removes them.
    """
    seen: set[object] = set()
    alone_in: dict[str, int] = {}
    for entry in good:
        components = entry.manifest.components if entry.manifest else ()
        held: dict[object, int] = {component.name: 1 for component in components}
        for component in components:
            held.update({(component.name, table): rows for table, rows in component.rows.items() if rows})
        alone = [thing for thing in held if thing not in seen]
        if seen and alone:
            alone_in[entry.name] = sum(held[thing] for thing in alone)
        seen.update(held)
    return set(sorted(alone_in, key=lambda name: alone_in[name], reverse=True)[:_MOST_HELD])


def held_in_words(entries: Sequence[Entry]) -> Finding:
    """Return the finding that names archives kept because they alone have certain rows."""
    return _held(list(entries))


def _held(entries: list[Entry]) -> Finding:
    names = ", ".join(_names(entries))
    message = f"kept although too old, since no later archive has all that they hold: {names}"
    hint = "delete them by hand when their content is no longer needed"
    return Finding("info", "last_copy", subject=names, message=message, hint=hint)


def _refused(old: int, good: int) -> Finding:
    message = (
        f"{old} of {good} good archives are too old by this host's clock, which is more than half: none is "
        "deleted by age"
    )
    hint = (
        "check the clock with timedatectl; if it is right, run `iact-maintenance prune --retention-count N` to keep N"
    )
    return Finding("warning", "retention_refused", subject="archives", message=message, hint=hint)


def _doubted(old: int, doubt: str) -> Finding:
    message = f"none of {old} archives that are older than retention_days is deleted by age in this run, since {doubt}"
    hint = (
        "check the clock with timedatectl; if it is right, do nothing: archives are deleted by age again after a "
        "day of runs"
    )
    return Finding("warning", "clock_gap", subject="archives", message=message, hint=hint)


def _in_steps(kept: int, maximum: int) -> Finding:
    message = (
        f"{kept} good archives are kept, more than the {maximum} of retention_count, since a run deletes half at most"
    )
    hint = "the next runs delete more; to reach the maximum at once, run `iact-maintenance prune` again"
    return Finding("info", "retention_in_steps", subject="archives", message=message, hint=hint)


def _moment(entry: Entry) -> datetime:
    return age_key(entry)[0]
