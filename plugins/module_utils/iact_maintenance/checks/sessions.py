"""Check the session table: its size, because expired rows slow down logins, and that the project can save a session."""

from __future__ import annotations

from contextlib import closing

from ..django.session_store import needs_no_table, tells_no_table
from ..errors import Refused
from ..formatting import plural
from ..report import FAIL, PASS, SKIP, WARN, Measure
from ..sections.connections import Server
from ..sessions.target import SessionTarget, configured_target, like_the_project, target_of
from .context import Context
from .databases import connection, in_time
from .outcome import Outcome

_SAVES = (
    "let the project's own account INSERT, UPDATE and DELETE there, on a server that is not read-only; see DATABASES"
)


def sessions(context: Context) -> list[Outcome]:
    """Check how many sessions there are and that one could be saved. Raise MaintenanceError."""
    project = context.project_or_none() if _is_asked(context) else None
    if project and tells_no_table(project):
        reason = needs_no_table(project) or f"{project.session_engine} has no get_model_class"
        return [Outcome(SKIP, f"there is no table to count: {reason}; see session_engine")]
    try:
        target = _target(context)
    except Refused as unknown:
        if unknown.code == "connection_option":
            raise
        return [Outcome(SKIP, f"the database that holds the sessions is not known: {unknown.message}", unknown.hint)]
    target = target.identified(context.host)
    with closing(target.open(context.host, writable=False)) as opened:
        # Without `describe`, because counting needs fewer rights: SELECT on expire_date.
        rows = opened.count_rows(target.table)
    unsaved = project.trouble("session_save", project.sessions_alias) if project else ""
    if unsaved:
        message = f"the project cannot save a session in {target.table} ({target.engine}): {unsaved}"
        return [Outcome(FAIL, message, _SAVES, code="session_not_saved")]
    return [_judge(context, target, rows)]


def _is_asked(context: Context) -> bool:
    return context.settings.session_cleanup.engine == "auto" and context.settings.django is not None


def _target(context: Context) -> SessionTarget:
    """Return the database to examine, with health's own account. Raise MaintenanceError."""
    settings = context.settings
    asked = _asked_target(context) if _is_asked(context) else None
    target = asked or configured_target(settings)
    chosen = connection(settings, target.engine) or target.connection
    connection_of_project = target.project_connection or (
        target.connection if asked and chosen is not target.connection else None
    )
    if isinstance(chosen, Server):
        chosen = like_the_project(chosen, target.connection)
    project_connection = None if connection_of_project is None else in_time(connection_of_project, context)
    return target._replace(connection=in_time(chosen, context), project_connection=project_connection)


def _asked_target(context: Context) -> SessionTarget | None:
    """Return where the project keeps its sessions; None if it does not load and only the settings can tell."""
    project = context.project_or_none()
    if project is None or not project.loaded:
        return None
    return target_of(context.settings, project)


def _judge(context: Context, target: SessionTarget, rows: int) -> Outcome:
    options = context.settings.session_cleanup
    measure = Measure("sessions", rows, "", str(options.warning_rows), str(options.critical_rows))
    message = f"{plural(rows, 'session')} in {target.table} ({target.engine})"
    hint = "run iact-maintenance session-cleanup --dry-run to count the expired ones; read cleanup.log"
    for status, limit in ((FAIL, options.critical_rows), (WARN, options.warning_rows)):
        if rows > limit:
            return Outcome(status, f"{message}, more than {limit:,}", hint, measure=measure)
    return Outcome(PASS, message, measure=measure)
