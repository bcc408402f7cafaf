"""The health check: run all checks of the site concurrently, and end by the deadline."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from .. import state
from ..checks.context import Context, ProjectQuestion
from ..checks.outcome import CheckResult
from ..checks.running import Check, run_checks
from ..checks.table import CHECKS, has_something_to_check
from ..errors import LockHeld, Refused
from ..formatting import plural
from ..host import Host
from ..permissions import advice, current_account
from ..report import FAIL, OK, PASS, SKIP, WARN, Finding, Report, status_of_check
from ..settings import Settings
from ..timestamps import iso
from .model import Job, Progress

NAME = "health"
MEMORY, LOCK = "health.json", "health.lock"

# Together with the deadline and the start still less than the ten seconds of a health check.
_RECORDING_SECONDS = 0.5
# Seconds of the run's time reserved for the report.
_REPORTING_SECONDS = 0.4
_REPORTING_SHARE = 0.1


class Plan(NamedTuple):
    """The checks of this site."""

    settings: Settings
    checks: tuple[Check, ...]


def plan(settings: Settings, host: Host) -> Plan:
    """Return the checks for which the settings give reason. Raise Refused if they name nothing to check."""
    if not has_something_to_check(settings):
        hint = "set the section django, mysql, postgresql or sqlite in the config file"
        raise Refused("not_configured", "neither a Django project nor a database is configured", hint=hint)
    _check_access(settings)
    return Plan(settings, tuple(check for check in CHECKS if check.applies(settings)))


def _check_access(settings: Settings) -> None:
    """Raise Refused for a user who can read neither state nor credentials, instead of ten failed checks."""
    try:
        os.scandir(settings.state_directory).close()
    except PermissionError as error:
        message = f"{current_account()} has no permission to read the state directory {settings.state_directory}"
        raise Refused("not_permitted", message, hint=advice(settings.state_directory, error)) from None
    except OSError:
        # Missing or unusable; the checks of the jobs and the recording of this run report it.
        return


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Return the report of all checks by the deadline."""
    settings = planned.settings
    deadline_seconds = settings.health.deadline_seconds
    reserve_seconds = min(_REPORTING_SECONDS, deadline_seconds * _REPORTING_SHARE)
    limit_seconds = deadline_seconds - reserve_seconds
    progress(plural(len(planned.checks), "check"))
    question = None
    if settings.django is not None:
        question = ProjectQuestion(host, settings.django, limit_seconds - reserve_seconds)
    results = run_checks(planned.checks, Context(settings, host, limit_seconds, question))
    since = _since(results, _remembered(settings), iso(host.now()))
    checks = [{**result.as_dict(), **_since_of(result, since)} for result in results]
    failed = any(result.status == FAIL for result in results)
    return Report(
        NAME,
        _summary(results),
        tuple(_finding(result) for result in results if not result.is_well),
        {"checks": checks},
        exit_status=1 if failed else 0,
        error_code="unhealthy" if failed else "",
        measures=tuple(result.measure for result in results if result.measure is not None),
    )


def remember(report: Report, settings: Settings, host: Host) -> None:
    """Store since when each check does not pass, unless another run is doing so. Raise StorageFault."""
    checks = report.facts.get("checks")
    if not isinstance(checks, list):
        return
    not_well = {check["name"]: _entry(check) for check in checks if status_of_check(check["status"]).name != OK}
    try:
        with host.lock(os.path.join(settings.state_directory, LOCK), NAME):
            state.change_mapping(host, settings.state_directory, MEMORY, lambda kept: _replace(kept, not_well))
    except LockHeld:
        return


def _entry(check: Mapping[str, object]) -> dict[str, object]:
    return {"status": check["status"], "since_at": check["since_at"]}


def _replace(kept: dict[str, object], not_well: Mapping[str, object]) -> None:
    kept.clear()
    kept["checks"] = dict(not_well)


def _remembered(settings: Settings) -> Mapping[str, object]:
    """Return since when checks do not pass; empty if that cannot be read, because it only completes a report."""
    try:
        checks = state.read_mapping(settings.state_directory, MEMORY).get("checks")
    except OSError:
        return {}
    return checks if isinstance(checks, dict) else {}


def _since(results: list[CheckResult], remembered: Mapping[str, object], now: str) -> dict[str, str]:
    """Return for each check that does not pass since when it has its status."""
    since = {}
    for result in results:
        if not result.is_well:
            before = remembered.get(result.name)
            same = isinstance(before, dict) and before.get("status") == result.status
            since[result.name] = str(before.get("since_at", now)) if isinstance(before, dict) and same else now
    return since


def _since_of(result: CheckResult, since: Mapping[str, str]) -> dict[str, str]:
    return {"since_at": since[result.name]} if result.name in since else {}


def _finding(result: CheckResult) -> Finding:
    code = result.code or result.name
    return Finding(
        status_of_check(result.status).severity,
        code,
        subject=result.name,
        message=f"{result.name}: {result.message}",
        hint=result.hint,
    )


def _summary(results: list[CheckResult]) -> str:
    names = {status: [result.name for result in results if result.status == status] for status in (FAIL, WARN)}
    passed = sum(result.status == PASS for result in results)
    skipped = sum(result.status == SKIP for result in results)
    if names[FAIL]:
        return f"{len(names[FAIL])} of {plural(len(results), 'check')} fail: {', '.join(names[FAIL])}"
    looked_at = f"{plural(passed, 'check')} {'passes' if passed == 1 else 'pass'}" + (
        f", {skipped} skipped" if skipped else ""
    )
    return f"healthy, with warnings: {', '.join(names[WARN])}" if names[WARN] else f"healthy: {looked_at}"


JOB = Job(
    NAME,
    plan,
    apply,
    lambda planned, host: apply(planned, host, lambda text: None),
    always_runs=True,
    remember=remember,
    recording_seconds=_RECORDING_SECONDS,
)
