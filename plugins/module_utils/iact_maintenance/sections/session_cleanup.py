"""The section `session_cleanup`."""

from __future__ import annotations

from typing import NamedTuple

from ..values import Option
from .connections import JOB_SERVERS, Servers
from .scheduling import scheduled

_LONGEST_DAYS = 36500

SESSION_CLEANUP = (
    *scheduled("0 */6 * * *", 25200, 30.0),
    Option(
        "engine",
        "str",
        "Engine that holds the sessions; C(auto) takes it from the Django project, or from the only configured "
        "connection.",
        "auto",
        choices=("auto", *Servers._fields, "sqlite"),
    ),
    Option(
        "table", "str", "Name of the session table; with a Django project it is taken from there.", "django_session"
    ),
    Option(
        "use_tz",
        "bool",
        "Whether the site stores times in UTC (Django's USE_TZ). Needed on MySQL, MariaDB and SQLite if the project "
        "is not asked.",
    ),
    Option("time_zone", "str", "The site's TIME_ZONE, needed if use_tz is false and the project is not asked.", "UTC"),
    Option(
        "days", "int", "Keep sessions that expired less than this many days ago.", 0, minimum=0, maximum=_LONGEST_DAYS
    ),
    Option("batch_rows", "int", "Rows to delete in one transaction.", 1000, minimum=1, maximum=100_000),
    Option("pause_seconds", "float", "Pause between two transactions, in seconds.", 0.02, minimum=0, maximum=60),
    Option(
        "warning_rows", "int", "Number of remaining rows above which to warn.", 50_000, minimum=1, maximum=2**31 - 1
    ),
    Option(
        "critical_rows",
        "int",
        "Number of remaining rows above which the status is critical.",
        100_000,
        minimum=1,
        maximum=2**31 - 1,
    ),
    Option("missing_ok", "bool", "Accept a session table that does not exist: there is nothing to do.", False),
    *JOB_SERVERS,
)


class SessionCleanup(NamedTuple):
    """Options of the session cleanup."""

    schedule: str
    enabled: bool
    max_age_seconds: int
    expected_seconds: float
    servers: Servers
    engine: str
    table: str
    use_tz: bool | None
    time_zone: str
    days: int
    batch_rows: int
    pause_seconds: float
    warning_rows: int
    critical_rows: int
    missing_ok: bool
