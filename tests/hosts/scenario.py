"""Helpers for the tests of all Molecule scenarios: hosts, plays through ansible-runner, and waiting."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import testinfra

from tests import runner

PREFIX = os.environ.get("IACT_TEST_PREFIX", "iact")
COMMAND = "/usr/local/bin/iact-maintenance"
_Seen = TypeVar("_Seen")


def host_named(name: str) -> Any:
    """Return the host with that name, connected as root."""
    return testinfra.get_host(f"docker://{PREFIX}-{name}")


def options(*arguments: str, **variables: Any) -> runner.Options:
    """Return the runner's options for the scenario's hosts; Molecule names the inventory."""
    return runner.Options(
        inventory=os.environ["MOLECULE_INVENTORY_FILE"],
        variables={"ansible_python_interpreter": "/usr/bin/python3", **variables},
        arguments=arguments,
    )


def play(playbook: str, host: str, *arguments: str, **variables: Any) -> runner.Run:
    """Return the result of one of the checkout's playbooks on a host of the scenario."""
    return runner.run_playbook(Path(playbook), options("--limit", f"{PREFIX}-{host}", *arguments, **variables))


def ask(module: str, host: str) -> runner.TaskResult:
    """Return the result of `ansible HOST -m MODULE`, run from outside and as root."""
    return runner.run_module(module, None, options(), f"{PREFIX}-{host}")


def wait_until(look: Callable[[], _Seen | None], seconds: float, what: str) -> _Seen:
    """Return the first result of `look` that is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        seen = look()
        if seen:
            return seen
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s in vain: {what}")


def runs(host: Any, log: str) -> list[dict[str, Any]]:
    """Return the runs in a log; each line must be JSON."""
    return [json.loads(line) for line in host.file(log).content_string.splitlines()]


def said(run: runner.Run) -> str:
    """Return the messages of failed tasks, or the end of the output if none failed."""
    failed = [result.result for result in run.results if result.status in ("failed", "unreachable")]
    items = [item for result in failed for item in result.get("results", [result]) if item.get("failed", True)]
    return "\n".join(str(item.get("msg", item)) for item in items) or run.output[-3000:]
