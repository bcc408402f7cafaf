"""The options that the section of every scheduled job begins with."""

from __future__ import annotations

from ..values import Option

DAY_SECONDS = 86400


def scheduled(schedule: str, max_age_seconds: int, expected_seconds: float) -> tuple[Option, ...]:
    """Return the rows for a job's schedule, its limit of lateness and its expected duration."""
    late = "Seconds since the last scheduled success from which health calls the job late."
    slow = "Seconds that a run may take; a longer one has the finding C(slow), and ends as it would have ended."
    return (
        Option("schedule", "schedule", "When cron starts the job, five fields.", schedule, config_only=True),
        Option("enabled", "bool", "Whether the job is scheduled at all.", True, config_only=True),
        Option(
            "max_age_seconds", "int", late, max_age_seconds, minimum=60, maximum=366 * DAY_SECONDS, config_only=True
        ),
        Option("expected_seconds", "float", slow, expected_seconds, minimum=0, maximum=7 * DAY_SECONDS),
    )
