"""The table of checks. To add one: a function that returns its outcomes, and a row here."""

from __future__ import annotations

from functools import partial

from ..engines.table import PINGS
from ..settings import Settings
from . import databases, django
from .backups import backups
from .disk import disk
from .jobs import jobs
from .running import Check
from .session_engine import session_engine
from .sessions import sessions


def _has_django(settings: Settings) -> bool:
    return settings.django is not None


def has_something_to_check(settings: Settings) -> bool:
    """Return whether the settings name a project or a database; disks alone are not enough."""
    return _has_django(settings) or any(databases.connection(settings, engine) for engine in PINGS)


def _answers(engine: str) -> Check:
    """Return the check of a database, which has the name of its engine."""
    return Check(
        engine, partial(databases.answers, engine), lambda settings: databases.connection(settings, engine) is not None
    )


CHECKS = (
    Check("django_project", django.project, _has_django),
    Check("django_dependencies", django.dependencies, _has_django),
    Check("session_engine", session_engine, _has_django),
    *map(_answers, PINGS),
    # After the servers, on which they depend.
    Check("migrations", django.migrations, _has_django),
    Check("sessions", sessions, has_something_to_check),
    Check("disk", disk, lambda settings: True, deadline_share=0.5),
    Check("backups", backups, lambda settings: settings.backup.is_configured),
    Check("job", jobs, lambda settings: True, deadline_share=0.5),
)
