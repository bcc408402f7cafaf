"""The age of the newest good backup, whatever the history says: what counts is the archive that lies there."""

from __future__ import annotations

import os
from datetime import datetime

from ..archive import catalogue
from ..archive.folder import open_folder
from ..settings import Settings
from .context import Context
from .outcome import FAIL, PASS, SKIP, WARN, Measure, Outcome
from .wording import span

_HINT = "look at backup.log, or make one now: iact-maintenance backup"


def backups(context: Context) -> list[Outcome]:
    """Whether the newest good archive is young enough. Raises MaintenanceError for a directory not to be trusted."""
    settings = context.settings
    if not settings.backup.enabled:
        return [Outcome(SKIP, "the backup is disabled on this host")]
    entries, now = _entries(context), context.host.now()
    outcome, said = _judge(context, entries, now), catalogue.ahead_in_words(entries, now)
    return [outcome.doubting_the_clock(said, catalogue.AHEAD_HINT) if said else outcome]


def _judge(context: Context, entries: list[catalogue.Entry], now: datetime) -> Outcome:
    newest = catalogue.newest(entries, now)
    if newest is None or newest.created_at is None:
        return _none(context, len(entries))
    age = max(0.0, (now - newest.created_at).total_seconds())
    limit = context.settings.backup.max_age_seconds
    measure = Measure(round(age), "s", "", str(limit))
    message = f"the newest good archive, {newest.name}, is {span(age)} old"
    if age > limit:
        return Outcome(FAIL, f"{message}, more than {span(limit)}", _HINT, measure=measure)
    return Outcome(PASS, message, measure=measure)


def _entries(context: Context) -> list[catalogue.Entry]:
    backup = context.settings.backup
    if backup.create_directory and not os.path.lexists(backup.directory):
        # The first backup makes it.
        return []
    with open_folder(context.host, backup.directory) as folder:
        return catalogue.read(folder, context.settings.state_directory)


def _none(context: Context, others: int) -> Outcome:
    """The verdict where no archive is known to be good: its time counts from the config file's last write."""
    found = f"no good archive in {context.settings.backup.directory}" + (f" ({others} others)" if others else "")
    limit = context.settings.backup.max_age_seconds
    waited = _waited_seconds(context.settings, context.host.now())
    if waited is not None and waited > limit:
        return Outcome(FAIL, f"{found}, {span(waited)} after the settings were written", _HINT)
    if others:
        return Outcome(WARN, found, "iact-maintenance verify reads them and tells which are good")
    return Outcome(SKIP, f"{found} yet; the first is due {span(limit)} after the settings were written")


def _waited_seconds(settings: Settings, now: datetime) -> float | None:
    return None if settings.config_written_at is None else now.timestamp() - settings.config_written_at
