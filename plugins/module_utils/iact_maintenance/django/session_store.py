"""Classify a project's session store by module path: first the setting's own, then its class's bases."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..sections.health import SESSION_BACKEND
from .project import Project

BACKENDS = "django.contrib.sessions.backends."
CACHED_DATABASE = BACKENDS + "cached_db"
CACHE = BACKENDS + "cache"
# Django's cache that stores nothing.
DUMMY = "django.core.cache.backends.dummy.DummyCache"
FORBIDDEN = {
    CACHED_DATABASE: "keeps sessions in a cache beside the database",
    CACHE: "keeps sessions in a cache only",
    BACKENDS + "file": "keeps sessions in files",
    BACKENDS + "signed_cookies": "keeps sessions in the browser",
}
# A whole word of a path: `predistribution` is not Redis. Valkey is Redis under another name.
_REDIS = re.compile(r"(?:^|[._])(?:redis|valkey)(?:cache|[._]|$)", re.IGNORECASE)


def nearest_known(project: Project) -> str:
    """Return which of Django's backends a session engine is or inherits from first; empty if none."""
    modules = [project.session_engine, *(name.rpartition(".")[0] for name in project.session_ancestry)]
    return next((name for name in modules if name == SESSION_BACKEND or name in FORBIDDEN), "")


def is_redis(names: Iterable[str]) -> bool:
    """Return whether one of these names is a Redis client's."""
    return any(_REDIS.search(name) for name in names)


def tells_no_table(project: Project) -> bool:
    """Return whether the project loads and its session engine names no table (by `get_model_class`)."""
    return (
        project.loaded
        and bool(project.session_ancestry)
        and not (project.sessions_alias or project.trouble("sessions"))
    )


def needs_no_table(project: Project) -> str:
    """Return the reason for which a project needs no session table; empty if it does, or if unknown."""
    if not tells_no_table(project):
        return ""
    kind = nearest_known(project)
    if kind in FORBIDDEN:
        return f"{project.session_engine} {FORBIDDEN[kind]}"
    redis = is_redis([project.session_engine, *project.session_ancestry])
    return f"{project.session_engine} keeps sessions in Redis" if redis else ""
