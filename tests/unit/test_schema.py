"""The example of the config file is one that we take, and the schema says what we say of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import config_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.schema import example, schema
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    COMMAND_LINE,
    Layer,
    build,
)
from tests.unit.options_at_large import everything
from tests.unit.session_site import Done

WRONG = (
    {"nonsense": 1},
    {"backup": {"retention_dasy": 3}},
    {"backup": {"retention_days": 0}},
    {"backup": {"retention_days": 1.5}},
    {"backup": {"directory": "relative"}},
    {"mysql": {"tls": "maybe"}},
    {"mysql": {"login_password": "x"}},
    {"mysql": {"login_port": 70000}},
    {"postgresql": []},
    {"sqlite": {"read_only": True}},
    {"health": {"enabled": "perhaps"}},
    {"health": {"mysql": {"login_host": ""}}},
    {"session_cleanup": {"engine": "oracle"}},
)


def check(content: object) -> list[str]:
    """Return what the schema says against a config file."""
    return [fault.message for fault in jsonschema.Draft202012Validator(schema()).iter_errors(content)]


def test_g108_the_example_is_a_config_file_that_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "maintenance.json"
    path.write_text(json.dumps(example()))
    path.chmod(0o644)
    settings = config_file.load(Host({}), str(path), Layer(COMMAND_LINE, {}))
    assert settings.servers.mysql and settings.servers.postgresql and settings.django and settings.backup.is_configured
    assert settings.restore.servers.mysql and settings.restore.servers.mysql.own_account
    assert check(example()) == []


def test_g108_the_schema_is_a_schema_and_takes_every_option() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert check(everything()) == []
    assert check({}) == check({"sqlite": {}, "django": {}}) == []


@pytest.mark.parametrize("content", WRONG, ids=str)
def test_g108_the_schema_refuses_what_the_command_refuses(content: dict[str, object]) -> None:
    assert check(content)
    with pytest.raises(MaintenanceError):
        build([Layer("site.json", content, is_file=True)])


@pytest.mark.parametrize("flag", ["--example", "--schema"])
def test_g108_both_are_printed_as_plain_json_on_a_host_without_settings(call: Callable[..., Done], flag: str) -> None:
    done = call("check-config", flag, "--config", "/nonexistent")
    assert (done.status, done.errors) == (0, "")
    assert json.loads(done.output) == {"--example": example(), "--schema": schema()}[flag]
