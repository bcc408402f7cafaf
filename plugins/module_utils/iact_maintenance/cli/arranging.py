"""Arrange a command line as it is parsed: the command first, and `help` and `--version` as what they ask for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..about import NAME
from ..errors import BadOption
from ..secret import printable
from ..values import nearest

_HELP, _VERSION = ("-h", "--help"), ("-V", "--version")
# Options that stand before a command and take a value in the next word.
_WITH_VALUE = ("--config",)


def arrange(words: Sequence[str], commands: Collection[str]) -> list[str]:
    """Return the words with the command in front, because people write options on either side. Raise BadOption."""
    if any(word in _VERSION for word in words):
        return ["version", *(word for word in words if word == "--json")]
    place = _command_place(words, [*commands, "help"])
    if place is None:
        return list(words)
    command, others = words[place], [*words[:place], *words[place + 1 :]]
    return _help(others, commands) if command == "help" else [command, *others]


def asks_help(words: Sequence[str]) -> bool:
    """Return whether a line asks for help instead of a run."""
    return any(word in _HELP for word in words)


def _command_place(words: Sequence[str], commands: Collection[str]) -> int | None:
    """Return where the command stands: the first bare word that is one, otherwise the first bare word."""
    places, is_value = [], False
    for place, word in enumerate(words):
        if not is_value and not word.startswith("-"):
            places.append(place)
        is_value = not is_value and word in _WITH_VALUE
    return next((place for place in places if words[place] in commands), next(iter(places), None))


def _help(others: list[str], commands: Collection[str]) -> list[str]:
    place = _command_place(others, commands)
    if place is None:
        return ["--help"]
    command = others[place]
    if command not in commands:
        hint = nearest(command, list(commands))
        raise BadOption(f"{printable(command, 80)} is not a command of {NAME}", hint=hint)
    return [command, "--help", *others[:place]]
