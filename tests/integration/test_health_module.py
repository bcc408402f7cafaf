"""The module iact_health through Ansible itself, by its short name: the same answer as the command's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import runner


@pytest.fixture
def config(tmp_path: Path, checkout: Path) -> Path:
    """Return a config file for the fixture project on SQLite, with 30 sessions."""
    project, database = checkout / "tests/fixtures/callcentersite", tmp_path / "site.sqlite3"
    (tmp_path / "state").mkdir()
    (tmp_path / "site.env").write_text(f"CALLCENTER_SQLITE_PATH={database}\n")
    settings = {"DJANGO_SETTINGS_MODULE": "callcentersite.settings.sqlite", "CALLCENTER_SQLITE_PATH": str(database)}
    for words in (["migrate", "-v0"], ["seed_site", "--sessions", "30"]):
        command = [sys.executable, "-B", "manage.py", *words]
        subprocess.run(command, cwd=project, env={**os.environ, **settings}, check=True, stdout=subprocess.DEVNULL)
    path = tmp_path / "maintenance.json"
    content: dict[str, Any] = {
        "state_directory": str(tmp_path / "state"),
        "sqlite": {"path": str(database)},
        "django": {
            "project_path": str(project),
            "python": sys.executable,
            "settings_module": "callcentersite.settings.sqlite",
            "env_file": str(tmp_path / "site.env"),
        },
    }
    path.write_text(json.dumps(content))
    path.chmod(0o644)
    return path


def health(config: Path, **arguments: Any) -> runner.TaskResult:
    return runner.run_module("iact_health", {"config": str(config), **arguments})


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["status"] for check in result["checks"]}


def test_the_module_answers_as_the_command_does(config: Path, checkout: Path) -> None:
    answer = health(config)
    assert (answer.status, answer.result["changed"]) == ("ok", False)
    command = [sys.executable, "-m", "iact_maintenance.cli.start", "health", "--json", "--config", str(config)]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(checkout / "plugins/module_utils")}
    shown = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True).stdout
    assert statuses(answer.result) == statuses(json.loads(shown))
    assert statuses(answer.result)["migrations_default"] == "pass"


def test_the_task_fails_exactly_where_the_command_would_not_end_with_0(config: Path) -> None:
    site, paths = json.loads(config.read_text()), {}
    for rows in (29, 30):
        site["session_cleanup"] = {"warning_rows": 10, "critical_rows": rows}
        paths[rows] = str(config.with_name(f"{rows}.json"))
        Path(paths[rows]).write_text(json.dumps(site))
        Path(paths[rows]).chmod(0o644)
    critical, never, warned, strict = runner.run_modules(
        "iact_health",
        [
            {"config": paths[29]},
            {"config": paths[29], "fail_on": "never"},
            {"config": paths[30]},
            {"config": paths[30], "fail_on": "warning"},
        ],
    )
    assert [each.status for each in (critical, never, warned, strict)] == ["failed", "ok", "ok", "failed"]
    assert statuses(critical.result)["sessions"] == "fail"
    assert critical.result["msg"].startswith("1 of ")


def test_a_wrong_option_is_refused_with_the_command_s_words(config: Path) -> None:
    answer = health(config, deadline_seconds=0)
    assert answer.status == "failed"
    assert answer.result["msg"] == "deadline_seconds is 0.0: a number from 1 to 300 is allowed"


def test_check_mode_runs_every_check_and_writes_nothing(config: Path, tmp_path: Path) -> None:
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [{"name": "look", "iact.maintenance.iact_health": {"config": str(config)}}],
    }
    run = runner.run_playbook([play], runner.Options(arguments=["--check", "--diff"]))
    assert statuses(run.only("look").result)["migrations_default"] == "pass"
    assert os.listdir(tmp_path / "state") == []


@pytest.mark.parametrize("module", ["iact_health", "iact_launcher"])
def test_g101_a_python_that_is_too_old_gives_one_sentence(module: str) -> None:
    found = sorted(Path.home().glob(".pyenv/versions/3.8.*/bin/python"))
    if not found:
        pytest.skip("no Python 3.8 here")
    local = {"ansible_connection": "local", "ansible_python_interpreter": str(found[-1])}
    options = runner.Options(inventory={"all": {"hosts": {"localhost": local}}})
    result = runner.run_module(module, None, options)
    assert result.status == "failed"
    assert "needs Python 3.9 or newer on the host" in result.result["msg"] and "3.8" in result.result["msg"]
    assert "Traceback" not in str(result.result)
