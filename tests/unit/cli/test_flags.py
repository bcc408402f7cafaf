"""A line of words, and what it asks for."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import flags
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli.flags import COMMANDS, Parsed
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption
from tests.unit.options_at_large import other_value


def test_silence_sets_nothing() -> None:
    parsed = flags.parse(["session-cleanup"])
    assert parsed == Parsed("session-cleanup", "session_cleanup", asks=True)


def test_values_stay_text_for_the_one_parser_of_values() -> None:
    parsed = flags.parse(["session-cleanup", "--days", "030", "--table=a b", "--missing-ok", "--no-use-tz"])
    assert parsed.options == {"session_cleanup": {"days": "030", "table": "a b", "missing_ok": True, "use_tz": False}}


def test_a_negative_number_is_a_value_and_no_flag() -> None:
    assert flags.parse(["session-cleanup", "--days", "-1"]).options == {"session_cleanup": {"days": "-1"}}


def test_what_every_command_shares() -> None:
    words = ["session-cleanup", "--json", "--verbose", "--scheduled", "--dry-run", "--force", "--config", "/x"]
    parsed = flags.parse(words)
    assert (parsed.json, parsed.verbose, parsed.scheduled, parsed.dry_run, parsed.force) == (True,) * 5
    assert parsed.config == "/x"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_has_a_help_with_its_example(command: flags.Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        flags.parse([command.name, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"Example: iact-maintenance {command.example}" in said
    assert "C(" not in said and "O(" not in said
    assert command.example.split()[0] == command.name


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_s_example_can_be_read(command: flags.Command) -> None:
    assert flags.parse(command.example.split()).command == command.name


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_option_of_a_command_has_its_flag(command: flags.Command) -> None:
    for option in command.options:
        if option.kind == "section":
            continue
        flag = "--" + option.name.replace("_", "-")
        value = other_value(option, "x")
        raw = ",".join(value) if isinstance(value, list) else str(value)
        words = [flag] if option.kind == "bool" else [f"{flag}={raw}"]
        assert flags.parse([command.name, *words]).options[command.section] == {
            option.name: True if option.kind == "bool" else raw
        }


def test_flags_are_never_abbreviated() -> None:
    with pytest.raises(BadOption, match="--day is not an option"):
        flags.parse(["session-cleanup", "--day", "3"])


def test_an_option_before_the_command_is_told_where_it_belongs() -> None:
    with pytest.raises(BadOption, match="--json stands before the command") as caught:
        flags.parse(["--json", "health"])
    assert caught.value.hint == "write it after health"


def test_a_line_has_one_form_of_the_answer() -> None:
    with pytest.raises(BadOption, match="--json and --nagios exclude each other"):
        flags.parse(["health", "--json", "--nagios"])


def test_every_flag_of_a_command_is_offered_for_one_that_is_unknown() -> None:
    with pytest.raises(BadOption, match="--nagio is not an option") as caught:
        flags.parse(["health", "--nagio"])
    assert caught.value.hint == "did you mean --nagios?"


def test_the_form_of_the_answer_is_known_before_the_line_is_understood() -> None:
    guessed = Parsed.guess(["session-cleanup", "--nonsense", "--json", "--scheduled"])
    assert (guessed.job, guessed.json, guessed.scheduled) == ("session_cleanup", True, True)
    assert Parsed.guess([]).job == "iact-maintenance"
