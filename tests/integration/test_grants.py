"""`iact-maintenance grants JOB`: what it prints goes to the server's own client, and the job then works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration import sites
from tests.integration.servers import MariaDB, PostgreSQL, Server
from tests.unit.session_site import MODULE_UTILS

DATABASE, PASSWORD = "iact_main", "an0ther-Secret"


@dataclass
class GrantSite:
    """A site on one server, whose accounts do not exist yet; each job has one of its own."""

    engine: str
    server: Server
    folder: Path

    def configure(self) -> None:
        """Write the config file, and each job's credentials file with the password to come."""
        sections: dict[str, Any] = {"backup": {"tables": ["dora_metrics"], f"{self.engine}_databases": [DATABASE]}}
        for job in ("session_cleanup", "health", "backup", "restore"):
            user, path = f"iact_{job}", self.folder / f"{job}.secret"
            lines = {"mysql": f"[client]\nuser={user}\npassword={PASSWORD}\n", "postgresql": f"*:*:*:*:{PASSWORD}\n"}
            path.write_text(lines[self.engine])
            path.chmod(0o600)
            option = "config_file" if self.engine == "mysql" else "passfile"
            database = {"login_db": "postgres"} if job == "restore" and self.engine == "postgresql" else {}
            own = {"login_user": user, option: str(path), **database}
            sections.setdefault(job, {})[self.engine] = own
        sections["session_cleanup"].update(engine=self.engine, use_tz=True)
        sections["backup"].update(directory=str(self.folder / "archives"), create_directory=True)
        shared = {"login_host": "127.0.0.1", "login_port": self.server.port, "login_db": DATABASE}
        config = {"state_directory": str(self.folder / "state"), self.engine: shared, **sections}
        (self.folder / "state").mkdir(mode=0o750)
        (self.folder / "maintenance.json").write_text(json.dumps(config))
        (self.folder / "maintenance.json").chmod(0o644)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Return a finished run of the command."""
        argv = [sys.executable, "-m", "iact_maintenance.cli.start", *words, "--config"]
        return subprocess.run(
            [*argv, str(self.folder / "maintenance.json")],
            cwd=MODULE_UTILS,
            env={},
            capture_output=True,
            text=True,
            check=False,
        )

    def administer(self, text: str) -> None:
        """Give a text to the server's own client as an administrator would; the first fault ends it."""
        user, password, port = self.server.admin_user, self.server.admin_password, str(self.server.port)
        if self.engine == "mysql":
            file = self.folder / "admin.cnf"
            file.write_text(f"[client]\nuser={user}\npassword={password}\n")
            argv = ["mariadb", f"--defaults-file={file}", f"--socket={self.server.socket}"]
        else:
            argv = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", port, "-U", user, DATABASE]
        environment = {**os.environ, "PGPASSWORD": password}
        done = subprocess.run(argv, input=text, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def grant(self, job: str) -> None:
        """Run what the command prints for a job, and its last line with a password."""
        done = self.run("grants", job)
        assert done.returncode == 0, done.stdout + done.stderr
        self.administer(done.stdout)
        self.administer(done.stdout)
        last = done.stdout.splitlines()[-1]
        if self.engine == "mysql":
            statement = re.search("ALTER USER.*;", last)
            assert statement is not None
            self.administer(statement[0].replace("…", PASSWORD))
        else:
            role = last.rpartition(" ")[2]
            self.administer(f"ALTER ROLE {role} PASSWORD '{PASSWORD}';")


@pytest.fixture(params=["mysql", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GrantSite]:
    server = request.getfixturevalue("mariadb" if request.param == "mysql" else "postgresql")
    assert isinstance(server, (MariaDB, PostgreSQL))
    server.create_database(DATABASE)
    sites.create_sessions(server, DATABASE)
    server.execute("CREATE TABLE dora_metrics (id int)", database=DATABASE)
    made = GrantSite(request.param, server, tmp_path)
    made.configure()
    yield made
    server.drop_database(DATABASE)
    for job in ("session_cleanup", "health", "backup", "restore"):
        at = "@localhost" if request.param == "mysql" else ""
        server.execute(f"DROP {'USER' if at else 'ROLE'} IF EXISTS iact_{job}{at}")


def test_g68_every_job_works_after_what_is_printed_was_run(site: GrantSite) -> None:
    for words in (("session-cleanup", "--force"), ("backup",)):
        assert site.run(*words).returncode == 1
    for job in ("session-cleanup", "health", "backup", "restore"):
        site.grant(job)
    assert site.run("session-cleanup", "--force").returncode == 0
    checks = {check["name"]: check for check in json.loads(site.run("health", "--json").stdout)["checks"]}
    assert checks["sessions"]["status"] == "pass", checks
    saved = site.run("backup")
    assert saved.returncode == 0, saved.stdout
    component = f"{site.engine}.{DATABASE}"
    restored = site.run("restore", "--components", component)
    assert restored.returncode == 0, restored.stdout + restored.stderr
    site.server.drop_database(re.findall(r"iact_restore_\w+", restored.stdout)[0])


def test_no_password_is_printed_and_no_account_can_be_entered_before_it_has_one(site: GrantSite) -> None:
    done = site.run("grants", "backup")
    assert PASSWORD not in done.stdout + done.stderr
    site.administer(done.stdout)
    assert "auth" in site.run("backup").stdout


def test_what_is_no_job_is_refused_with_those_there_are(site: GrantSite) -> None:
    done = site.run("grants", "bakcup")
    assert done.returncode == 2 and "did you mean backup?" in done.stderr
    assert site.run("grants").returncode == 2
