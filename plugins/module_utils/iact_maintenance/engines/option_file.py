r"""Read and write MySQL's option files by the rules of its client programs.

PyMySQL's reader strips quotes and keeps `\\` and `\"`, so that the dump tool would log in with a password and the
driver would not. Hence one reader: drivers receive keyword arguments, the dump tool a file that `render` wrote from the
same values.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import Refused
from ..secret import Secret

# Groups that MariaDB's client programs read, except those of a single program.
GROUPS = ("client", "client-mariadb")
_BLANKS = " \t\n\r\v\f"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "s": " ", '"': '"', "'": "'", "\\": "\\"}
_WRITTEN = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b"}


def parse(text: str, path: str) -> dict[str, str]:
    """Return the options in the groups of the client programs; the last assignment of an option counts.

    Dashes in names become underscores. Raise Refused `bad_credentials_file` for an include, which could name anybody's
    file, and for an invalid line; the message has the line's number and never its text.
    """
    options: dict[str, str] = {}
    group: str | None = None
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = raw.lstrip(_BLANKS)
        if not line or line[0] in "#;":
            continue
        if line[0] == "!":
            raise _broken(path, number, "includes are not supported: put the [client] group into this file")
        if line[0] == "[":
            group = _group(line, path, number)
            continue
        if group is None:
            raise _broken(path, number, "there is an option before the first [group]")
        name, value = _assignment(line)
        if group in GROUPS:
            options[name.replace("-", "_")] = value
    if options.get("password"):
        Secret(options["password"])  # Registers it for redaction, even if it is never used.
    return options


def _broken(path: str, number: int, reason: str) -> Refused:
    return Refused("bad_credentials_file", f"{path}, line {number}: {reason}")


def _group(line: str, path: str, number: int) -> str:
    end = line.find("]")
    if end < 0:
        raise _broken(path, number, "a [group] is not closed")
    return line[1:end].rstrip(_BLANKS)


def _assignment(line: str) -> tuple[str, str]:
    name, equals, value = _without_comment(line).partition("=")
    if not equals:
        return name.strip(_BLANKS), ""
    value = value.strip(_BLANKS)
    if len(value) > 1 and value[0] in "'\"" and value[0] == value[-1]:
        value = value[1:-1]
    return name.rstrip(_BLANKS), _unescaped(value)


def _without_comment(line: str) -> str:
    quote, escaped = "", False
    for position, char in enumerate(line):
        if char in "'\"" and not escaped:
            quote = char if not quote else "" if quote == char else quote
        if char == "#" and not quote:
            return line[:position]
        escaped = bool(quote) and char == "\\" and not escaped
    return line


def _unescaped(value: str) -> str:
    text, position = [], 0
    while position < len(value):
        char = value[position]
        if char == "\\" and position + 1 < len(value):
            position += 1
            char = _ESCAPES.get(value[position], "\\" + value[position])
        text.append(char)
        position += 1
    return "".join(text)


def render(options: Mapping[str, str]) -> str:
    """Return an option file with one `[client]` group; every value is quoted, which many passwords need."""
    lines = ["[client]"]
    for name, value in options.items():
        lines.append(f'{name}="{"".join(_WRITTEN.get(char, char) for char in value)}"')
    return "\n".join(lines) + "\n"
