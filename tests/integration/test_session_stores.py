"""Projects that keep no session, or none in a table: health and the cleanup say so in the project's own words."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.session_site import MODULE_UTILS, TABLE, Site

SETTINGS = """
SECRET_KEY = 'x'
INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.sessions']
USE_TZ = True
DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {database!r}}}}}
{more}
"""
MODULES = {
    "router_raises.py": "class Router:\n"
    "    def db_for_write(self, model, **hints): raise RuntimeError('no shard today')\n",
    "router_nowhere.py": "class Router:\n    def db_for_write(self, model, **hints): return 'nowhere'\n",
    "empty_store.py": "",
    "own_store.py": "from django.contrib.sessions.backends.base import SessionBase\n"
    "class SessionStore(SessionBase): pass\n",
    "odd_store.py": "from django.contrib.sessions.backends.db import SessionStore as Base\n"
    "class SessionStore(Base):\n    @classmethod\n    def get_model_class(cls): raise LookupError('no such model')\n",
}
WITHOUT_SESSIONS = "INSTALLED_APPS = ['django.contrib.contenttypes']"


@dataclass(frozen=True)
class Project:
    """A project on an SQLite file that has three expired sessions and a live one."""

    site: Site

    def configure(self, more: str, **sections: Any) -> None:
        """Write the project's settings and our config file, which names the file as well."""
        files = {"manage.py": "", "site_settings.py": SETTINGS.format(database=str(self.site.database), more=more)}
        for name, text in {**files, **MODULES}.items():
            (self.site.folder / name).write_text(text)
        django = {"project_path": str(self.site.folder), "python": sys.executable, "settings_module": "site_settings"}
        self.site.configure(django=django, **sections)

    def run(self, *words: str) -> dict[str, Any]:
        """Return one run's report with its exit status."""
        argv = [
            sys.executable,
            "-m",
            "iact_maintenance.cli.start",
            *words,
            "--json",
            "--config",
            str(self.site.config),
        ]
        done = subprocess.run(argv, cwd=MODULE_UTILS, env={}, capture_output=True, check=False)
        return {**json.loads(done.stdout), "exit": done.returncode}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    site = Site(tmp_path)
    site.fill(expired=3, live=1)
    return Project(site)


@pytest.mark.parametrize(
    ("more", "check", "words"),
    [
        (WITHOUT_SESSIONS, "sessions", "INSTALLED_APPS"),
        ("DATABASE_ROUTERS = ['router_raises.Router']", "sessions", "no shard today"),
        ("DATABASE_ROUTERS = ['router_nowhere.Router']", "sessions", "nowhere"),
        ("DATABASES = {}", "sessions", "default"),
        ("SESSION_ENGINE = ''", "session_engine", "SESSION_ENGINE (empty)"),
        ("SESSION_ENGINE = 'empty_store'", "session_engine", "SessionStore"),
        ("SESSION_ENGINE = 'no_such_store'", "session_engine", "no_such_store"),
        ("SESSION_ENGINE = 'odd_store'", "sessions", "no such model"),
    ],
)
def test_g92_a_project_that_can_keep_no_session_is_never_healthy_nor_cleaned(
    project: Project, more: str, check: str, words: str
) -> None:
    project.configure(more)
    report = project.run("health")
    failing = {each["name"]: each for each in report["checks"] if each["status"] == "fail"}
    assert report["exit"] == 1, report
    assert words in failing[check]["message"] and failing[check]["hint"]
    cleanup = project.run("session-cleanup", "--force")
    assert cleanup["exit"] == 1 and cleanup["findings"][0]["hint"], cleanup
    assert len(project.site.sessions()) == 4


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("SECRET_KEY = ''", "SECRET_KEY"),
        ("SESSION_SERIALIZER = 'no.Such'", "No module named 'no'"),
        (
            "SESSION_ENGINE = 'django.contrib.sessions.backends.file'\nSESSION_FILE_PATH = '/nonexistent/x'",
            "/nonexistent",
        ),
    ],
)
def test_g92_a_project_that_can_make_no_session_is_never_healthy(project: Project, more: str, words: str) -> None:
    allowed = ["django.contrib.sessions.backends.db", "django.contrib.sessions.backends.file"]
    project.configure(more, health={"allowed_session_engines": allowed})
    report = project.run("health")
    failing = {each["name"]: each for each in report["checks"] if each["status"] == "fail"}
    assert report["exit"] == 1 and "cannot create a session" in failing["session_engine"]["message"], report
    assert words in failing["session_engine"]["message"] and failing["session_engine"]["hint"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("'NAME': 'file:{path}?mode=ro'", "read-only"),
        ("'NAME': 'file:{path}?cache=private&immutable=1', 'OPTIONS': {{'uri': True}}", "read-only"),
    ],
)
def test_g92_a_project_that_opens_its_database_read_only_is_never_healthy(
    project: Project, settings: str, words: str
) -> None:
    entry = settings.format(path=project.site.database)
    project.configure(f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', {entry}}}}}")
    report = project.run("health")
    failing = {each["name"]: each for each in report["checks"] if each["status"] == "fail"}
    assert report["exit"] == 1 and "sessions" in failing, report
    assert words in failing["sessions"]["message"] or "immutable" in settings, failing
    assert failing["sessions"]["hint"]


def test_g92_a_database_file_that_nobody_may_write_is_not_healthy(project: Project) -> None:
    project.configure("")
    project.site.database.chmod(0o444)
    report = project.run("health")
    (check,) = [each for each in report["checks"] if each["name"] == "sessions"]
    assert (check["status"], check["code"]) == ("fail", "session_not_saved")


def test_g92_an_allowed_cache_that_keeps_nothing_is_not_healthy(project: Project) -> None:
    engine = "django.contrib.sessions.backends.cache"
    cache = "{'default': {'BACKEND': 'django.core.cache.backends.dummy.DummyCache'}}"
    project.configure(f"SESSION_ENGINE = {engine!r}\nCACHES = {cache}", health={"allowed_session_engines": [engine]})
    report = project.run("health")
    failing = {each["name"]: each for each in report["checks"] if each["status"] == "fail"}
    assert report["exit"] == 1 and "stores nothing" in failing["session_engine"]["message"]


def test_g92_an_allowed_engine_that_does_not_import_is_not_healthy(project: Project) -> None:
    project.configure("SESSION_ENGINE = 'no_such_store'", health={"allowed_session_engines": ["no_such_store"]})
    assert project.run("health")["exit"] == 1


def test_g92_a_session_table_that_is_missing_fails_by_name(project: Project) -> None:
    project.site.sql("DROP TABLE django_session")
    project.configure("")
    report = project.run("health")
    (check,) = [each for each in report["checks"] if each["name"] == "sessions"]
    assert (check["status"], check["code"]) == ("fail", "no_table")
    project.site.sql(TABLE)


@pytest.mark.parametrize("engine", ["cache", "file", "signed_cookies"])
def test_g87_where_sessions_are_in_no_table_there_is_nothing_to_clean(project: Project, engine: str) -> None:
    project.configure(f"SESSION_ENGINE = 'django.contrib.sessions.backends.{engine}'")
    for words in (("--force",), ("--dry-run",)):
        report = project.run("session-cleanup", *words)
        assert (report["exit"], report["status"], report["changed"]) == (0, "ok", False), report
        assert report["summary"] == "the project keeps no sessions in a table: nothing to do"
        assert [finding["code"] for finding in report["findings"]] == ["no_session_table"]
        assert engine in report["findings"][0]["message"]
    assert len(project.site.sessions()) == 4


def test_g86_an_engine_of_the_site_s_own_is_cleaned_once_its_table_is_named(project: Project) -> None:
    project.configure("SESSION_ENGINE = 'own_store'")
    report = project.run("session-cleanup", "--force")
    assert report["exit"] == 1
    assert "own_store has no get_model_class" in report["findings"][0]["message"]
    assert "session_cleanup.table" in report["findings"][0]["hint"]
    project.configure("SESSION_ENGINE = 'own_store'", session_cleanup={"engine": "sqlite", "table": "django_session"})
    assert project.run("session-cleanup", "--force")["deleted"] == 3
