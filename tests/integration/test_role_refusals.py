"""What a whole run of the role says of wrong variables: all of them at once, and no value of a connection."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ansible_collections.iact.maintenance.plugins.modules import iact_host_info
from tests.runner import Options, Run, run_module, run_playbook

SECRET = "hunter2Tr0ub4dor"
PLAY = {"hosts": "localhost", "gather_facts": False, "roles": ["iact.maintenance.iact_maintenance"]}


def play(**given: Any) -> Run:
    """Return what the role does in check mode with these variables, shown in every detail."""
    variables = {f"iact_maintenance_{name}": content for name, content in given.items()}
    return run_playbook([PLAY], Options(variables=variables, arguments=("--check", "--diff", "-vvv")))


def test_g10_ansible_prints_no_value_of_a_connection_and_all_refusals_come_at_once() -> None:
    given = {
        "mysql_login_port": SECRET,
        "mysql_ca_cert": SECRET,
        "mysql_login_password": SECRET,
        "postgresql_tls": SECRET,
        "postgresql_connect_timeout": [SECRET],
        "sqlite_read_only": {"x": SECRET},
        "restore_mysql": {"login_password": [SECRET]},
        "health_postgresql": SECRET,
        "backup_schedule": "30-10 2 * * *",
        "mysql_pasword": SECRET,
    }
    run = play(**given)
    assert run.return_code != 0
    (failed,) = [result.result["msg"] for result in run.results if result.status == "failed"]
    for name in set(given) - {"mysql_login_password"}:
        assert f"iact_maintenance_{name}" in failed
    assert len(failed.splitlines()) == len(given) - 1
    assert SECRET not in run.output
    assert SECRET not in json.dumps(run.events, default=str)


@pytest.mark.parametrize("tags", [("--tags", "cron"), ("--skip-tags", "cron")])
def test_g105_a_removal_of_a_part_is_refused(tags: tuple[str, str]) -> None:
    options = Options(variables={"iact_maintenance_state": "absent"}, arguments=("--check", *tags))
    run = run_playbook([PLAY], options)
    (failed,) = [result.result["msg"] for result in run.results if result.status == "failed"]
    assert run.return_code != 0 and "without --tags and --skip-tags" in failed


def test_the_module_s_examples_run_and_its_variables_are_hidden() -> None:
    (look, show) = yaml.safe_load(iact_host_info.EXAMPLES)
    run = run_playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [look, show]}])
    assert run.return_code == 0, run.output
    hidden = run.only(look["name"]).result["invocation"]["module_args"]["variables"]
    assert hidden == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_variables_that_are_no_json_are_refused_without_being_shown() -> None:
    for text in (f"{{{SECRET}", json.dumps([SECRET])):
        result = run_module("iact_host_info", {"variables": text})
        assert result.status == "failed"
        assert SECRET not in json.dumps(result.result)
