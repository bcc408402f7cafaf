"""Check the rule RNF-002: sessions are kept in a database. Judged by the effective settings of the project."""

from __future__ import annotations

from ..django.project import Project
from ..django.session_store import CACHE, CACHED_DATABASE, DUMMY, FORBIDDEN, is_redis, nearest_known
from ..report import FAIL, PASS, SKIP, WARN
from ..sections.health import SESSION_BACKEND
from .context import Context
from .outcome import Outcome

_LOADS = "run manage.py check: no session can be saved while this engine does not import"
_MAKES = "correct the setting that the message names: SECRET_KEY, SESSION_SERIALIZER or SESSION_FILE_PATH"
_HINT = f"set SESSION_ENGINE = '{SESSION_BACKEND}' (RNF-002), or allow the engine in health.allowed_session_engines"


def session_engine(context: Context) -> list[Outcome]:
    """Check that the effective SESSION_ENGINE keeps sessions in a database."""
    project = context.project_or_none()
    if project is None or (not project.session_engine and not project.loaded):
        return [Outcome(SKIP, "not checked, because the settings do not load: see django_project")]
    return [judge(project, context.settings.health.allowed_session_engines)]


def judge(project: Project, allowed: tuple[str, ...]) -> Outcome:
    """Return the outcome for a project's session engine.

    The setting's own path is judged first, then the classes that it inherits from, nearest first, because the class of
    `cached_db` is a subclass of that of `db`.
    """
    name = project.session_engine
    trouble = project.trouble("session_engine")
    if trouble:
        return Outcome(FAIL, f"SESSION_ENGINE {name or '(empty)'} does not import: {trouble}", _LOADS)
    unmade = project.trouble("session_store")
    if unmade:
        return Outcome(FAIL, f"{name} cannot create a session: {unmade}", _MAKES)
    base = nearest_known(project)
    if name == SESSION_BACKEND:
        return Outcome(PASS, f"sessions are kept in the database ({name})")
    if name in allowed:
        return _allowed(project, base)
    if is_redis([name, *project.session_ancestry]):
        return Outcome(FAIL, f"{name} keeps sessions in Redis", _HINT)
    if base in FORBIDDEN:
        return Outcome(FAIL, f"{name} {FORBIDDEN[base]}{_where(project)}", _HINT)
    if base == SESSION_BACKEND:
        return Outcome(PASS, f"sessions are kept in the database ({name}, a subclass of {SESSION_BACKEND})")
    if not project.session_ancestry:
        reason = project.ending or "the project does not load"
        return Outcome(FAIL, f"{name} cannot be checked: {reason}", _HINT)
    return Outcome(FAIL, f"{name} is not an engine that keeps sessions in a database", _HINT)


def _allowed(project: Project, base: str) -> Outcome:
    """Return the outcome for an engine that the site allows: a warning if it uses a cache, a failure for Redis."""
    name = project.session_engine
    if base not in (CACHED_DATABASE, CACHE):
        return Outcome(PASS, f"{name} is allowed on this site")
    if not project.cache_backend:
        reason = project.trouble("session_cache") or project.ending or "the project does not load"
        return Outcome(FAIL, f"{name} is allowed, but its cache cannot be determined: {reason}", _HINT)
    if is_redis([project.cache_backend, *project.cache_ancestry]):
        return Outcome(FAIL, f"{name} is allowed, but its cache is Redis ({project.cache_backend})", _HINT)
    if base == CACHE and DUMMY in (project.cache_backend, *project.cache_ancestry):
        return Outcome(FAIL, f"{name} is allowed, but its cache stores nothing ({project.cache_backend})", _HINT)
    hint = "check that the cache is not Redis, which is not allowed"
    return Outcome(WARN, f"{name} is allowed on this site and uses a cache{_where(project)}", hint)


def _where(project: Project) -> str:
    return f" ({project.cache_backend})" if project.cache_backend else ""
