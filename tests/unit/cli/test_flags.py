"""A line of words, and what it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import flags
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli.flags import COMMANDS, Parsed
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.values import Option
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


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "/x", "--json", "health"],
        ["--config=/x", "health", "--json"],
        ["--json", "health", "--config", "/x"],
        ["health", "--json", "--config", "/x"],
    ],
)
def test_g109_options_stand_on_either_side_of_the_command(words: list[str]) -> None:
    parsed = flags.parse(words)
    assert (parsed.command, parsed.config, parsed.json) == ("health", "/x", True)


def test_g109_the_value_of_an_option_is_no_command() -> None:
    assert flags.parse(["--config", "backup", "health"]).command == "health"
    assert flags.parse(["--days", "3", "session-cleanup"]).options == {"session_cleanup": {"days": "3"}}


def test_g109_short_flags_are_the_long_ones() -> None:
    parsed = flags.parse(["session-cleanup", "-n", "-v"])
    assert (parsed.dry_run, parsed.verbose) == (True, True)
    assert flags.parse(["-q", "backup"]).quiet
    with pytest.raises(BadOption, match="--verbose and --quiet exclude each other"):
        flags.parse(["health", "-v", "-q"])


@pytest.mark.parametrize("words", [["--version"], ["-V"], ["health", "--version"], ["version"]])
def test_g109_the_version_is_asked_in_every_usual_way(words: list[str]) -> None:
    assert flags.parse(words).command == "version"


@pytest.mark.parametrize("words", [["help", "restore"], ["restore", "--help"], ["restore", "-h"], ["-h", "restore"]])
def test_g109_help_of_a_command_is_asked_in_every_usual_way(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        flags.parse(words)
    assert ended.value.code == 0
    assert "usage: iact-maintenance restore" in capsys.readouterr().out


def test_g109_help_of_a_command_that_is_none_names_the_nearest() -> None:
    with pytest.raises(BadOption, match="restoer is not a command") as caught:
        flags.parse(["help", "restoer"])
    assert caught.value.hint == "did you mean restore?"


def test_g109_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flags.parse(["help"])
    shown = capsys.readouterr().out
    assert all(command.name in shown for command in COMMANDS)


@pytest.mark.parametrize("command", ["verify", "restore", "archives"])
def test_g109_an_archive_is_the_word_after_the_command(command: str) -> None:
    assert flags.parse([command, "x.tar"]).options == {"restore": {"archive": "x.tar"}}


def test_g109_a_restore_s_archive_is_named_once() -> None:
    assert flags.parse(["restore", "--archive", "x"]).options == {"restore": {"archive": "x"}}
    assert flags.parse(["restore", "x", "--components", "logs"]).options == {
        "restore": {"archive": "x", "components": "logs"}
    }
    with pytest.raises(BadOption, match="given twice"):
        flags.parse(["restore", "x", "--archive", "y"])
    with pytest.raises(BadOption, match="--adopt takes no archive"):
        flags.parse(["archives", "x", "--adopt"])


def help_text(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit):
        flags.parse(list(words))
    return " ".join(capsys.readouterr().out.split())


def test_g109_help_shows_what_holds_on_this_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    path = tmp_path / "maintenance.json"
    path.write_text('{"backup": {"retention_days": 7, "keep_partial": false}}')
    path.chmod(0o644)
    for words in (["backup", "--help", "--config", str(path)], [f"--config={path}", "help", "backup"]):
        shown = help_text(capsys, *words)
        assert f"Default: 7 (from {path})." in shown
        assert f"Default: no (from {path})." in shown
        assert "Maximum number of archives to keep. Default: 30." in shown


@pytest.mark.parametrize("content", ["{", '{"backup": {"retention_days": "x"}}', None])
def test_g109_help_is_given_although_the_config_file_cannot_be_read(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "maintenance.json"
    if content is not None:
        path.write_text(content)
    assert "Default: 30." in help_text(capsys, "backup", "--help", "--config", str(path))


def test_g109_help_names_choices(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Allowed: auto, mysql, postgresql, sqlite." in help_text(capsys, "session-cleanup", "--help")


def test_help_shows_whole_numbers_without_a_fraction(capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_text(capsys, "health", "--help")
    assert "Default: 9." in shown and "9.0" not in shown


@pytest.mark.parametrize("mark", ["C", "O", "V", "I", "B", "E", "M", "P", "U"])
def test_g109_no_markup_of_ansible_is_in_a_help(mark: str) -> None:
    assert Option("x", "str", f"As {mark}(a(b)) says.").plain_help == "As a(b) says."


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
