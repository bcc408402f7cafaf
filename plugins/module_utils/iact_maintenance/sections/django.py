"""The section `django`: the Django project and how to start it."""

from __future__ import annotations

from typing import NamedTuple

from ..values import Option

DJANGO = (
    Option("project_path", "path", "Directory of the Django project, the one with manage.py.", required=True),
    Option("python", "path", "Python of the project, in its virtual environment.", "/usr/bin/python3"),
    Option("settings_module", "str", "DJANGO_SETTINGS_MODULE of the project."),
    Option("env_file", "path", "File with KEY=VALUE lines that the settings read from the environment."),
)


class Django(NamedTuple):
    """The Django project and how to start it."""

    project_path: str
    python: str
    settings_module: str | None = None
    env_file: str | None = None
