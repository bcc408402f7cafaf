"""The options that the section of every scheduled job begins with."""

from __future__ import annotations

from ..values import Option

DAY_SECONDS = 86400


def scheduled(schedule: str, max_age_seconds: int, expected_seconds: float) -> tuple[Option, ...]:
    """Return the rows for a job's schedule, its limit of lateness and its expected duration."""
    late = "Seconds since the last scheduled success after which the health check reports the job as late."
    slow = "Expected maximum duration of a run, in seconds; a longer run gets the finding C(slow) and is not stopped."
    return (
        Option("schedule", "schedule", "Schedule of the job, as five cron fields.", schedule, config_only=True),
        Option("enabled", "bool", "Whether the job is scheduled.", True, config_only=True),
        Option(
            "max_age_seconds", "int", late, max_age_seconds, minimum=60, maximum=366 * DAY_SECONDS, config_only=True
        ),
        Option("expected_seconds", "float", slow, expected_seconds, minimum=0, maximum=7 * DAY_SECONDS),
    )
