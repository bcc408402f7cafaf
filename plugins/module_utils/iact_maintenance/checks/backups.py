"""Check the age of the newest good archive in the directory, whatever the history says."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime

from ..archive import inventory
from ..formatting import span
from ..report import FAIL, PASS, SKIP, WARN, Measure
from ..repositories import catalogue
from ..repositories.folder import open_backups
from .context import Context
from .outcome import Outcome

_HINT = "read backup.log, or make a backup now: iact-maintenance backup"


def backups(context: Context) -> list[Outcome]:
    """Check that the newest good archive is recent enough. Raise MaintenanceError for an unsafe directory."""
    settings = context.settings
    if not settings.backup.enabled:
        return [Outcome(SKIP, "the backup is disabled on this host")]
    archives, now = _catalogue(context), context.host.now()
    outcome, doubt = _judge(context, archives, now), inventory.ahead_in_words(archives.entries, now)
    return [outcome.doubting_the_clock(doubt, inventory.AHEAD_HINT) if doubt else outcome]


def _judge(context: Context, archives: catalogue.Catalogue, now: datetime) -> Outcome:
    newest = inventory.newest(archives.entries, now)
    if archives.missing_in_words:
        # Immediately, even if other archives are left, because those may be removed next.
        left = f"; the newest left is {newest.name}" if newest else "; no good one is left"
        return Outcome(FAIL, archives.missing_in_words + left, catalogue.GONE_HINT, code="archives_missing")
    if newest is None or newest.created_at is None:
        return _none(context, archives)
    age = max(0.0, (now - newest.created_at).total_seconds())
    limit = context.settings.backup.max_age_seconds
    measure = Measure("backups", round(age), "s", "", str(limit))
    message = f"the newest good archive, {newest.name}, is {span(age)} old"
    if age > limit:
        return Outcome(FAIL, f"{message}, more than {span(limit)}", _HINT, measure=measure)
    return Outcome(PASS, message, measure=measure)


def _catalogue(context: Context) -> catalogue.Catalogue:
    settings = context.settings
    if settings.backup.create_directory and not os.path.lexists(settings.backup.directory):
        # The first backup creates it.
        return catalogue.of_no_directory(context.host, settings.state_directory)
    with open_backups(context.host, settings) as folder:
        return catalogue.read(context.host, folder, settings.state_directory)


def _none(context: Context, archives: catalogue.Catalogue) -> Outcome:
    """Return the outcome if there is no good archive; the limit counts from the first provisioning."""
    kinds = Counter(entry.kind for entry in archives.entries)
    others = ", ".join(f"{kind}: {number}" for kind, number in sorted(kinds.items()))
    message = f"no good archive of this host in {context.settings.backup.directory}"
    message += f" ({others})" if others else ""
    limit, waited = context.settings.backup.max_age_seconds, context.waited_seconds()
    if waited is not None and waited > limit:
        return Outcome(FAIL, f"{message}, {span(waited)} after the host was provisioned", _HINT)
    if others:
        hint = (
            "run `iact-maintenance verify all` to verify this host's archives, `iact-maintenance archives "
            "--verbose` to see the hosts of the others"
        )
        return Outcome(WARN, message, hint)
    return Outcome(SKIP, f"{message} yet; the first is due {span(limit)} after the host was provisioned")
