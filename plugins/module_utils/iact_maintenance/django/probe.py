"""The script that asks a Django project about itself, under the project's own Python.

The core only reads its source: ``client.py`` sends it, after that of ``probe_sessions.py``, to the project's Python. So
it uses nothing else of ours and nothing newer than Python 3.6, and its types are written in the old way. Each fact
leaves as one JSON line as soon as it is known, the cheap ones first, because a later question may hang until the
process is killed.
"""

# ruff: noqa: UP006, UP035, UP045

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, TextIO

from .probe_sessions import check_saving, connection_facts

MESSAGE_CHARACTERS = 65536
PENDING_SHOWN = 20
SECRET_OPTIONS = ("password", "passwd", "passphrase", "sslpassword", "secret", "token")
# Python's default of 700 would search the project's freshly imported code for garbage again and again, for a tenth of
# the whole time; still a number, because a project may make any amount of it.
OBJECTS_BETWEEN_COLLECTIONS = 50000


class Answers:
    """Send facts, one JSON line each, also from several threads."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self.stream = stream
        self.lock = threading.Lock()

    def fact(self, name: str, details: Dict[str, Any]) -> None:
        """Send one fact."""
        line = json.dumps(dict(details, fact=name))
        with self.lock:
            self.stream.write(line + "\n")
            self.stream.flush()

    def attempt(self, step: str, alias: Optional[str], question: Callable[..., Any], *arguments: Any) -> Any:
        """Return a question's answer, or None after sending the error.

        Everything is caught, SystemExit too, because a project's code may raise anything and the following questions
        can still be answered.
        """
        try:
            return question(*arguments)
        except BaseException as trouble:
            # Unchanged, because passwords can be redacted only before a text is cut or collapsed.
            text = str(trouble)[:MESSAGE_CHARACTERS]
            self.fact("trouble", {"step": step, "alias": alias, "kind": type(trouble).__name__, "message": text})
            return None


def private_stdout() -> TextIO:
    """Return a private stream on what was stdout; what the project prints goes to stderr from now on."""
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return stream


def prepare(request: Dict[str, Any]) -> None:
    """Set up this process like the project's manage.py."""
    os.environ.update(request["variables"])
    if request["settings_module"]:
        os.environ["DJANGO_SETTINGS_MODULE"] = request["settings_module"]
    sys.argv = ["manage.py", "check"]
    sys.path.insert(0, request["project_path"])


def ancestry(cls: type) -> List[str]:
    """Return the full names of a class and of its base classes, itself first."""
    return [f"{each.__module__}.{each.__qualname__}" for each in cls.__mro__ if each is not object]


def tell_django(answers: Answers) -> bool:
    """Send the version of Django; return whether it can be imported."""
    import django

    answers.fact("django", {"version": django.get_version()})
    return True


def used_databases() -> Dict[str, Any]:
    """Return the databases that the project uses, by alias, without a `default` that is empty on purpose."""
    from django.conf import settings

    unused = ("", "django.db.backends.dummy")
    return {str(alias): entry for alias, entry in settings.DATABASES.items() if entry.get("ENGINE", "") not in unused}


def tell_settings(answers: Answers) -> bool:
    """Send the effective settings; return whether the settings module loads."""
    from django.conf import settings

    answers.fact("session_engine", {"name": str(settings.SESSION_ENGINE)})
    for alias, entry in used_databases().items():
        answers.fact("database", dict(database(entry), alias=alias))
    return True


def database(entry: Dict[str, Any]) -> Dict[str, Any]:
    """Return what is needed to connect to a database of the project, including its password: the pipe is private."""
    engine, name = str(entry.get("ENGINE", "")), str(entry.get("NAME") or "")
    if "sqlite" in engine and name and not name.startswith(("file:", ":")):
        name = os.path.abspath(name)
    options = entry.get("OPTIONS") or {}
    return {
        "engine": engine,
        "name": name,
        "host": str(entry.get("HOST") or ""),
        "port": str(entry.get("PORT") or ""),
        "user": str(entry.get("USER") or ""),
        "password": str(entry.get("PASSWORD") or ""),
        "secrets": [str(options[key]) for key in SECRET_OPTIONS if options.get(key)],
    }


def tell_driver(answers: Answers, alias: str) -> bool:
    """Send the driver and the time zone of an alias; the driver is imported and nothing is connected."""
    from django.db import connections

    connection = connections[alias]
    module = getattr(connection, "Database", None)
    name = str(getattr(module, "__name__", ""))
    facts = {"vendor": str(connection.vendor), "driver": name, "time_zone": str(connection.timezone_name)}
    answers.fact("driver", dict(facts, alias=alias))
    return True


def load_applications() -> bool:
    """Load the project's applications; return whether they load.

    Not django.setup(), because it would open the application's log files under the maintenance account.
    """
    from django.apps import apps
    from django.conf import settings

    apps.populate(settings.INSTALLED_APPS)
    return True


def tell_session_engine(answers: Answers) -> Any:
    """Send the effective session store; return its class."""
    from django.conf import settings
    from django.utils.module_loading import import_string

    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    answers.fact("session_engine", {"name": str(settings.SESSION_ENGINE), "ancestry": ancestry(store)})
    return store


def make_session(store: Any) -> None:
    """Create a session in memory as for saving: with the serializer, the secret key and, for files, the directory."""
    store().encode({"made_by": "iact-maintenance"})


def tell_session_cache(answers: Answers) -> None:
    """Send the cache that would hold sessions, for stores that use one."""
    from django.conf import settings
    from django.utils.module_loading import import_string

    alias = settings.SESSION_CACHE_ALIAS
    backend = str(settings.CACHES[alias]["BACKEND"])
    answers.fact("session_cache", {"alias": alias, "backend": backend})
    answers.fact("session_cache", {"alias": alias, "backend": backend, "ancestry": ancestry(import_string(backend))})


def tell_session_table(answers: Answers, model: Any) -> str:
    """Send alias and table of the sessions, if a database holds them; return the alias."""
    from django.db import router

    meta = model._meta
    alias = str(router.db_for_write(model))
    answers.fact("sessions", {"alias": alias, "table": meta.db_table, "model": meta.label})
    return alias


def migrated_applications(loader: Any) -> Dict[str, List[Any]]:
    """Return the applications with migrations, each with the models whose tables a migration creates."""
    from django.apps import apps

    applications = {}
    for label in sorted(loader.migrated_apps):
        models = apps.get_app_config(label).get_models()
        applications[label] = [model for model in models if model._meta.managed and not model._meta.proxy]
    return applications


def open_applications(alias: str, applications: Dict[str, List[Any]]) -> List[str]:
    """Return the labels of the applications for which the router allows migrations on an alias."""
    from django.db import router

    return [
        label
        for label, models in applications.items()
        if any(router.allow_migrate_model(alias, model) for model in models)
        or (not models and router.allow_migrate(alias, label))
    ]


def tell_migrations(answers: Answers, alias: str, labels: List[str], loader: Any) -> None:
    """Send the pending migrations of these applications on an alias; the first question that needs its server."""
    from django.db import connections
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.recorder import MigrationRecorder

    connection = connections[alias]
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and not name.startswith(("file:", ":")) and not os.path.exists(name):
        raise FileNotFoundError(f"the file {name} does not exist")
    if loader.replacements:
        # The alias's applied migrations decide whether a squashed migration counts, or those that it replaces.
        loader = MigrationLoader(connection)
        applied = loader.applied_migrations
    else:
        applied = MigrationRecorder(connection).applied_migrations()
    missing = sorted(key for key in loader.graph.nodes if key[0] in labels and key not in applied)
    pending = [".".join(key) for key in missing]
    answers.fact("migrations", {"alias": alias, "pending": pending[:PENDING_SHOWN], "total": len(pending)})


def migration_questions(answers: Answers, aliases: List[str]) -> Dict[str, List[Any]]:
    """Return, by alias, the question about pending migrations, for every alias with migrations allowed."""
    from django.db.migrations.loader import MigrationLoader

    # Without a connection and shared by all aliases, because ordering the migrations is slow.
    loader = MigrationLoader(None, ignore_no_migrations=True)
    applications = migrated_applications(loader)
    questions = {}
    for alias in aliases:
        labels = answers.attempt("migrations", alias, open_applications, alias, applications)
        if labels is None:
            continue
        answers.fact("router", {"alias": alias, "open": bool(labels)})
        if labels:
            questions[alias] = [("migrations", alias, tell_migrations, answers, alias, labels, loader)]
    return questions


def ask_servers(answers: Answers, questions: Dict[str, List[Any]]) -> None:
    """Ask the questions of every alias concurrently, so that one that hangs does not delay the others."""

    def ask_each(asked: List[Any]) -> None:
        for question in asked:
            answers.attempt(*question)

    threads = [threading.Thread(target=ask_each, args=(asked,), daemon=True) for asked in questions.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ask_settings(answers: Answers) -> List[str]:
    """Ask what does not need loaded applications; return the aliases whose driver works."""
    if not answers.attempt("settings", None, tell_settings, answers):
        return []
    return [alias for alias in used_databases() if answers.attempt("driver", alias, tell_driver, answers, alias)]


def ask_sessions(answers: Answers, asked: Dict[str, Any]) -> Dict[str, List[Any]]:
    """Ask where the sessions are and how the project connects there; return the question for that server."""
    store = answers.attempt("session_engine", None, tell_session_engine, answers)
    if hasattr(store, "encode"):
        answers.attempt("session_store", None, make_session, store)
    if hasattr(store, "cache_key_prefix"):
        answers.attempt("session_cache", None, tell_session_cache, answers)
    if not hasattr(store, "get_model_class"):
        return {}
    model = answers.attempt("sessions", None, store.get_model_class)
    alias = model and answers.attempt("sessions", None, tell_session_table, answers, model)
    if not alias:
        return {}
    facts = answers.attempt("connection", alias, connection_facts, alias, asked)
    if facts:
        answers.fact("connection", facts)
    return {alias: [("session_save", alias, check_saving, alias, model)]}


def ask(answers: Answers, request: Dict[str, Any]) -> None:
    """Ask all questions that the project's state allows."""
    answers.fact("python", {"version": sys.version.split()[0], "prefix": sys.prefix})
    prepare(request)
    answers.fact("settings_module", {"name": os.environ.get("DJANGO_SETTINGS_MODULE", "")})
    if not answers.attempt("django", None, tell_django, answers):
        return
    aliases = ask_settings(answers)
    if not answers.attempt("applications", None, load_applications):
        return
    answers.fact("applications", {})
    questions = ask_sessions(answers, request.get("connection", {}))
    if request["servers"]:
        pending = answers.attempt("migrations", None, migration_questions, answers, aliases) or {}
        # Migrations first, because the session table may be locked for a while.
        both = {alias: pending.get(alias, []) + questions.get(alias, []) for alias in {*pending, *questions}}
        ask_servers(answers, both)


def main() -> None:
    """Read the request from stdin, answer it, and end immediately, whatever threads the project started."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    answers = Answers(private_stdout())
    request = json.loads(sys.stdin.read())
    answers.attempt("probe", None, ask, answers, request)
    answers.fact("end", {})
    os._exit(0)


if __name__ == "__main__":
    main()
