"""The section `health`."""

from __future__ import annotations

from typing import NamedTuple

from ..values import Option
from .connections import JOB_SERVERS, Servers
from .scheduling import scheduled

SESSION_BACKEND = "django.contrib.sessions.backends.db"

HEALTH = (
    *scheduled("*/5 * * * *", 900, 10.0),
    Option(
        "deadline_seconds",
        "float",
        "Maximum duration of the whole check, in seconds, whatever hangs.",
        9.0,
        minimum=1,
        maximum=300,
    ),
    Option("disk_warning_percent", "float", "Free space in percent below which to warn.", 20.0, minimum=0, maximum=100),
    Option(
        "disk_critical_percent",
        "float",
        "Free space in percent below which the check fails.",
        10.0,
        minimum=0,
        maximum=100,
    ),
    Option("allowed_session_engines", "list", "Session engines that are allowed, by module path.", (SESSION_BACKEND,)),
    Option(
        "log_directory",
        "path",
        "Directory of the jobs' logs; the free space of its disk is checked too.",
        config_only=True,
    ),
    *JOB_SERVERS,
)


class Health(NamedTuple):
    """Options of the health check."""

    schedule: str
    enabled: bool
    max_age_seconds: int
    expected_seconds: float
    servers: Servers
    deadline_seconds: float
    disk_warning_percent: float
    disk_critical_percent: float
    allowed_session_engines: tuple[str, ...]
    log_directory: str | None
