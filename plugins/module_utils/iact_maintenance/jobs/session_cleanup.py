"""The session cleanup: delete expired rows of Django's session table.

In short transactions: a batch of keys is read without locks, then deleted by key with the expiry tested again, so that
a session renewed in between is kept. The cutoff is computed once.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from ..engines.facts import Convention, Sessions, SessionTable, TableSize
from ..errors import DatabaseFault, Interrupted, MaintenanceError
from ..formatting import plural
from ..host import Host
from ..report import Finding, Measure, Report, counts
from ..sections.connections import SQLiteFile
from ..sections.jobs import job_named
from ..sections.session_cleanup import SessionCleanup
from ..sessions import retry
from ..sessions.target import NoSessionTable, SessionTarget, session_target
from ..settings import Settings
from ..timestamps import iso
from .model import Job, Progress

NAME = "session_cleanup"

_LARGEST_CLOCK_DIFFERENCE_SECONDS = 300
# A DELETE locks a whole table that is not transactional, so these locks must be short and far apart.
_LOCKING_BATCH_ROWS = 500
_LOCKING_PAUSE_SECONDS = 0.2


class Plan(NamedTuple):
    """What a run would do: delete `eligible` rows older than `cutoff` from the target."""

    target: SessionTarget
    options: SessionCleanup
    cutoff: datetime
    now: datetime
    table: SessionTable | None
    total: int
    expired: int
    eligible: int
    size: TableSize
    findings: tuple[Finding, ...]
    nothing_to_do: str = ""


def plan(settings: Settings, host: Host) -> Plan:
    """Return what would be deleted, read from the database; nothing is written. Raise MaintenanceError."""
    options, now = settings.session_cleanup, host.now()
    try:
        target = session_target(settings, host)
    except NoSessionTable as elsewhere:
        return _nothing(options, now, str(elsewhere))
    target.check_writable()
    cutoff = now - timedelta(days=options.days)
    target = retry.connecting(host, lambda: target.identified(host))
    with closing(retry.connecting(host, lambda: target.open(host, writable=False))) as sessions:
        target = target.pinned(sessions)
        sessions.check_writable()
        _check_clock(sessions, now)
        try:
            table = sessions.describe(target.table)
        except DatabaseFault as fault:
            if fault.code != "no_table" or not options.missing_ok:
                raise
            return Plan(target, options, cutoff, now, None, 0, 0, 0, TableSize(0), ())
        total = sessions.count_rows(target.table)
        expired = sessions.count_rows(target.table, now)
        eligible = expired if cutoff == now else sessions.count_rows(target.table, cutoff)
        size = sessions.size(target.table)
    return Plan(target, options, cutoff, now, table, total, expired, eligible, size, _findings_of(table))


def _nothing(options: SessionCleanup, now: datetime, reason: str) -> Plan:
    """Return the plan for a project without a session table; an existing table does not belong to it."""
    summary = "the project keeps no sessions in a table: nothing to do"
    finding = Finding("info", "no_session_table", subject="sessions", message=f"{summary} ({reason})")
    target = SessionTarget("none", SQLiteFile(""), "", Convention())
    return Plan(target, options, now, now, None, 0, 0, 0, TableSize(None, reason=summary), (finding,), summary)


def preview(planned: Plan, host: Host) -> Report:
    """Return the report of a dry run: exactly what the real run would delete."""
    summary = planned.nothing_to_do or f"would delete {planned.eligible:,} of {plural(planned.total, 'session')}"
    remaining = planned.total - planned.eligible
    facts = {**_facts(planned), "dry_run": True, "remaining": remaining}
    findings = planned.findings + _thresholds(planned, remaining)
    diff = _diff(planned.eligible, 0)
    measures = _measures(planned, remaining)
    return Report(NAME, summary, findings, facts, changed=planned.eligible > 0, diff=diff, measures=measures)


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Delete what was planned and return the report. Raise MaintenanceError with what was deleted by then."""
    if planned.table is None:
        summary = planned.nothing_to_do or f"there is no table {planned.target.table}: nothing to do"
        return Report(NAME, summary, planned.findings, _facts(planned))
    began = host.monotonic()
    with closing(retry.connecting(host, lambda: planned.target.open(host, writable=True))) as sessions:
        done = _delete_all(planned, sessions, host, progress)
    took, deleted = host.monotonic() - began, done.rows
    try:
        # On a new connection, because others see only what was committed.
        with closing(retry.connecting(host, lambda: planned.target.open(host, writable=False))) as sessions:
            remaining, eligible_remaining = _check_deleted(planned, sessions, done)
            after = sessions.size(planned.target.table)
    except DatabaseFault as fault:
        raise _with_deleted(fault, planned, _committed(fault, planned, deleted)) from None
    except Interrupted as ended:
        _add_progress(ended, planned, deleted)
        raise
    returned_bytes = _difference(planned.size.disk_bytes, after.disk_bytes)
    facts = {
        **_facts(planned),
        "deleted": deleted,
        "remaining": remaining,
        "eligible_remaining": eligible_remaining,
        "deletion_seconds": round(took, 3),
        "size_after": _size_facts(after),
        "returned_bytes": returned_bytes,
    }
    summary = f"deleted {plural(deleted, 'session')} in {took:.1f} s; {remaining:,} remain"
    findings = planned.findings + done.findings + _thresholds(planned, remaining)
    report = Report(NAME, summary, findings, facts, deleted > 0, diff=_diff(planned.eligible, eligible_remaining))
    further = counts(deleted=deleted, eligible_remaining=eligible_remaining, returned_bytes=returned_bytes)
    return report._replace(measures=_measures(planned, remaining) + further)


class _Deleted(NamedTuple):
    """The number of rows deleted, the keys of the last batch, and how many of these were deleted.

    `findings` has a warning if other transactions held rows for too long.
    """

    rows: int = 0
    last_keys: tuple[str, ...] = ()
    last_rows: int = 0
    findings: tuple[Finding, ...] = ()


def _delete_all(planned: Plan, sessions: Sessions, host: Host, progress: Progress) -> _Deleted:
    """Delete batches until no eligible key is left. Raise MaintenanceError with the number deleted until then."""
    name, done = planned.target.table, _Deleted()
    batch_rows, pause_seconds = _pace(planned)
    try:
        while True:
            keys = sessions.expired_keys(name, planned.cutoff, batch_rows)
            if not keys:
                return done
            deleted = retry.locking(host, partial(sessions.delete_expired, name, keys, planned.cutoff))
            if deleted == 0 and tuple(keys) == done.last_keys:
                raise _no_progress(f"expired rows of {name} remain although they were deleted")
            done = _Deleted(done.rows + deleted, tuple(keys), deleted)
            progress(f"{done.rows:,} of {planned.eligible:,} expired sessions deleted")
            host.sleep(pause_seconds)
    except DatabaseFault as fault:
        if fault.code in retry.LOCKING:
            message = f"other transactions held rows of {name} for too long: {fault.message}"
            finding = Finding(
                "warning", "lock_timeout", subject=name, message=message, hint="the next run deletes the rest"
            )
            return done._replace(findings=(finding,))
        raise _with_deleted(fault, planned, done.rows) from None
    except Interrupted as ended:
        _add_progress(ended, planned, done.rows)
        raise


def _check_deleted(planned: Plan, sessions: Sessions, done: _Deleted) -> tuple[int, int]:
    """Return the remaining rows and the eligible ones among them, as a new connection sees them.

    Sessions are renewed, ended and added all the time, so numbers of rows prove nothing; but no key of the last deleted
    batch may exist any more. Raise DatabaseFault `not_committed` or `no_progress`.
    """
    name = planned.target.table
    remaining, left = sessions.count_rows(name), sessions.count_rows(name, planned.cutoff)
    there = sessions.count_expired(name, list(done.last_keys), planned.cutoff)
    if there > len(done.last_keys) - done.last_rows:
        raise DatabaseFault(
            "not_committed",
            f"{there:,} of the {done.last_rows:,} rows of {name} that were deleted last still exist on a new "
            "connection",
            hint="check whether the server is a cluster whose nodes differ, or a proxy rolls back transactions",
            facts={"eligible_remaining": left},
        )
    if left and not done.rows and not done.findings:
        raise _no_progress(f"no row of {name} was deleted, and {left:,} rows remain that should have been")
    return remaining, left


def _committed(fault: DatabaseFault, planned: Plan, deleted: int) -> int:
    """Return the number of deleted rows that other connections do not see any more."""
    left = fault.facts.get("eligible_remaining")
    return min(deleted, max(0, planned.eligible - left)) if isinstance(left, int) else deleted


def _no_progress(message: str) -> DatabaseFault:
    return DatabaseFault("no_progress", message, hint="check for a trigger or row security on the table")


def _pace(planned: Plan) -> tuple[int, float]:
    options = planned.options
    if planned.table is not None and not planned.table.transactional:
        return min(options.batch_rows, _LOCKING_BATCH_ROWS), max(options.pause_seconds, _LOCKING_PAUSE_SECONDS)
    return options.batch_rows, options.pause_seconds


def _with_deleted(fault: DatabaseFault, planned: Plan, deleted: int) -> MaintenanceError:
    """Return the error with the number of rows deleted before it."""
    fault.facts = {**_facts(planned), "deleted": deleted}
    fault.message = f"{fault.message} (after {deleted:,} of {plural(planned.eligible, 'row')})"
    fault.changed = deleted > 0
    return fault


def _add_progress(ended: Interrupted, planned: Plan, deleted: int) -> None:
    """Add the number of rows deleted until then to the signal's report."""
    ended.changed, ended.facts = deleted > 0, {**_facts(planned), "deleted": deleted}
    ended.so_far = f"at least {deleted:,} of {plural(planned.eligible, 'row')}"


def _check_clock(sessions: Sessions, now: datetime) -> None:
    """Raise DatabaseFault if the clocks of this host and the server differ, because expiry is then unknown."""
    server_now = sessions.server_now()
    if server_now is None:
        return
    difference = abs((server_now - now).total_seconds())
    if difference > _LARGEST_CLOCK_DIFFERENCE_SECONDS:
        raise DatabaseFault(
            "clock_skew",
            f"this host's clock and the database server's differ by {difference:.0f} s",
            hint="set both clocks right (timedatectl); nothing was deleted",
        )


def _findings_of(table: SessionTable) -> tuple[Finding, ...]:
    findings = []
    if not table.indexed:
        hint = "create an index on expire_date, as Django's migration does"
        findings.append(
            Finding(
                "warning",
                "no_index",
                subject=table.name,
                message=f"{table.name} has no index on expire_date",
                hint=hint,
            )
        )
    if not table.transactional:
        hint = "convert it to InnoDB"
        findings.append(
            Finding(
                "warning",
                "not_transactional",
                subject=table.name,
                message=f"each delete locks all of {table.name}",
                hint=hint,
            )
        )
    return tuple(findings)


def _thresholds(planned: Plan, remaining: int) -> tuple[Finding, ...]:
    for severity, limit in (("critical", planned.options.critical_rows), ("warning", planned.options.warning_rows)):
        if remaining > limit:
            message = f"{plural(remaining, 'session remains', 'sessions remain')}, more than {limit:,}"
            hint = (
                "they have not expired (or not for session_cleanup.days): check SESSION_COOKIE_AGE and the "
                "number of logins"
            )
            return (Finding(severity, "many_sessions", subject=planned.target.table, message=message, hint=hint),)
    return ()


def _measures(planned: Plan, remaining: int) -> tuple[Measure, ...]:
    options = planned.options
    limited = Measure("remaining", remaining, "", str(options.warning_rows), str(options.critical_rows))
    return (*counts(total=planned.total, expired=planned.expired, eligible=planned.eligible), limited)


def _facts(planned: Plan) -> dict[str, object]:
    return {
        "engine": planned.target.engine,
        "table": planned.target.table,
        "cutoff_at": iso(planned.cutoff),
        "total": planned.total,
        "expired": planned.expired,
        "eligible": planned.eligible,
        "total_is_lower_bound": False,
        "expired_is_lower_bound": False,
        "size_before": _size_facts(planned.size),
    }


def _size_facts(size: TableSize) -> dict[str, object]:
    return {
        "total_bytes": size.total_bytes,
        "disk_bytes": size.disk_bytes,
        "reusable_bytes": size.reusable_bytes,
        "statistics_at": size.statistics_at,
        "reason": size.reason,
    }


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, before - after)


def _diff(before: int, after: int) -> dict[str, str]:
    return {"before": f"expired sessions: {before}\n", "after": f"expired sessions: {after}\n"}


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock)
