"""RNF-002, the technology rule: sessions live in a database. Judged from the running project, by module path first."""

from __future__ import annotations

import re

from ..django.project import Project
from ..options import SESSION_BACKEND
from .context import Context
from .outcome import FAIL, PASS, SKIP, WARN, Outcome

_BACKENDS = "django.contrib.sessions.backends."
_CACHED_DATABASE = _BACKENDS + "cached_db"
_FORBIDDEN = {
    _CACHED_DATABASE: "keeps sessions in a cache beside the database",
    _BACKENDS + "cache": "keeps sessions in a cache only",
    _BACKENDS + "file": "keeps sessions in files",
    _BACKENDS + "signed_cookies": "keeps sessions in the browser",
}
# A whole word of a path: `predistribution` is not Redis. Valkey is Redis under another name.
_REDIS = re.compile(r"(?:^|[._])(?:redis|valkey)(?:cache|[._]|$)", re.IGNORECASE)
_HINT = f"set SESSION_ENGINE = '{SESSION_BACKEND}' (RNF-002), or allow the engine in health.allowed_session_engines"


def session_engine(context: Context) -> list[Outcome]:
    """Whether the effective SESSION_ENGINE keeps sessions in a database."""
    found = context.project_or_none()
    if found is None or not found.session_engine:
        return [Outcome(SKIP, "cannot be told while the settings do not load: see django_project")]
    return [judge(found, context.settings.health.allowed_session_engines)]


def judge(found: Project, allowed: tuple[str, ...]) -> Outcome:
    """The verdict on a project's session engine.

    In this order, because the class of `cached_db` is a subclass of `db`'s: the setting's own path, then what its
    class inherits from, the nearest first.
    """
    name = found.session_engine
    base = _nearest_known(found)
    if name == SESSION_BACKEND:
        return Outcome(PASS, f"sessions are kept in the database ({name})")
    if name in allowed:
        return _allowed(found, base)
    if _is_redis([name, *found.session_ancestry]):
        return Outcome(FAIL, f"{name} keeps sessions in Redis", _HINT)
    if base in _FORBIDDEN:
        return Outcome(FAIL, f"{name} {_FORBIDDEN[base]}{_where(found)}", _HINT)
    if base == SESSION_BACKEND:
        return Outcome(PASS, f"sessions are kept in the database ({name}, a subclass of {SESSION_BACKEND})")
    if not found.session_ancestry:
        reason = found.trouble("session_engine") or found.ending or "the project does not load"
        return Outcome(FAIL, f"{name} cannot be judged: {reason}", _HINT)
    return Outcome(FAIL, f"{name} is not an engine that keeps sessions in a database", _HINT)


def _allowed(found: Project, base: str) -> Outcome:
    """An engine that the site allows: fine, but what it keeps in a cache is named, and never in Redis."""
    name = found.session_engine
    if base not in (_CACHED_DATABASE, _BACKENDS + "cache"):
        return Outcome(PASS, f"{name} is allowed on this site")
    if not found.cache_backend:
        reason = found.trouble("session_cache") or found.ending or "the project does not load"
        return Outcome(FAIL, f"{name} is allowed, but its cache cannot be told: {reason}", _HINT)
    if _is_redis([found.cache_backend, *found.cache_ancestry]):
        return Outcome(FAIL, f"{name} is allowed, but its cache is Redis ({found.cache_backend})", _HINT)
    hint = "Redis would not be allowed there; an empty cache only costs time"
    return Outcome(WARN, f"{name} is allowed on this site and uses a cache{_where(found)}", hint)


def _nearest_known(found: Project) -> str:
    modules = [found.session_engine, *(name.rpartition(".")[0] for name in found.session_ancestry)]
    return next((name for name in modules if name == SESSION_BACKEND or name in _FORBIDDEN), "")


def _where(found: Project) -> str:
    return f" ({found.cache_backend})" if found.cache_backend else ""


def _is_redis(names: list[str]) -> bool:
    return any(_REDIS.search(name) for name in names)
