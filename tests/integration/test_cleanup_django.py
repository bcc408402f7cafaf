"""What Django itself calls expired is what the cleanup deletes, in each of the ways a site stores its times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.session_site import MODULE_UTILS

PROJECT = Path(__file__).resolve().parents[1] / "fixtures" / "callcentersite"
# Sessions as a visitor of the site makes them, by seconds that they have left.
MAKE = """
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
call_command("migrate", verbosity=0)
for seconds in (-40 * 86400, -3600, -60, 120, 3600, 1209600):
    store = SessionStore()
    store["left"] = seconds
    store.set_expiry(seconds)
    store.save()
"""
# Before and after Django's own cleanup, in one process, because each start of Django takes a second.
LEFT = """
import json
from django.contrib.sessions.models import Session
from django.core.management import call_command
left = lambda: sorted(session.get_decoded()["left"] for session in Session.objects.all())
before = left()
call_command("clearsessions")
print(json.dumps([before, left()]))
"""


class DjangoSite:
    """The fixture project on an SQLite file, asked under its own Python."""

    def __init__(self, folder: Path, use_tz: bool, time_zone: str, database_time_zone: str = "") -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "callcentersite.settings.sqlite",
            "CALLCENTER_SQLITE_PATH": str(folder / "site.sqlite3"),
            "CALLCENTER_USE_TZ": str(use_tz),
            "CALLCENTER_TIME_ZONE": time_zone,
            "CALLCENTER_DATABASE_TIME_ZONE": database_time_zone,
        }
        env_file = folder / ".env"
        env_file.write_text("".join(f"{key}={value}\n" for key, value in self.environment.items() if "_" in key))
        self.config = folder / "maintenance.json"
        django = {
            "project_path": str(PROJECT),
            "python": sys.executable,
            "settings_module": "callcentersite.settings.sqlite",
            "env_file": str(env_file),
        }
        (folder / "state").mkdir(mode=0o750)
        self.config.write_text(json.dumps({"state_directory": str(folder / "state"), "django": django}))
        self.config.chmod(0o644)
        self.manage("shell", "-c", MAKE)

    def manage(self, *words: str) -> str:
        """Return what one management command printed."""
        argv = [sys.executable, "manage.py", *words]
        return subprocess.run(
            argv, cwd=PROJECT, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def left(self) -> list[list[int]]:
        """Return the sessions by the seconds they had left, before and after a run of clearsessions."""
        answer: list[list[int]] = json.loads(self.manage("shell", "-c", LEFT).splitlines()[-1])
        return answer

    def clean(self, *words: str) -> dict[str, object]:
        """Return the report of one cleanup, which is told where the project is and nothing else."""
        argv = [sys.executable, "-m", "iact_maintenance.cli.start", "session-cleanup", "--force", "--json", *words]
        done = subprocess.run(
            [*argv, "--config", str(self.config)], cwd=MODULE_UTILS, env={}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        report: dict[str, object] = json.loads(done.stdout)
        return report


@pytest.mark.parametrize(
    ("use_tz", "time_zone", "database_time_zone"),
    [
        (True, "America/Mexico_City", ""),
        (True, "UTC", "America/Mexico_City"),
        (True, "UTC", "Asia/Tokyo"),
        (False, "America/Mexico_City", ""),
        (False, "Asia/Tokyo", ""),
        (False, "UTC", ""),
    ],
)
def test_fd41_the_cleanup_deletes_what_django_calls_expired(
    tmp_path: Path, use_tz: bool, time_zone: str, database_time_zone: str
) -> None:
    site = DjangoSite(tmp_path, use_tz, time_zone, database_time_zone)
    assert site.clean("--days", "30")["deleted"] == 1
    assert site.clean("--dry-run")["eligible"] == 2
    report = site.clean()
    assert (report["deleted"], report["remaining"], report["engine"]) == (2, 3, "sqlite")
    assert site.left() == [[120, 3600, 1209600]] * 2
