"""Run Ansible in the checkout through ansible-runner and return its results as data."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner

CHECKOUT = Path(__file__).resolve().parent.parent
# Named, because discovery may find a pyenv shim that does not run.
LOCALHOST = {
    "all": {
        "hosts": {
            "localhost": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        }
    }
}
STATUSES = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_skipped": "skipped",
    "runner_on_unreachable": "unreachable",
}


@dataclass(frozen=True)
class TaskResult:
    """The result of a task on a host."""

    task: str
    host: str
    status: str
    """ok, failed, skipped or unreachable."""
    result: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A finished run: Ansible's exit status, the result of each task, and all raw events."""

    return_code: int
    results: list[TaskResult]
    events: list[dict[str, Any]] = field(repr=False)
    output: str
    """The screen's text, for messages of failed tests and for proofs that something is nowhere in it."""

    def only(self, task: str) -> TaskResult:
        """Return the single result of the task with that name."""
        (result,) = [result for result in self.results if result.task == task]
        return result


@dataclass(frozen=True)
class Options:
    """How to run; the defaults suit most tests."""

    inventory: Mapping[str, Any] | str = field(default_factory=lambda: LOCALHOST)
    variables: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    """Further ones for the command line, such as --check, --diff, -vvv."""
    timeout_seconds: int = 300


def run_module(
    name: str, arguments: Mapping[str, Any] | None = None, options: Options | None = None, host: str = "localhost"
) -> TaskResult:
    """Return the result of `ansible HOST -m name -a arguments`."""
    module_args = json.dumps(arguments) if arguments else ""
    run = _run({"module": name, "module_args": module_args, "host_pattern": host}, options or Options())
    if len(run.results) != 1:
        raise AssertionError(f"the module {name} gave no result:\n{run.output}")
    return run.results[0]


def run_modules(name: str, calls: Sequence[Mapping[str, Any]], options: Options | None = None) -> list[TaskResult]:
    """Return what a module of ours gave for each of these arguments: in one play, since each start takes seconds."""
    tasks = [
        {"name": str(number), f"iact.maintenance.{name}": dict(arguments), "ignore_errors": True}
        for number, arguments in enumerate(calls)
    ]
    run = run_playbook([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], options)
    return [run.only(task["name"]) for task in tasks]


def run_playbook(playbook: Path | Sequence[Mapping[str, Any]], options: Options | None = None) -> Run:
    """Return the result of a playbook: one of the checkout, by its path, or a list of plays."""
    plays = str(CHECKOUT / playbook) if isinstance(playbook, Path) else [dict(play) for play in playbook]
    return _run({"playbook": plays}, options or Options())


def _run(what: dict[str, Any], options: Options) -> Run:
    with tempfile.TemporaryDirectory(prefix="iact-runner-") as folder:
        runner = ansible_runner.run(
            private_data_dir=folder,
            inventory=options.inventory,
            extravars=dict(options.variables),
            envvars=_environment(folder, options),
            cmdline=" ".join(options.arguments) or None,
            settings={"idle_timeout": options.timeout_seconds, "job_timeout": options.timeout_seconds},
            quiet=True,
            **what,
        )
        events = list(runner.events)
        return Run(runner.rc, _results(events), events, runner.stdout.read())


def _environment(folder: str, options: Options) -> dict[str, str]:
    return {
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": f"{folder}/home",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **options.environment,
    }


def _results(events: list[dict[str, Any]]) -> list[TaskResult]:
    return [
        TaskResult(data["task"], data["host"], STATUSES[event["event"]], data.get("res", {}))
        for event in events
        if event["event"] in STATUSES and (data := event["event_data"])
    ]
