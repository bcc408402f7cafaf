"""The jobs that cron starts: their commands and logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import schedule
from ..sections.jobs import SCHEDULED_JOBS
from .variables import Site

# Words of crontab(5) that ansible.builtin.cron calls differently.
_SPECIAL = {"midnight": "daily"}
_FIELDS = ("minute", "hour", "day", "month", "weekday")


def facts(site: Site) -> Iterator[dict[str, Any]]:
    """Return each job as the crontab task needs it."""
    for job in SCHEDULED_JOBS:
        parsed = schedule.parse(str(site.option(job.section, "schedule")))
        if parsed is not None:
            when = {"special_time": _SPECIAL.get(parsed.word, parsed.word)} if parsed.word else {}
            enabled = site.option(job.section, "enabled")
            fields = dict(zip(_FIELDS, parsed.fields))
            yield {
                "name": job.command,
                "arguments": f"{job.command} --force" if job.asks else job.command,
                "log": job.log,
                "enabled": enabled,
                **when,
                **fields,
            }
