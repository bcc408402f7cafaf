"""What kind of store a project keeps its sessions in, by module path: the setting's own first, then its class's."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..sections.health import SESSION_BACKEND
from .project import Project

BACKENDS = "django.contrib.sessions.backends."
CACHED_DATABASE = BACKENDS + "cached_db"
CACHE = BACKENDS + "cache"
# The cache that keeps nothing, for development.
DUMMY = "django.core.cache.backends.dummy.DummyCache"
FORBIDDEN = {
    CACHED_DATABASE: "keeps sessions in a cache beside the database",
    CACHE: "keeps sessions in a cache only",
    BACKENDS + "file": "keeps sessions in files",
    BACKENDS + "signed_cookies": "keeps sessions in the browser",
}
# A whole word of a path: `predistribution` is not Redis. Valkey is Redis under another name.
_REDIS = re.compile(r"(?:^|[._])(?:redis|valkey)(?:cache|[._]|$)", re.IGNORECASE)


def nearest_known(found: Project) -> str:
    """Return which of Django's own backends a project's engine is, or inherits from first; empty for none."""
    modules = [found.session_engine, *(name.rpartition(".")[0] for name in found.session_ancestry)]
    return next((name for name in modules if name == SESSION_BACKEND or name in FORBIDDEN), "")


def is_redis(names: Iterable[str]) -> bool:
    """Return whether one of these names is Redis'."""
    return any(_REDIS.search(name) for name in names)


def tells_no_table(found: Project) -> bool:
    """Return whether a project loads and its session engine names no table: that of `get_model_class`."""
    return found.loaded and bool(found.session_ancestry) and not (found.sessions_alias or found.trouble("sessions"))


def needs_no_table(found: Project) -> str:
    """Return why a project keeps no session in a table; empty where it does, or where nobody can tell."""
    if not tells_no_table(found):
        return ""
    kind = nearest_known(found)
    if kind in FORBIDDEN:
        return f"{found.session_engine} {FORBIDDEN[kind]}"
    redis = is_redis([found.session_engine, *found.session_ancestry])
    return f"{found.session_engine} keeps sessions in Redis" if redis else ""
