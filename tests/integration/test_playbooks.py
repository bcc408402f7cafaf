"""The playbooks work on the group iact, or on what `target` names, and never on the machine on which they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.runner import LOCALHOST, Options, Run, run_module, run_playbook

PLAYBOOKS = ("site.yml", *(f"playbooks/{name}.yml" for name in ("backup", "cleanup", "health", "restore", "uninstall")))
EXAMPLE = "inventory.example.yml"
QUESTION = "Refuse a selection without hosts"
WEB: dict[str, Any] = {
    "all": {
        **LOCALHOST["all"],
        "children": {
            "iact": {"hosts": {"web1": {"ansible_host": "localhost", **LOCALHOST["all"]["hosts"]["localhost"]}}}
        },
    }
}


BOTH: dict[str, Any] = {
    "all": {**WEB["all"], "hosts": {**WEB["all"]["hosts"], "web2": {"ansible_connection": "local"}}}
}


def refused(run: Run) -> str:
    """Return what a run said that was refused before it did anything, in one line."""
    assert run.return_code != 0 and run.results == [], run.output
    return " ".join(run.output.split())


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_looks_for_its_hosts_in_the_same_way(checkout: Path, playbook: str) -> None:
    path = checkout / "playbooks" / Path(playbook).name
    (first, second) = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert first["ansible.builtin.import_playbook"] == "target.yml"
    assert (second["hosts"], second["vars_files"]) == ("{{ maintained_hosts }}", ["vars/hosts.yml"])


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/restore.yml"])
def test_an_inventory_without_hosts_of_iact_is_refused_and_nothing_else_runs(checkout: Path, playbook: str) -> None:
    run = run_playbook(Path(playbook), Options(inventory=str(checkout / EXAMPLE)))
    assert run.return_code != 0
    assert [result.task for result in run.results] == [QUESTION]
    said = str(run.only(QUESTION).result.get("msg"))
    assert "no host in iact" in said and "inventory.example.yml" in said


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/uninstall.yml"])
def test_g107_a_limit_outside_of_the_group_is_refused(playbook: str) -> None:
    options = Options(inventory=BOTH, arguments=("--limit", "web2"))
    assert "no host in iact within --limit web2" in refused(run_playbook(Path(playbook), options))


@pytest.mark.parametrize(
    "arguments", [(), ("--limit", "web1"), ("--limit", "'web1,localhost'"), ("--limit", "'!web2'")]
)
def test_a_playbook_works_on_the_group_alone_and_never_on_localhost(arguments: tuple[str, ...]) -> None:
    run = run_playbook(Path("playbooks/health.yml"), Options(inventory=WEB, arguments=arguments))
    assert {(result.host, result.task) for result in run.results} - {("localhost", QUESTION)} == {
        ("web1", "Check the health")
    }


def test_a_target_that_is_named_is_taken_instead() -> None:
    named = run_playbook(Path("playbooks/health.yml"), Options(inventory=WEB, variables={"target": "web1"}))
    assert "web1" in {result.host for result in named.results}
    missing = run_playbook(Path("playbooks/health.yml"), Options(inventory=WEB, variables={"target": "web2"}))
    assert missing.return_code != 0 and "no host in web2" in str(missing.only(QUESTION).result["msg"])


def test_a_module_by_hand_works_on_localhost_of_the_example(checkout: Path) -> None:
    inventory = str(checkout / EXAMPLE)
    result = run_module("iact_health", None, Options(inventory=inventory, variables={"ansible_become": False}))
    assert (result.host, result.result["job"]) == ("localhost", "health")
