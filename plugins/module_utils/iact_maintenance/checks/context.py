"""The context that all checks of a run share: settings, machine, and the one question to the Django project."""

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
    """The project's answer, asked for once in the background; every check that needs it waits for the same."""

    def __init__(self, host: Host, django: Django, deadline_seconds: float) -> None:
        self._call = BackgroundCall("django", lambda: client.ask(host, django, deadline_seconds))

    def answer(self) -> Project:
        """Return the project as it described itself. Raise what asking it raised."""
        return self._call.result()


class Context(NamedTuple):
    """What every check of a run is given: `limit_seconds` is the time that each of them has at most."""

    settings: Settings
    host: Host
    limit_seconds: float
    question: ProjectQuestion | None = None

    def waited_seconds(self) -> float | None:
        """Return the seconds since this host was provisioned; None where nothing says when.

        The first run wrote that down. A config file that was written anew since begins no limit anew.
        """
        written_at = self.settings.config_written_at
        made_at = identity.read(self.host, self.settings.state_directory).made_at_seconds
        moments = [moment for moment in (written_at, made_at) if moment is not None]
        return self.host.now().timestamp() - min(moments) if written_at is not None else None

    def project(self) -> Project:
        """Return the Django project, waiting for it. Raise MaintenanceError if it cannot be asked."""
        if self.question is None:
            raise MaintenanceError("no_project", "no Django project is configured")
        return self.question.answer()

    def project_or_none(self) -> Project | None:
        """Return the Django project; None if it cannot be asked, as the check `django_project` says."""
        try:
            return self.project()
        except MaintenanceError:
            return None
