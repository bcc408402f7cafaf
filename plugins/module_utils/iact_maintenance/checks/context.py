"""What all checks of one run share: the settings, the machine, and the one question to the Django project."""

from __future__ import annotations

import threading
from typing import NamedTuple

from .. import identity
from ..django import client
from ..django.project import Project
from ..errors import MaintenanceError
from ..host import Host
from ..sections.django import Django
from ..settings import Settings


class ProjectQuestion:
    """The project's answer, asked for once in a thread of its own; every check that needs it waits for the same."""

    def __init__(self, host: Host, django: Django, deadline_seconds: float) -> None:
        self._host, self._django, self._deadline_seconds = host, django, deadline_seconds
        self._answered = threading.Event()
        self._project: Project | None = None
        self._trouble: Exception | None = None
        threading.Thread(target=self._ask, name="django", daemon=True).start()

    def _ask(self) -> None:
        try:
            self._project = client.ask(self._host, self._django, self._deadline_seconds)
        except Exception as trouble:
            self._trouble = trouble
        self._answered.set()

    def answer(self) -> Project:
        """The project as it described itself. Raises what asking it raised."""
        self._answered.wait()
        if self._project is None:
            raise self._trouble or RuntimeError("the question to the project ended without an answer")
        return self._project


class Context(NamedTuple):
    """One run's checks: `limit_seconds` is the time that each of them has at most."""

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
        """The Django project, waited for. Raises MaintenanceError where it cannot be asked."""
        if self.question is None:
            raise MaintenanceError("no_project", "no Django project is configured")
        return self.question.answer()

    def project_or_none(self) -> Project | None:
        """The Django project, or None where it cannot be asked: the check `django_project` says why."""
        try:
            return self.project()
        except MaintenanceError:
            return None
