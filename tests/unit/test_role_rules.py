"""The role's variables are the option table's, and every template finds its variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tools import role_documents

ROLE = role_documents.ROLE
NAME = re.compile(r"(?<![\w.])(?:__)?iact_maintenance_\w+")
# Built from the name of a section, never written out.
PREFIXES = re.compile(r"^(__)?iact_maintenance_$")


def load(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


def options() -> dict[str, Any]:
    return load("meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def registered() -> set[str]:
    """Return what tasks make: registered results and variables of single tasks."""
    texts = [path.read_text(encoding="utf-8") for path in ROLE.glob("tasks/*.yml")]
    made = r"register: (\w+)|^ +(__iact_maintenance_\w+):"
    return {name for text in texts for found in re.findall(made, text, re.MULTILINE) for name in found if name}


def sources() -> Iterator[Path]:
    for pattern in ("templates/*", "tasks/*.yml", "vars/*.yml", "defaults/*.yml"):
        yield from ROLE.glob(pattern)


def test_every_default_of_the_role_is_specified_and_the_same():
    specified = {name: row["default"] for name, row in options().items() if "default" in row}
    assert specified == load("defaults/main.yml")


@pytest.mark.parametrize("path", list(sources()), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_variable_that_is_used_exists(path):
    known = set(options()) | set(load("vars/main.yml")) | registered()
    used = {name for name in NAME.findall(path.read_text(encoding="utf-8")) if not PREFIXES.match(name)}
    assert {name for name in used - known if not name.endswith("_")} == set()


def test_no_password_has_a_default():
    assert [name for name, row in options().items() if row.get("no_log") and "default" in row] == []
