"""Split a dump of MySQL or MariaDB into statements, with the client program's rules of quoting.

The client decides what a statement is when the dump is restored, so this follows the client: quoted strings and names,
comments, DELIMITER, and whether a backslash escapes, which a dump changes before triggers, routines and events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_INSERT = b"INSERT "
_DELIMITER = b"DELIMITER "
_NAME = rb"`(?:[^`]|``)*`"
_HEAD = re.compile(rb"INSERT (?:IGNORE )?INTO (" + _NAME + rb") (?:\((?:" + _NAME + rb"(?:, ?)?)*\) )?VALUES ?")
_OPENING = re.compile(rb"['\"`]|/\*(?!M?!)|--(?=\s|$)|#")
_LINE_COMMENTS = (b"--", b"#")
_CLOSING = {
    b"'": re.compile(rb"(?:[^'\\]|\\.)*'", re.DOTALL),
    b'"': re.compile(rb'(?:[^"\\]|\\.)*"', re.DOTALL),
    b"`": re.compile(rb"[^`]*`"),
    b"/*": re.compile(rb".*?\*/", re.DOTALL),
}
_CLOSING_WITHOUT_ESCAPES = {**_CLOSING, b"'": re.compile(rb"[^']*'"), b'"': re.compile(rb'[^"]*"')}
_MODE = re.compile(rb"/\*!50003 SET sql_mode\s+= (?:'([^']*)'|@)")
# MariaDB's programs write it first; it is a line of its own with no delimiter.
SANDBOX = b"/*M!999999\\- enable the sandbox mode */"
_LONGEST_HEAD_BYTES = 1024 * 1024
_LONGEST_STATEMENT_BYTES = 64 * 1024 * 1024


class Piece(NamedTuple):
    """A part of a dump: a whole statement with its end, or a part of an INSERT with its `table`.

    `is_head` marks the first part of an INSERT, up to VALUES; the others are split anywhere.
    """

    text: bytes
    table: str | None = None
    is_head: bool = False


class Splitter:
    """Split a dump into pieces as it is read; joined they are the dump, byte for byte.

    Rows are not parsed, because the dump programs escape every line break in them, and end an INSERT with the first
    line that ends in a semicolon.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._line: list[bytes] = []
        self._size = 0
        self._inside = b""
        self._delimiter = b";"
        self._closing = _CLOSING
        self._table: str | None = None
        self._last = b""

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """Yield the pieces that are known after the next bytes."""
        at = 0
        while at < len(chunk):
            if self._table is None:
                end = chunk.find(b"\n", at) + 1 or len(chunk)
                yield from self._part(chunk[at:end])
            else:
                end = self._end_of_rows(chunk, at)
                yield self._rows(chunk[at:end])
            at = end

    def end(self) -> Iterator[Piece]:
        """Yield the rest at the end of the dump, which may not be a whole statement."""
        left = b"".join([*self._lines, *self._line])
        if left:
            yield Piece(left)

    def _end_of_rows(self, chunk: bytes, at: int) -> int:
        if self._last == b";" and chunk.startswith(b"\n", at):
            return at + 1
        position = chunk.find(b";\n", at)
        return len(chunk) if position < 0 else position + 2

    def _rows(self, text: bytes) -> Piece:
        piece = Piece(text, self._table)
        if (self._last + text).endswith(b";\n"):
            self._table = None
        self._last = text[-1:]
        return piece

    def _part(self, part: bytes) -> Iterator[Piece]:
        """Yield what a line, or a part of one, completes outside of rows."""
        self._line.append(part)
        self._size += len(part)
        if part.endswith(b"\n") or self._size > _LONGEST_HEAD_BYTES:
            self._line = [b"".join(self._line)]
            inserting = self._delimiter == b";" and (self._lines or self._line)[0].startswith(_INSERT)
            if part.endswith(b"\n") or inserting:
                self._lines += self._line
                self._line = []
            if inserting:
                yield from self._insert()
            elif not self._line and self._is_over(self._lines[-1]):
                yield self._statement()
        if self._size > _LONGEST_STATEMENT_BYTES:
            self._lines += self._line
            self._line = []
            yield self._statement()

    def _insert(self) -> Iterator[Piece]:
        """Yield the head of an INSERT and what follows, once its names are complete: they may contain line breaks."""
        text = b"".join(self._lines)
        match = _HEAD.match(text)
        if match:
            self._lines, self._size = [], 0
            self._table, self._last = unquoted(match[1]), b""
            yield Piece(match[0], self._table, is_head=True)
            yield self._rows(text[match.end() :])

    def _statement(self) -> Piece:
        statement = b"".join(self._lines)
        self._lines, self._size = [], 0
        mode = _MODE.match(statement)
        if mode:
            without = b"NO_BACKSLASH_ESCAPES" in (mode[1] or b"")
            self._closing = _CLOSING_WITHOUT_ESCAPES if without else _CLOSING
        return Piece(statement)

    def _is_over(self, line: bytes) -> bool:
        """Return whether a statement ends with this line; a comment or empty line between statements counts as one."""
        is_first = len(self._lines) == 1
        if is_first and line.startswith(_DELIMITER):
            self._delimiter = line[len(_DELIMITER) :].strip()
            return True
        code = self._code(line).rstrip()
        alone = is_first and (not code or line.startswith(SANDBOX))
        return not self._inside and (alone or code.endswith(self._delimiter))

    def _code(self, line: bytes) -> bytes:
        """Return the line without the comment at its end, and store which quote or comment it leaves open."""
        at = 0
        while True:
            match = self._closing[self._inside].match(line, at) if self._inside else _OPENING.search(line, at)
            if match is None:
                return line
            if match[0] in _LINE_COMMENTS and not self._inside:
                return line[: match.start()]
            self._inside, at = (b"" if self._inside else match[0]), match.end()


def unquoted(name: bytes) -> str:
    """Return the name inside backquotes, or inside double quotes of another sql_mode."""
    sign = name[:1]
    return name[1:-1].replace(sign * 2, sign).decode("utf-8", "replace")
