"""The probe, run under a project's Python as the client runs it, but against the fixture project alone."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django import client, options

Facts = list[dict[str, Any]]
DATABASE_BACKEND = "django.contrib.sessions.backends.db"
SITE_VARIABLES = {"CALLCENTER_POSTGRES_PORT": "1", "CALLCENTER_MYSQL_PORT": "1", "CALLCENTER_MYSQL_PASSWORD": "p"}


@pytest.fixture
def site(checkout: Path) -> Path:
    return checkout / "tests/fixtures/callcentersite"


def ask(project: Path, settings: str | None, variables: dict[str, str], python: str = sys.executable) -> Facts:
    """Return the probe's answers about a project."""
    source = client.SOURCE
    request = {"project_path": str(project), "settings_module": settings, "variables": variables, "servers": True}
    request["connection"] = options.asked_of_the_probe()
    child = subprocess.run(
        [python, "-I", "-B", "-c", source],
        input=json.dumps(request).encode(),
        capture_output=True,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        timeout=30,
        check=True,
    )
    return [json.loads(line) for line in child.stdout.splitlines()]


def named(facts: Facts, name: str) -> Facts:
    return [fact for fact in facts if fact["fact"] == name]


def trouble(facts: Facts, step: str) -> dict[str, Any]:
    (found,) = [fact for fact in named(facts, "trouble") if fact["step"] == step]
    return found


@pytest.fixture
def sqlite_site(site: Path, tmp_path: Path) -> Callable[..., Facts]:
    """Ask the fixture project on a fresh SQLite file, migrated or not."""

    def ask_sqlite(migrated: bool = False, **variables: str) -> Facts:
        environment = {"CALLCENTER_SQLITE_PATH": str(tmp_path / "site.sqlite3"), **variables}
        if migrated:
            command = [sys.executable, "-B", "manage.py", "migrate", "-v0"]
            settings = {"DJANGO_SETTINGS_MODULE": "callcentersite.settings.sqlite"}
            subprocess.run(command, cwd=site, env={**os.environ, **environment, **settings}, check=True)
        return ask(site, "callcentersite.settings.sqlite", environment)

    return ask_sqlite


def test_a_migrated_project_tells_everything_and_has_nothing_pending(sqlite_site: Callable[..., Facts]) -> None:
    facts = sqlite_site(migrated=True)
    assert not named(facts, "trouble")
    assert facts[-1] == {"fact": "end"}
    assert named(facts, "session_engine")[-1]["ancestry"][0] == DATABASE_BACKEND + ".SessionStore"
    assert [fact["time_zone"] for fact in named(facts, "driver")] == ["UTC"]
    (sessions,) = named(facts, "sessions")
    assert (sessions["alias"], sessions["table"]) == ("default", "django_session")
    assert named(facts, "migrations") == [{"fact": "migrations", "alias": "default", "pending": [], "total": 0}]


def test_cheap_facts_come_first(sqlite_site: Callable[..., Facts]) -> None:
    order = [fact["fact"] for fact in sqlite_site(migrated=True)]
    assert order[:4] == ["python", "settings_module", "django", "session_engine"]
    assert order[-2:] == ["migrations", "end"]


def test_pending_migrations_are_named(sqlite_site: Callable[..., Facts], tmp_path: Path) -> None:
    (tmp_path / "site.sqlite3").touch()
    (pending,) = named(sqlite_site(), "migrations")
    assert pending["total"] > 10
    assert "sessions.0001_initial" in pending["pending"] or pending["total"] > len(pending["pending"])


MIGRATION = """from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [{dependencies}]
    replaces = [{replaces}]
"""
SQUASHED = {
    "0001_a": ("", ""),
    "0002_b": ("('calls', '0001_a')", ""),
    "0001_squashed_0002_b": ("", "('calls', '0001_a'), ('calls', '0002_b')"),
    "0003_c": ("('calls', '0001_squashed_0002_b')", ""),
}
SQUASHED_SITE = """SECRET_KEY = 'x'
INSTALLED_APPS = ['calls']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': %r}}
"""


@pytest.mark.parametrize(
    ("applied", "pending"),
    [
        ([], ["calls.0001_squashed_0002_b", "calls.0003_c"]),
        (["0001_a"], ["calls.0002_b", "calls.0003_c"]),
        (["0001_a", "0002_b"], ["calls.0003_c"]),
        (["0001_a", "0002_b", "0001_squashed_0002_b", "0003_c"], []),
    ],
)
def test_of_squashed_migrations_those_count_that_the_database_is_still_to_get(
    tmp_path: Path, applied: list[str], pending: list[str]
) -> None:
    folder = tmp_path / "calls" / "migrations"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    for name, (dependencies, replaces) in SQUASHED.items():
        (folder / f"{name}.py").write_text(MIGRATION.format(dependencies=dependencies, replaces=replaces))
    database = tmp_path / "site.sqlite3"
    (tmp_path / "strange.py").write_text(SQUASHED_SITE % str(database))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE django_migrations (id integer PRIMARY KEY, app text, name text, applied text)")
        rows = [("calls", name, "2026-01-01") for name in applied]
        connection.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, ?)", rows)
        connection.commit()
    (found,) = named(ask(tmp_path, "strange", {}), "migrations")
    assert (found["pending"], found["total"]) == (pending, len(pending))


def test_a_missing_sqlite_file_is_told_and_not_made(sqlite_site: Callable[..., Facts], tmp_path: Path) -> None:
    assert "does not exist" in trouble(sqlite_site(), "migrations")["message"]
    assert not (tmp_path / "site.sqlite3").exists()


def test_x10_settings_in_a_package_give_the_effective_session_engine(sqlite_site: Callable[..., Facts]) -> None:
    """X10: the comment in settings/base.py names Redis, and the setting itself comes from the environment."""
    facts = sqlite_site(migrated=True, CALLCENTER_SESSION_ENGINE="django.contrib.sessions.backends.cached_db")
    assert {fact["name"] for fact in named(facts, "session_engine")} == {"django.contrib.sessions.backends.cached_db"}
    assert DATABASE_BACKEND + ".SessionStore" in named(facts, "session_engine")[-1]["ancestry"]
    assert named(facts, "session_cache")[-1]["backend"] == "django.core.cache.backends.locmem.LocMemCache"


def test_a_project_on_two_databases_names_the_alias_of_its_sessions(site: Path) -> None:
    facts = ask(site, "callcentersite.settings.production", SITE_VARIABLES)
    assert {fact["alias"]: fact["vendor"] for fact in named(facts, "driver")} == {
        "default": "postgresql",
        "ivr": "mysql",
    }
    assert named(facts, "sessions")[0]["alias"] == "ivr"
    assert {fact["alias"] for fact in named(facts, "trouble")} == {"default", "ivr"}


def test_an_alias_closed_by_the_router_is_told_and_never_asked(site: Path) -> None:
    closed = {"CALLCENTER_SESSIONS_DATABASE": "default", "CALLCENTER_METRICS_DATABASES": "default"}
    facts = ask(site, "callcentersite.settings.production", {**SITE_VARIABLES, **closed})
    assert {fact["alias"]: fact["open"] for fact in named(facts, "router")} == {"default": True, "ivr": False}
    assert {fact["alias"] for fact in named(facts, "trouble")} == {"default"}


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Facts]:
    """Ask a project whose settings are the given text."""

    def ask_project(text: str) -> Facts:
        (tmp_path / "strange.py").write_text(text)
        return ask(tmp_path, "strange", {})

    return ask_project


def test_settings_that_raise_are_a_trouble_and_not_the_end(project: Callable[[str], Facts]) -> None:
    facts = project("raise RuntimeError('no\\nluck')")
    assert trouble(facts, "settings") == {
        "fact": "trouble",
        "step": "settings",
        "alias": None,
        "kind": "RuntimeError",
        "message": "no\nluck",
    }
    assert facts[-1] == {"fact": "end"}


def test_settings_that_exit_are_a_trouble_too(project: Callable[[str], Facts]) -> None:
    assert trouble(project("raise SystemExit(3)"), "settings")["kind"] == "SystemExit"


def test_what_the_project_prints_never_mixes_with_the_answers(project: Callable[[str], Facts]) -> None:
    facts = project("import os\nprint('hello')\nos.write(1, b'hello')\nSECRET_KEY = 'x'\n")
    assert facts[-1] == {"fact": "end"}


def test_a_thread_that_the_project_started_does_not_keep_the_probe(project: Callable[[str], Facts]) -> None:
    facts = project("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n")
    assert facts[-1] == {"fact": "end"}


def test_the_log_files_of_the_project_are_not_opened(project: Callable[[str], Facts], tmp_path: Path) -> None:
    log = tmp_path / "application_json.log"
    project(
        f"SECRET_KEY = 'x'\nLOGGING = {{'version': 1, 'handlers': {{'file': {{'class': 'logging.FileHandler', "
        f"'filename': {str(log)!r}}}}}, 'root': {{'handlers': ['file']}}}}"
    )
    assert not log.exists()


def test_an_unset_settings_module_is_told(tmp_path: Path) -> None:
    assert "DJANGO_SETTINGS_MODULE" in trouble(ask(tmp_path, None, {}), "settings")["message"]


def test_a_default_that_was_left_empty_on_purpose_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "strange.py").write_text(
        "DATABASES = {'default': {}, 'own': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'x'}}\n"
        "INSTALLED_APPS = []\nSECRET_KEY = 'x'\n"
    )
    facts = ask(tmp_path, "strange", {})
    assert [fact["alias"] for fact in named(facts, "database")] == ["own"]
    assert [fact["alias"] for fact in named(facts, "driver")] == ["own"]


def test_a_missing_driver_is_told_with_its_alias(site: Path, tmp_path: Path) -> None:
    (tmp_path / "strange.py").write_text(
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.oracle', 'NAME': 'x'}}\nINSTALLED_APPS = []\n"
    )
    assert trouble(ask(tmp_path, "strange", {}), "driver")["alias"] == "default"


def test_variables_reach_the_project_but_not_its_process_environment(tmp_path: Path) -> None:
    (tmp_path / "strange.py").write_text(
        "import os\nenviron = open('/proc/self/environ', 'rb').read()\nSESSION_ENGINE = os.environ['OF_SITE'] + "
        "str(b'OF_SITE' in environ)\n"
    )
    facts = ask(tmp_path, "strange", {"OF_SITE": "a.b"})
    assert named(facts, "session_engine")[0]["name"] == "a.bFalse"


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.13"])
def test_the_source_runs_on_every_python_that_a_project_may_have(version: str, tmp_path: Path) -> None:
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} here")
    facts = ask(tmp_path, None, {}, python=str(found[-1]))
    assert facts[0]["version"].startswith(version)
    assert facts[-1] == {"fact": "end"}


def test_g85_the_socket_that_is_compiled_into_the_loaded_client_library_is_read() -> None:
    """Read what mysqlclient takes `localhost` for in a process that has loaded the library and connects to nothing."""
    source = client.SOURCE.split("\nif __name__", maxsplit=1)[0]
    load = "import ctypes\ntry:\n    ctypes.CDLL('libmariadb.so.3')\nexcept OSError:\n    raise SystemExit(9)\n"
    argv = [sys.executable, "-I", "-c", source + "\n" + load + "print(compiled_socket())\n"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode == 9:
        pytest.skip("MariaDB's client library is not installed")
    assert done.stdout.startswith("/") and done.stdout.endswith(".sock\n"), done.stderr


CONNECTION_SITE = """SECRET_KEY = 'x'
INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.sessions']
from pathlib import Path
DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'n', 'PASSWORD': 'p', 'PORT': '5433,5434',
    'OPTIONS': {'sslrootcert': Path('/ca.pem'), 'unknown': 'hidden-value', 'pool': {'max_size': 3},
                'assume_role': 'r'}}}
"""


def test_g83_values_that_are_not_asked_for_never_leave_the_project(tmp_path: Path) -> None:
    (tmp_path / "strange.py").write_text(CONNECTION_SITE)
    facts = ask(tmp_path, "strange", {"PGSSLMODE": "require", "PGOTHER": "hidden-value"})
    (told,) = named(facts, "connection")
    assert told["parameters"] == {
        "assume_role": "r", "dbname": "n", "password": "p", "port": "5433,5434", "sslrootcert": "/ca.pem"
    }  # fmt: skip
    assert {"unknown", "pool"} <= set(told["withheld"])
    assert told["variables"] == {"PGSSLMODE": "require"}
    assert told["default_socket"].startswith("/")
    assert "hidden-value" not in json.dumps(facts)
