"""The fixture site: what the tests, the demo and the hosts rely on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Rows = list[tuple[object, ...]]


@pytest.fixture
def manage(checkout: Path, tmp_path: Path) -> Callable[..., str]:
    """Run one of the site's commands on an SQLite file of its own."""

    def run(*words: str) -> str:
        own = {
            "DJANGO_SETTINGS_MODULE": "callcentersite.settings.sqlite",
            "CALLCENTER_SQLITE_PATH": str(tmp_path / "site.sqlite3"),
        }
        argv = [sys.executable, "-B", "manage.py", *words]
        project = checkout / "tests/fixtures/callcentersite"
        done = subprocess.run(argv, cwd=project, env={**os.environ, **own}, check=True, stdout=subprocess.PIPE)
        return done.stdout.decode()

    return run


def query(path: Path, statement: str) -> Rows:
    connection = sqlite3.connect(path / "site.sqlite3")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_seeding_gives_the_same_rows_each_time(manage: Callable[..., str], tmp_path: Path) -> None:
    manage("migrate", "-v0")
    kept: list[Rows] = []
    for _unused in range(2):
        manage("seed_site", "--sessions", "120", "--expired", "90", "--metrics", "8")
        keys = query(tmp_path, "SELECT session_key FROM django_session ORDER BY 1")
        kept.append(keys + query(tmp_path, "SELECT cycle_id, phase_name, duration_seconds, metadata FROM dora_metrics"))
    assert kept[0] == kept[1]
    assert len(kept[0]) == 128
    expired = "SELECT count(*) FROM django_session WHERE expire_date < datetime('now')"
    assert query(tmp_path, expired) == [(90,)]
    assert query(tmp_path, expired.replace("'now'", "'now', '-30 days'")) == [(60,)]


def test_its_migrations_are_complete(manage: Callable[..., str]) -> None:
    manage("makemigrations", "--check", "--dry-run")


def test_it_writes_json_logs_as_the_application_does(manage: Callable[..., str], tmp_path: Path) -> None:
    manage("migrate", "-v0")
    manage("seed_site", "--log-directory", str(tmp_path / "logs"), "--log-lines", "10")
    names = {path.name for path in (tmp_path / "logs").iterdir()}
    assert names == {"application_json.log", "application_json.log.1", "error_json.log", "calls.json.log"}
