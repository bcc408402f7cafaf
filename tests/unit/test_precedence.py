"""Flag or parameter over config file over environment over default; and silence leaves the file alone, everywhere."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.iact.maintenance.plugins.module_utils import _module
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import config_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import flags
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli.flags import COMMANDS, Command
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import (
    JOB_SECTIONS,
    SECTIONS,
    SHARED_SECTIONS,
    run_options,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    COMMAND_LINE,
    PARAMETER,
    Layer,
    Settings,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.values import Option
from tests.unit.fakes import FakeHost
from tests.unit.options_at_large import everything

# Weaker than the file in all it says.
ENVIRONMENT = {"PGPASSFILE": "/weak/.pgpass", "DJANGO_SETTINGS_MODULE": "weak.settings", "NO_COLOR": "1"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a config file that sets every option to something other than its default."""
    path = tmp_path / "maintenance.json"
    path.write_text(json.dumps(everything()))
    path.chmod(0o644)
    return path


def load(config: Path, layer: Layer) -> Settings:
    return config_file.load(FakeHost(environment=ENVIRONMENT, user_id=os.geteuid()), str(config), layer)


def by_command(config: Path, *words: str) -> Settings:
    """Return what a command line comes to over the file."""
    return load(config, Layer(COMMAND_LINE, flags.parse(words).options))


def by_module(config: Path, job: str, parameters: Mapping[str, Any]) -> Settings:
    """Return what a module's parameters come to over the file, after Ansible itself has looked at them."""
    checked = ArgumentSpecValidator(_module.argument_spec(job)).validate(dict(parameters))
    assert checked.error_messages == []
    return load(config, Layer(PARAMETER, _module._options(checked.validated_parameters, job)))


def section_of(settings: Settings, section: str) -> Any:
    """Return the record of a section's values."""
    return settings.servers.get(section) or getattr(settings, section)


def value_in(settings: Settings, section: str, name: str) -> object:
    return getattr(section_of(settings, section), name)


def explicit(option: Option) -> object:
    """Return a value that a run gives: the default itself if there is one, since silence must not be that."""
    if option.default not in (None, ()):
        return list(option.default) if isinstance(option.default, tuple) else option.default
    if option.choices:
        return option.choices[-1]
    return {"list": ["/given"], "path": "/given", "str": "/given", "bool": True}.get(option.kind, option.minimum)


def expected(option: Option, value: object) -> object:
    return tuple(value) if isinstance(value, list) else float(value) if option.kind == "float" else value  # type: ignore[arg-type]


OWN_OPTIONS = [(job, option) for job in JOB_SECTIONS for option in run_options(job) if option.kind != "section"]
OWN_IDS = [f"{job}.{option.name}" for job, option in OWN_OPTIONS]


def test_the_file_of_these_tests_sets_every_option_to_something_else(config: Path) -> None:
    settings = load(config, Layer(COMMAND_LINE, {}))
    assert set(settings.sources.values()) == {str(config)}
    for job, option in OWN_OPTIONS:
        assert value_in(settings, job, option.name) != option.default


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_silence_on_the_command_line_leaves_the_file(config: Path, command: Command) -> None:
    assert by_command(config, command.name) == load(config, Layer(COMMAND_LINE, {}))


@pytest.mark.parametrize("job", JOB_SECTIONS)
def test_silence_of_a_module_leaves_the_file(config: Path, job: str) -> None:
    assert by_module(config, job, {}) == load(config, Layer(PARAMETER, {}))
    empty = {name: {} for name in SHARED_SECTIONS}
    assert by_module(config, job, empty) == load(config, Layer(PARAMETER, {}))


@pytest.mark.parametrize(("job", "option"), OWN_OPTIONS, ids=OWN_IDS)
def test_a_parameter_goes_over_the_file_even_with_the_default_s_own_value(
    config: Path, job: str, option: Option
) -> None:
    value = explicit(option)
    pair = _partner(job, option)
    settings = by_module(config, job, {option.name: value, **pair})
    assert value_in(settings, job, option.name) == expected(option, value)
    assert settings.sources[f"{job}.{option.name}"] == PARAMETER
    silent = load(config, Layer(PARAMETER, {}))
    for other in SECTIONS[job]:
        if other.name not in (option.name, *pair) and other.kind != "section":
            assert value_in(settings, job, other.name) == value_in(silent, job, other.name)


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command.section], ids=lambda command: command.name
)
def test_a_flag_goes_over_the_file_even_with_the_default_s_own_value(config: Path, command: Command) -> None:
    silent = load(config, Layer(COMMAND_LINE, {}))
    for option in command.options:
        if option.kind == "section":
            continue
        value = explicit(option)
        words = [
            word
            for name, given in {option.name: value, **_partner(command.section, option)}.items()
            for word in _flag(name, given)
        ]
        settings = by_command(config, command.name, *words)
        assert value_in(settings, command.section, option.name) == expected(option, value)
        assert settings.sources[f"{command.section}.{option.name}"] == COMMAND_LINE
        changed = {job for job in JOB_SECTIONS if getattr(settings, job) != getattr(silent, job)}
        assert changed <= {command.section}


@pytest.mark.parametrize("section", ["mysql", "postgresql", "sqlite", "django"])
@pytest.mark.parametrize("job", ["session_cleanup", "health", "backup"])
def test_a_connection_parameter_changes_that_option_and_no_other(config: Path, job: str, section: str) -> None:
    silent = section_of(load(config, Layer(PARAMETER, {})), section)
    for option in SECTIONS[section]:
        if option.secret:
            continue
        value = explicit(option)
        settings = by_module(config, job, {section: {option.name: value}})
        assert section_of(settings, section) == silent._replace(**{option.name: expected(option, value)})
        if section in ("mysql", "postgresql"):
            own = getattr(settings, job).servers.get(section)
            assert getattr(own, option.name) == expected(option, value)


def test_the_file_goes_over_the_environment(config: Path) -> None:
    settings = load(config, Layer(COMMAND_LINE, {}))
    assert settings.servers.postgresql is not None and settings.django is not None
    assert settings.servers.postgresql.passfile == "/sandbox/postgresql/passfile"
    assert settings.django.settings_module == "django-settings_module"


def test_the_environment_goes_over_the_default(tmp_path: Path) -> None:
    config = tmp_path / "small.json"
    config.write_text('{"postgresql": {"login_db": "x"}, "django": {"project_path": "/srv"}}')
    settings = load(config, Layer(COMMAND_LINE, {}))
    assert settings.servers.postgresql is not None and settings.django is not None
    assert settings.servers.postgresql.passfile == "/weak/.pgpass"
    assert settings.django.settings_module == "weak.settings"


@pytest.mark.parametrize("job", JOB_SECTIONS)
def test_no_argument_spec_holds_a_default_and_every_password_is_hidden(job: str) -> None:
    def check(spec: Mapping[str, Any]) -> None:
        for name, argument in spec.items():
            assert "default" not in argument, name
            assert ("password" in name) == argument.get("no_log", False), name
            check(argument.get("options", {}))

    check(_module.argument_spec(job))


def _flag(name: str, value: object) -> list[str]:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    return [f"{flag}={','.join(value) if isinstance(value, list) else value}"]


def _partner(job: str, option: Option) -> dict[str, object]:
    """Values that let the given one be: where one value bounds another."""
    bounds = {
        "warning_rows": {"critical_rows": 2**31 - 1},
        "disk_critical_percent": {"disk_warning_percent": 100},
        "keep_minimum": {"retention_count": 100_000},
    }
    return dict(bounds.get(option.name, {}))
