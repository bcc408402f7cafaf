"""Check the free space and inodes for logs and archives."""

from __future__ import annotations

import os

from ..errors import StorageFault
from ..report import FAIL, PASS, WARN, Measure
from ..sections.health import Health
from ..settings import Settings
from .context import Context
from .outcome import Outcome

DEFAULT_LOG_DIRECTORY = "/var/log/iact"


def disk(context: Context) -> list[Outcome]:
    """Check the free space for the logs, for the jobs' own logs if elsewhere and, if configured, for archives."""
    return [_room(context, part, path) for part, path in _directories(context.settings).items()]


def _directories(settings: Settings) -> dict[str, str]:
    backup = settings.backup
    directories = {"logs": backup.log_directory or DEFAULT_LOG_DIRECTORY}
    if not backup.log_directory and not os.path.isdir(DEFAULT_LOG_DIRECTORY):
        # Without a log directory the state directory is what needs free space.
        directories = {"state": settings.state_directory}
    job_logs = settings.health.log_directory
    if job_logs and os.path.realpath(job_logs) not in map(os.path.realpath, directories.values()):
        directories["job_logs"] = job_logs
    return {**directories, "backups": backup.directory} if backup.is_configured else directories


def _room(context: Context, part: str, path: str) -> Outcome:
    options = context.settings.health
    measured = path
    while part != "logs" and not os.path.isdir(measured) and _may_be_made(context.settings, part):
        measured = os.path.dirname(measured)
    try:
        bytes_percent, files_percent = context.host.free_percent(measured)
    except StorageFault as fault:
        return Outcome(
            FAIL, f"the free space for {part} cannot be determined: {fault.message}", "create the directory", part
        )
    limits = options.disk_warning_percent, options.disk_critical_percent
    free, what = min((bytes_percent, "space"), (files_percent, "inodes"))
    measure = Measure(f"disk_{part}", round(free, 1), "%", *(f"{limit:g}:" for limit in limits))
    message = f"{free:.0f} % {what} left in {path}"
    return Outcome(_status(free, options), message, f"free some {what} in {path}", part, measure)


def _may_be_made(settings: Settings, part: str) -> bool:
    """Return whether a run creates this directory; until then its parent is checked."""
    return part == "state" or settings.backup.create_directory


def _status(free_percent: float, options: Health) -> str:
    if free_percent < options.disk_critical_percent:
        return FAIL
    return WARN if free_percent < options.disk_warning_percent else PASS
