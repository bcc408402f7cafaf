"""What every scheduled job's section begins with."""

from __future__ import annotations

from ..values import Option

DAY_SECONDS = 86400


def scheduled(schedule: str, max_age_seconds: int) -> tuple[Option, ...]:
    """Return the rows that say when a job runs and from when it is late."""
    late = "Seconds since the last scheduled success from which health calls the job late."
    return (
        Option("schedule", "schedule", "When cron starts the job, five fields.", schedule, config_only=True),
        Option("enabled", "bool", "Whether the job is scheduled at all.", True, config_only=True),
        Option(
            "max_age_seconds", "int", late, max_age_seconds, minimum=60, maximum=366 * DAY_SECONDS, config_only=True
        ),
    )
