"""A small site in a folder: an SQLite file with Django's session table, a state directory and a config file."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import config_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    COMMAND_LINE,
    Layer,
    Settings,
)
from tests.unit.fakes import NOON, FakeHost

MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"
# As Django 4.2 makes it.
TABLE = (
    'CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, '
    '"expire_date" datetime NOT NULL)'
)
INDEX = 'CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date")'


def let_everybody_enter(directory: Path) -> None:
    """Make a directory of a test enterable for every account, with pytest's own directories above it."""
    for path in (directory, *directory.parents):
        if path == Path(tempfile.gettempdir()):
            break
        path.chmod(0o755)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    output: str
    errors: str

    @property
    def line(self) -> dict[str, Any]:
        """Return its single JSON document."""
        assert self.output.count("\n") == 1
        document: dict[str, Any] = json.loads(self.output)
        return document


class Site:
    """The site; `options` are the config file's content besides the database and the state directory."""

    def __init__(self, folder: Path, **options: Mapping[str, object]) -> None:
        self.folder = folder
        self.database = folder / "db.sqlite3"
        self.state = folder / "state"
        self.config = folder / "maintenance.json"
        self.state.mkdir(mode=0o750)
        self.sql(TABLE)
        self.sql(INDEX)
        self.configure(**options)

    def configure(self, **options: Mapping[str, object]) -> None:
        """Write the config file again."""
        whole = {
            "sqlite": {"path": str(self.database)},
            "state_directory": str(self.state),
            **options,
            "session_cleanup": {"use_tz": True, **options.get("session_cleanup", {})},
        }
        self.config.write_text(json.dumps(whole))
        self.config.chmod(0o644)

    def settings(self, **flags: object) -> Settings:
        """Return the settings from the config file and these flags."""
        host = FakeHost(user_id=os.geteuid())
        return config_file.load(host, str(self.config), Layer(COMMAND_LINE, {"session_cleanup": flags}))

    def connect(self) -> contextlib.closing[sqlite3.Connection]:
        """Return another program's connection, such as the application's."""
        connection = sqlite3.connect(self.database, timeout=20, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        return contextlib.closing(connection)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement of another program."""
        with self.connect() as connection:
            return connection.execute(statement, parameters).fetchall()

    def add(self, key: str, age: timedelta, moment: datetime = NOON) -> None:
        """Add a session that expired that long before the test's time; with a negative age it expires later."""
        self.add_stored(key, (moment - age).replace(tzinfo=None))

    def add_stored(self, key: str, stored: datetime) -> None:
        """Add a session with exactly this expire_date."""
        self.sql("INSERT INTO django_session VALUES (?, 'data', ?)", key, str(stored))

    def fill(self, expired: int, live: int) -> None:
        """Add that many sessions that expired in 2020, and that many that expire in 2100."""
        rows = [(f"expired{number:06}", f"2020-01-01 00:00:{number % 60:02}") for number in range(expired)]
        rows += [(f"live{number:06}", "2100-01-01 00:00:00") for number in range(live)]
        with self.connect() as connection:
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO django_session VALUES (?, 'data', ?)", rows)
            connection.execute("COMMIT")

    def sessions(self) -> set[str]:
        """Return the keys of all sessions."""
        return {row[0] for row in self.sql("SELECT session_key FROM django_session")}

    def live_count(self) -> int:
        """Return the number of sessions that have not expired."""
        return int(self.sql("SELECT count(*) FROM django_session WHERE session_key LIKE 'live%'")[0][0])

    def expired_count(self) -> int:
        """Return the number of sessions that have expired."""
        return int(self.sql("SELECT count(*) FROM django_session WHERE session_key LIKE 'expired%'")[0][0])

    def history(self) -> list[dict[str, Any]]:
        """Return the recorded runs."""
        path = self.state / "history.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def snapshot(self) -> dict[str, bytes]:
        """Return every file below the folder with its content."""
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def words(self, *words: str) -> list[str]:
        """Return the argv of a command of this site, run from the checkout."""
        return [sys.executable, "-m", "iact_maintenance.cli.start", *words, "--config", str(self.config)]

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Return a started command of this site."""
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        return subprocess.Popen(self.words(*words), cwd=MODULE_UTILS, env=_ENVIRONMENT, text=True, **given)

    def run(self, *words: str) -> Done:
        """Return how a command of this site ended."""
        return finished(self.start(*words))


_ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def finished(process: subprocess.Popen[str]) -> Done:
    """Return how a running command ended."""
    output, errors = process.communicate(timeout=60)
    return Done(process.returncode, output, errors)
