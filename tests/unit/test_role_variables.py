"""A variable that nobody knows is refused first of all, by its name and never by its value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tools.role_variables import CHECKOUT, PREFIX, variables
from tests.unit.role import ROLE, evaluated, said
from tests.unit.test_role_rules import NAME


def refusal() -> dict[str, Any]:
    """The first task of the role that is a step of its own."""
    task = yaml.safe_load((ROLE / "tasks" / "preflight.yml").read_text(encoding="utf-8"))[0]
    assert "when" not in task
    found = task["ansible.builtin.assert"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("backup_retention_dasy", {"backup_retention_days", "backup_retention_count"}),
        ("mysql_password", {"mysql_login_password"}),
        ("sesion_cleanup_days", set()),
        ("stat", set()),
    ],
)
def test_a_variable_that_nobody_knows_is_refused_before_anything_else(name: str, near: set[str]) -> None:
    given = {PREFIX + name: "hush", "iact_maintenance_state": "absent"}
    assert not evaluated(refusal()["that"], **given)
    message = said(refusal()["fail_msg"], **given)
    assert message.startswith(f"Unknown variable: {PREFIX}{name}")
    assert "hush" not in message
    assert {PREFIX + one for one in near} <= set(NAME.findall(message))
    assert message.endswith("The README of the role lists all that are known.")
    assert ("near" in message) == bool(near)


def test_every_variable_of_the_specification_is_known() -> None:
    assert evaluated("__iact_maintenance_unknown", **dict.fromkeys(variables())) == []


@pytest.mark.parametrize(
    "path",
    [CHECKOUT / "inventory.example.yml", *CHECKOUT.glob("molecule/*/group_vars/*.yml")],
    ids=lambda path: path.stem,
)
def test_the_example_and_the_scenarios_set_only_what_is_known(path: Path) -> None:
    used = NAME.findall(path.read_text(encoding="utf-8"))
    assert used
    assert evaluated("__iact_maintenance_unknown", **dict.fromkeys(used)) == []
