"""Parse a project's .env file: KEY=VALUE, export, quotes and comments; nothing is expanded."""

from __future__ import annotations

import re

ASSIGNMENT = re.compile(r"(?:export\s+)?([^\W\d]\w*)\s*=[ \t]*(.*)", re.DOTALL)
# Escapes in double quotes that shells, systemd and the usual Python readers have in common.
ESCAPED = re.compile(r'\\([\\"$`])')
DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(.*)', re.DOTALL)
SINGLE_QUOTED = re.compile(r"'([^']*)'(.*)", re.DOTALL)


def parse(text: str) -> dict[str, str]:
    """Return the variables of a .env file; the last assignment of a name counts.

    Raise ValueError with the line's number but without its text, because it may contain a password.
    """
    variables = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            name, value = _assignment(stripped)
        except ValueError as trouble:
            raise ValueError(f"line {number}: {trouble}") from None
        variables[name] = value
    return variables


def _assignment(line: str) -> tuple[str, str]:
    match = ASSIGNMENT.fullmatch(line)
    if not match:
        raise ValueError("expected NAME=VALUE, with a name of letters, digits and _")
    name, rest = match.group(1), match.group(2)
    if "\0" in rest:
        raise ValueError(f"the value of {name} holds a NUL character")
    if rest[:1] in ("'", '"'):
        return name, _quoted(name, rest)
    return name, re.split(r"(?:^|\s)#", rest, maxsplit=1)[0].rstrip()


def _quoted(name: str, rest: str) -> str:
    double = rest.startswith('"')
    match = (DOUBLE_QUOTED if double else SINGLE_QUOTED).fullmatch(rest)
    if not match:
        raise ValueError(f"the quote of {name} is not closed on this line")
    behind = match.group(2).strip()
    if behind and not behind.startswith("#"):
        raise ValueError(f"there is text after the closing quote of {name}")
    return ESCAPED.sub(r"\1", match.group(1)) if double else match.group(1)
