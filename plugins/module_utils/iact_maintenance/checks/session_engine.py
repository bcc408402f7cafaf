"""RNF-002, the technology rule: sessions live in a database. Judged from the running project, by module path first."""

from __future__ import annotations

from ..django.project import Project
from ..django.session_store import CACHE, CACHED_DATABASE, DUMMY, FORBIDDEN, is_redis, nearest_known
from ..report import FAIL, PASS, SKIP, WARN
from ..sections.health import SESSION_BACKEND
from .context import Context
from .outcome import Outcome

_LOADS = "run manage.py check: no session can be kept while this engine does not import"
_MAKES = "correct the setting that the message names: SECRET_KEY, SESSION_SERIALIZER or SESSION_FILE_PATH"
_HINT = f"set SESSION_ENGINE = '{SESSION_BACKEND}' (RNF-002), or allow the engine in health.allowed_session_engines"


def session_engine(context: Context) -> list[Outcome]:
    """Check that the effective SESSION_ENGINE keeps sessions in a database."""
    found = context.project_or_none()
    if found is None or (not found.session_engine and not found.loaded):
        return [Outcome(SKIP, "cannot be told while the settings do not load: see django_project")]
    return [judge(found, context.settings.health.allowed_session_engines)]


def judge(found: Project, allowed: tuple[str, ...]) -> Outcome:
    """Return the verdict on a project's session engine.

    In this order, because the class of `cached_db` is a subclass of `db`'s: the setting's own path, then what its class
    inherits from, the nearest first.
    """
    name = found.session_engine
    trouble = found.trouble("session_engine")
    if trouble:
        return Outcome(FAIL, f"SESSION_ENGINE {name or '(empty)'} does not import: {trouble}", _LOADS)
    unmade = found.trouble("session_store")
    if unmade:
        return Outcome(FAIL, f"{name} can make no session: {unmade}", _MAKES)
    base = nearest_known(found)
    if name == SESSION_BACKEND:
        return Outcome(PASS, f"sessions are kept in the database ({name})")
    if name in allowed:
        return _allowed(found, base)
    if is_redis([name, *found.session_ancestry]):
        return Outcome(FAIL, f"{name} keeps sessions in Redis", _HINT)
    if base in FORBIDDEN:
        return Outcome(FAIL, f"{name} {FORBIDDEN[base]}{_where(found)}", _HINT)
    if base == SESSION_BACKEND:
        return Outcome(PASS, f"sessions are kept in the database ({name}, a subclass of {SESSION_BACKEND})")
    if not found.session_ancestry:
        reason = found.ending or "the project does not load"
        return Outcome(FAIL, f"{name} cannot be judged: {reason}", _HINT)
    return Outcome(FAIL, f"{name} is not an engine that keeps sessions in a database", _HINT)


def _allowed(found: Project, base: str) -> Outcome:
    """Return the outcome for an engine that the site allows: what it keeps in a cache is named, and Redis fails."""
    name = found.session_engine
    if base not in (CACHED_DATABASE, CACHE):
        return Outcome(PASS, f"{name} is allowed on this site")
    if not found.cache_backend:
        reason = found.trouble("session_cache") or found.ending or "the project does not load"
        return Outcome(FAIL, f"{name} is allowed, but its cache cannot be told: {reason}", _HINT)
    if is_redis([found.cache_backend, *found.cache_ancestry]):
        return Outcome(FAIL, f"{name} is allowed, but its cache is Redis ({found.cache_backend})", _HINT)
    if base == CACHE and DUMMY in (found.cache_backend, *found.cache_ancestry):
        return Outcome(FAIL, f"{name} is allowed, but its cache keeps nothing ({found.cache_backend})", _HINT)
    hint = "Redis would not be allowed there; an empty cache only costs time"
    return Outcome(WARN, f"{name} is allowed on this site and uses a cache{_where(found)}", hint)


def _where(found: Project) -> str:
    return f" ({found.cache_backend})" if found.cache_backend else ""
