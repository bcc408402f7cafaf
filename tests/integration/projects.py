"""A Django project made by a test, and two servers side by side: its own one, and a wrong one with more sessions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.integration import sites
from tests.integration.servers import MariaDB, Server
from tests.unit.session_site import MODULE_UTILS

NAME, USER, PASSWORD = "callcenter", "callcenter", "cl ave#'1"
EXPIRED, LIVE = timedelta(days=-1), timedelta(days=3650)
SETTINGS = """
import sys
try:
    import MySQLdb
except ImportError:
    import pymysql
    pymysql.install_as_MySQLdb()
SECRET_KEY = 'x'
INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.sessions', 'own']
SESSION_ENGINE = {engine!r}
USE_TZ = True
DATABASES = {{'default': {database!r}}}
"""
STORE = """
from django.contrib.sessions.backends.db import SessionStore as Base
class SessionStore(Base):
    @classmethod
    def get_model_class(cls):
        from own.models import Own
        return Own
"""
MODEL = """
from django.contrib.sessions.base_session import AbstractBaseSession
class Own(AbstractBaseSession):
    class Meta:
        app_label = 'own'
        db_table = {table!r}
"""
# MySQL's own client library for Python, as far as Django asks for it before it connects.
MYSQLDB = "from pymysql import *\nimport pymysql\nversion_info = (2, 2, 0, 'final', 0)\n__version__ = '2.2.0'\n"


@dataclass(frozen=True)
class Pair:
    """The project's server, and another one that has a database of the same name with more sessions in it."""

    right: Server
    wrong: Server
    folder: Path

    def fill(self) -> None:
        """Give both servers a fresh session table: one live and two expired here, five expired there."""
        for server, expired in ((self.right, 2), (self.wrong, 5)):
            server.execute("DROP TABLE IF EXISTS django_session", database=NAME)
            sites.create_sessions(server, NAME)
            rows = {f"expired{number}": EXPIRED for number in range(expired)}
            sites.add_sessions(server, NAME, {**rows, "live": LIVE})
            for statement in _grants(server, "django_session"):
                server.execute(statement, database=NAME)

    def database(self, **changes: Any) -> dict[str, Any]:
        """Return the project's entry in DATABASES."""
        engine = "mysql" if isinstance(self.right, MariaDB) else "postgresql"
        entry = {"ENGINE": f"django.db.backends.{engine}", "NAME": NAME, "USER": USER, "PASSWORD": PASSWORD}
        return {**entry, "HOST": "127.0.0.1", "PORT": str(self.right.port), **changes}

    def configure(self, database: dict[str, Any], environment: str = "", table: str = "", **sections: Any) -> None:
        """Write a project with that entry, and our config file."""
        application = self.folder / "own"
        application.mkdir(exist_ok=True)
        engine = "own.store" if table else "django.contrib.sessions.backends.db"
        files = {
            "manage.py": "",
            "site_settings.py": SETTINGS.format(database=database, engine=engine),
            "own/__init__.py": "",
            "own/store.py": STORE,
            "own/models.py": MODEL.format(table=table) if table else "",
            "site.env": environment,
        }
        for name, text in files.items():
            (self.folder / name).write_text(text)
        django = {"project_path": str(self.folder), "python": sys.executable, "settings_module": "site_settings"}
        whole = {
            "state_directory": str(self.folder / "state"),
            "django": {**django, "env_file": str(self.folder / "site.env")},
            **sections,
        }
        (self.folder / "state").mkdir(exist_ok=True, mode=0o750)
        (self.folder / "maintenance.json").write_text(json.dumps(whole))
        for name in ("maintenance.json", "site.env"):
            (self.folder / name).chmod(0o644)

    def run(self, *words: str) -> dict[str, Any]:
        """Return one run's report, with its exit status."""
        argv = [sys.executable, "-m", "iact_maintenance.cli.start", *words, "--json", "--config"]
        done = subprocess.run(
            [*argv, str(self.folder / "maintenance.json")], cwd=MODULE_UTILS, env={}, capture_output=True, check=False
        )
        assert PASSWORD not in (done.stdout + done.stderr).decode()
        return {**json.loads(done.stdout), "exit": done.returncode}

    def clean(self, database: dict[str, Any], environment: str = "", **options: Any) -> dict[str, Any]:
        """Return the report of one cleanup; the wrong server's sessions are there after it."""
        self.configure(database, environment, **options)
        report = self.run("session-cleanup", "--force")
        assert len(sites.keys(self.wrong, NAME)) == 6, report
        if report["exit"]:
            assert len(sites.keys(self.right, NAME)) == 3, report
            assert report["findings"][0]["hint"], report
        return report

    def failed(self, code: str, database: dict[str, Any], environment: str = "", **options: Any) -> str:
        """Assert that the run ended with that code and nothing deleted, as health did; gives its message."""
        report = self.clean(database, environment, **options)
        assert (report["exit"], report["findings"][0]["code"]) == (1, code), report
        check = _sessions(self.run("health"))
        assert (check["status"], check["code"]) == ("fail", code), check
        return str(report["findings"][0]["message"])

    def cleaned(self, database: dict[str, Any], environment: str = "", **options: Any) -> None:
        """Assert that the project's own server was cleaned."""
        report = self.clean(database, environment, **options)
        assert (report["exit"], report.get("deleted")) == (0, 2), report["findings"]
        assert sites.keys(self.right, NAME) == ["live"]
        health = self.run("health")
        assert _sessions(health)["status"] == "pass", _sessions(health)
        assert _sessions(health)["measured"]["value"] == 1

    def unsaved(self, words: str) -> None:
        """Assert that health fails, since the project's own account could save no session, and that none was lost."""
        before = sites.keys(self.right, NAME)
        self.configure(self.database())
        check = _sessions(self.run("health"))
        assert (check["status"], check["code"]) == ("fail", "session_not_saved"), check
        assert words in check["message"] and check["hint"]
        assert sites.keys(self.right, NAME) == before

    def refused(self, word: str, database: dict[str, Any], environment: str = "", **options: Any) -> None:
        """Assert that the run was refused by the name of what stands in the way, and by health as well."""
        report = self.clean(database, environment, **options)
        assert (report["exit"], report["findings"][0]["code"]) == (2, "connection_option"), report
        assert word in report["findings"][0]["message"]
        check = _sessions(self.run("health"))
        assert (check["status"], check["code"]) == ("fail", "connection_option")


def _sessions(report: dict[str, Any]) -> dict[str, Any]:
    (rows,) = [check for check in report["checks"] if check["name"] == "sessions"]
    assert isinstance(rows, dict)
    return rows


def _grants(server: Server, table: str) -> list[str]:
    if isinstance(server, MariaDB):
        return [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {NAME}.* TO {USER}@'%'"]
    return [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {USER}"]


def pair(right: Server, wrong: Server, folder: Path) -> Iterator[Pair]:
    for server in (right, wrong):
        server.create_account(USER, PASSWORD)
        server.create_database(NAME)
    made = Pair(right, wrong, folder)
    made.fill()
    yield made
    for server in (right, wrong):
        server.drop_database(NAME)
        server.execute(f"DROP USER {USER}@'%'" if isinstance(server, MariaDB) else f"DROP ROLE {USER}")
