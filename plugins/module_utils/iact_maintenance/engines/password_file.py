"""Read and write PostgreSQL's password files (`.pgpass`) by the rules of libpq.

They are not left to libpq, because the redactor must know the password, and the order of its sources is ours.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Refused
from ..secret import Secret

_FIELDS = 5
_ANY = ("*", "*", "*", "*")


def find_password(text: str, wanted: tuple[str, str, str, str]) -> Secret | None:
    """Return the password of the first line that matches `wanted` (host, port, database, user), or None.

    `*` matches everything.
    """
    for line in text.split("\n"):
        if line.startswith("#"):
            continue
        fields = list(_fields(line.rstrip("\r")))
        if len(fields) < _FIELDS:
            continue
        if all(raw == "*" or plain == want for (raw, plain), want in zip(fields, wanted)):
            return Secret(fields[_FIELDS - 1][1])
    return None


def _fields(line: str) -> Iterator[tuple[str, str]]:
    """Yield the fields of a line, each as written and with its backslashes resolved."""
    raw, plain, position = "", "", 0
    while position < len(line):
        char = line[position]
        if char == ":":
            yield raw, plain
            raw, plain = "", ""
        elif char == "\\" and position + 1 < len(line):
            position += 1
            raw, plain = raw + char + line[position], plain + line[position]
        else:
            raw, plain = raw + char, plain + char
        position += 1
    yield raw, plain


def render(password: Secret, server: tuple[str, str, str, str] = _ANY) -> str:
    """Return a password file that matches `server` (host, port, database, user), by default any.

    Raise Refused for a line break.
    """
    text = password.reveal()
    if "\n" in text or "\r" in text:
        raise Refused(
            "bad_password",
            "the password holds a line break, which PostgreSQL's programs cannot take from a password file",
            hint="give the account another password",
        )
    return ":".join(map(_escaped, (*server, text))) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")
