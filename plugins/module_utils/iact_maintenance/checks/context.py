"""The context that all checks of a run share: settings, host, and the answer of the Django project."""

from __future__ import annotations

from typing import NamedTuple

from .. import identity
from ..django import client
from ..django.project import Project
from ..errors import MaintenanceError
from ..host import Host
from ..sections.django import Django
from ..settings import Settings
from ..timeouts import BackgroundCall


class ProjectQuestion:
    """The project's answer, requested once in the background for all checks."""

    def __init__(self, host: Host, django: Django, deadline_seconds: float) -> None:
        self._call = BackgroundCall("django", lambda: client.ask(host, django, deadline_seconds))

    def answer(self) -> Project:
        """Return the project's description of itself. Raise what asking it raised."""
        return self._call.result()


class Context(NamedTuple):
    """What every check receives; `limit_seconds` is the maximum time of each."""

    settings: Settings
    host: Host
    limit_seconds: float
    question: ProjectQuestion | None = None

    def waited_seconds(self) -> float | None:
        """Return the seconds since this host was provisioned; None if unknown.

        The first run stored that time; a config file that is written again does not reset it.
        """
        written_at = self.settings.config_written_at
        made_at = identity.read(self.host, self.settings.state_directory).made_at_seconds
        moments = [moment for moment in (written_at, made_at) if moment is not None]
        return self.host.now().timestamp() - min(moments) if written_at is not None else None

    def project(self) -> Project:
        """Return the Django project; wait for it. Raise MaintenanceError if it cannot be asked."""
        if self.question is None:
            raise MaintenanceError("no_project", "no Django project is configured")
        return self.question.answer()

    def project_or_none(self) -> Project | None:
        """Return the Django project; None if it cannot be asked, which the check `django_project` reports."""
        try:
            return self.project()
        except MaintenanceError:
            return None
