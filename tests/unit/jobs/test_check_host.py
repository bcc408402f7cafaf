"""All that a host lacks for its settings, told by one command that changes nothing (G20)."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.session_site import Done, Site, let_everybody_enter

Call = Callable[..., Done]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def write(path: Path, settings: object) -> tuple[str, str]:
    path.write_text(json.dumps(settings))
    path.chmod(0o644)
    return "--config", str(path)


def findings(done: Done) -> dict[str, tuple[str, str]]:
    return {each["subject"]: (each["code"], each["hint"]) for each in done.line["findings"]}


def test_g20_a_host_that_has_everything_is_told_so(site: Site, call: Call) -> None:
    done = call("check-config", "--host", "--json", "--config", str(site.config))
    assert (done.status, done.line["summary"]) == (0, "this host has what its settings need")
    assert "critical" not in {each["severity"] for each in done.line["findings"]}


def test_g20_everything_that_is_missing_is_told_at_once_and_nothing_is_made(tmp_path: Path, call: Call) -> None:
    absent = tmp_path / "absent"
    settings = {
        "user": "no-such-account",
        "state_directory": str(absent / "state"),
        "sqlite": {"path": str(absent / "db")},
        "mysql": {"config_file": str(absent / "my.cnf"), "login_db": "x"},
        "restore": {"postgresql": {"passfile": str(absent / "pgpass"), "login_user": "r"}},
        "django": {"project_path": str(absent), "env_file": str(absent / ".env"), "python": str(absent / "python")},
        "health": {"log_directory": str(absent / "logs")},
        "backup": {"directory": str(absent / "backups"), "tables": ["x"], "log_directory": str(absent / "json")},
    }
    done = call("check-config", "--host", "--json", *write(tmp_path / "x.json", settings))
    found = findings(done)
    assert done.status == 1
    assert {name: code for name, (code, _hint) in found.items() if name not in ("crontab", "zstd")} == {
        "user": "no_account",
        "state_directory": "no_state_directory",
        "backup.directory": "unsafe_directory",
        "health.log_directory": "no_directory",
        "backup.log_directory": "unreadable",
        "sqlite.path": "unreadable",
        "mysql": "no_credentials_file",
        "restore.postgresql": "no_credentials_file",
        "django": "no_project",
        "django.env_file": "env_file",
    }
    assert all(hint for _code, hint in found.values())
    assert "install -d -m 0700 -o no-such-account" in found["backup.directory"][1]
    assert os.listdir(tmp_path) == ["x.json"]


def test_g20_the_first_use_without_any_config_file(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call("check-config", "--host", "--json", *write(tmp_path / "x.json", {}))
    assert done.status == 1
    assert findings(done)["config"][0] == "not_configured"
    assert "check-config --example" in findings(done)["config"][1]


@pytest.mark.parametrize("status", [0, 3])
def test_g20_the_project_s_python_is_tried(site: Site, call: Call, tmp_path: Path, status: int) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "manage.py").touch()
    python = project / "python"
    python.write_text(f"#!/bin/sh\nexit {status}\n")
    python.chmod(0o755)
    site.configure(django={"project_path": str(project), "python": str(python)})
    done = call("check-config", "--host", "--json", "--config", str(site.config))
    assert done.status == (1 if status else 0)
    assert ("django.python" in findings(done)) == bool(status)


@as_root
def test_g20_root_looks_as_the_account_of_the_jobs(site: Site) -> None:
    let_everybody_enter(site.folder)
    os.chown(site.database, pwd.getpwnam("nobody").pw_uid, -1)
    site.configure(user="nobody")  # type: ignore[arg-type]
    done = site.run("check-config", "--host", "--json")
    found = {each["subject"]: each["hint"] for each in json.loads(done.output)["findings"]}
    assert done.status == 1
    assert found["state_directory"] == f"chown nobody {site.state} (it belongs to root)"
    os.chown(site.state, pwd.getpwnam("nobody").pw_uid, -1)
    assert site.run("check-config", "--host", "--json").status == 0


def test_g19_a_port_of_the_settings_has_no_separator(tmp_path: Path, call: Call) -> None:
    config = write(tmp_path / "x.json", {"mysql": {"login_port": 26306}, "session_cleanup": {"batch_rows": 12000}})
    shown = call("check-config", *config).output
    assert " 26306 " in shown and " 12,000 " in shown


@as_root
def test_g20_a_file_that_can_be_read_and_not_written_is_named_so(site: Site) -> None:
    let_everybody_enter(site.folder)
    site.database.chmod(0o644)
    site.configure(user="nobody")  # type: ignore[arg-type]
    done = site.run("check-config", "--host", "--json")
    (row,) = [each for each in json.loads(done.output)["findings"] if each["subject"] == "sqlite.path"]
    assert "cannot be written by nobody" in row["message"] and f"chmod g+rw {site.database}" in row["hint"]


def test_g20_without_a_user_the_account_that_runs_is_named(tmp_path: Path, call: Call) -> None:
    config = write(tmp_path / "x.json", {"state_directory": str(tmp_path)})
    done = call("check-config", "--host", "--json", *config)
    (row,) = [each for each in done.line["findings"] if each["code"] == "no_user"]
    assert row["message"].endswith(f"here {pwd.getpwuid(os.geteuid()).pw_name}")
