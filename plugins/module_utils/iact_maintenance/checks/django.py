"""Check that the Django project exists, loads, has its dependencies and has no pending migrations."""

from __future__ import annotations

from ..django.project import Database, Project
from ..report import FAIL, PASS, SKIP
from .context import Context
from .outcome import Outcome

_UNKNOWN = [Outcome(SKIP, "not checked, because the project does not load: see django_project")]
_REQUIREMENTS = "install the project's requirements into the environment that django.python names"


def project(context: Context) -> list[Outcome]:
    """Check that the project exists and loads."""
    answer = context.project()
    if answer.trouble("django"):
        return [Outcome(SKIP, "not checked, because Django does not import: see django_dependencies")]
    named = _settings_module(context, answer)
    hint = f"run manage.py check with {named}, as the user that runs the jobs"
    trouble = answer.trouble("settings")
    if trouble:
        return [Outcome(FAIL, f"the settings ({named}) do not load: {trouble}", hint)]
    trouble = answer.trouble("applications") or answer.trouble("probe")
    if trouble:
        return [Outcome(FAIL, f"the project's applications do not load: {trouble}", hint)]
    if not answer.loaded:
        return [Outcome(FAIL, f"the project did not load: {answer.ending}", hint)]
    return [Outcome(PASS, f"Django {answer.django_version} on Python {answer.python_version} loads {named}")]


def _settings_module(context: Context, answer: Project) -> str:
    """Return the name of the settings module: as configured, otherwise as the project's env_file sets it."""
    django = context.settings.django
    configured = django.settings_module if django else None
    return configured or answer.settings_module or "DJANGO_SETTINGS_MODULE, which is not set"


def dependencies(context: Context) -> list[Outcome]:
    """Check that Django and the driver of each of the project's databases import."""
    answer = context.project_or_none()
    if answer is None or not answer.python_version:
        return _UNKNOWN
    trouble = answer.trouble("django")
    if trouble:
        return [Outcome(FAIL, f"Django does not import: {trouble}", _REQUIREMENTS)]
    missing = [text for text in (answer.trouble("settings"), answer.trouble("applications")) if _is_import(text)]
    missing += [f"{each.alias}: {each.text}" for each in answer.troubles if each.step == "driver"]
    if missing:
        return [Outcome(FAIL, "does not import: " + "; ".join(missing), _REQUIREMENTS)]
    if not answer.databases:
        return _UNKNOWN
    drivers = ", ".join(f"{database.driver or database.engine} ({database.alias})" for database in answer.databases)
    return [Outcome(PASS, f"Django {answer.django_version}, {drivers}")]


def migrations(context: Context) -> list[Outcome]:
    """Check each alias of the project for pending migrations."""
    answer = context.project_or_none()
    if answer is None or not answer.loaded:
        return _UNKNOWN
    trouble = answer.trouble("migrations")
    if trouble:
        return [Outcome(FAIL, f"the migrations cannot be read: {trouble}", "run manage.py showmigrations")]
    return [_migrations_of(answer, database) for database in answer.databases]


def _migrations_of(answer: Project, database: Database) -> Outcome:
    alias, hint = database.alias, f"run manage.py migrate --database {database.alias}"
    if answer.trouble("driver", alias):
        return Outcome(SKIP, "not checked, because its driver does not import: see django_dependencies", part=alias)
    if database.is_open is False:
        return Outcome(SKIP, "the project's router allows no migrations there", part=alias)
    trouble = answer.trouble("migrations", alias)
    if trouble:
        return Outcome(FAIL, f"the project cannot read its migrations: {trouble}", _reach(database), alias)
    if database.pending_total is None:
        return Outcome(FAIL, f"the project got no answer from the database: {answer.ending}", _reach(database), alias)
    if database.pending_total:
        shown = ", ".join(database.pending)
        return Outcome(FAIL, f"{database.pending_total} pending: {shown}", hint, alias)
    return Outcome(PASS, "no migration is pending", part=alias)


def _reach(database: Database) -> str:
    place = ":".join(part for part in (database.host, database.port) if part) or database.name
    return f"check the server of the alias {database.alias} ({place}) and the project's login on it"


def _is_import(text: str) -> bool:
    return text.startswith(("ModuleNotFoundError", "ImportError"))
