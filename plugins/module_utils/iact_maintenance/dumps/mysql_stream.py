"""The text of a MySQL or MariaDB dump as it flows by: its rows counted, its end seen, and made fit to be restored."""

from __future__ import annotations

import re
from collections.abc import Iterator

_INSERT = re.compile(
    rb"INSERT (?:IGNORE )?INTO `((?:[^`]|``)*)` (?:\((?:`(?:[^`]|``)*`(?:, ?)?)*\) )?VALUES ?(.*)", re.DOTALL
)
_CREATE = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?`((?:[^`]|``)*)`")
_TEXT = re.compile(rb"'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL)
_DEFINER = re.compile(
    rb"^(/\*!50013 |/\*!50003 CREATE\*/ /\*!50017 |/\*!50106 CREATE\*/ /\*!50117 |CREATE )"
    rb"DEFINER=`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?",
    re.MULTILINE,
)
_SANDBOX = b"/*M!999999\\- enable the sandbox mode */"
_TRAILER = b"-- Dump completed"
_LONGEST_LINE_BYTES = 64 * 1024 * 1024
_LONGEST_HEADER_BYTES = 1024 * 1024
_TAIL_BYTES = 512


class DumpWatcher:
    """Sees every byte of a dump: the rows of each table, and whether the dump was written to its end.

    Line breaks inside a row are always escaped by the dump programs. MariaDB's writes a row a line; MySQL's a statement
    a line, of which the texts are struck out and the rows counted.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int | None] = {}
        self.reason = ""
        self._tail = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._cut = False
        self._inserting: str | None = None
        self._in_body = False

    def __call__(self, chunk: bytes) -> None:
        self._tail = chunk[-_TAIL_BYTES:] if len(chunk) >= _TAIL_BYTES else (self._tail + chunk)[-_TAIL_BYTES:]
        first, *others = chunk.split(b"\n")
        self._append(first)
        if others:
            self._line(b"".join(self._parts))
            for line in others[:-1]:
                self._line(line)
            self._parts, self._size, self._cut = [others[-1]], len(others[-1]), False

    @property
    def is_complete(self) -> bool:
        """Whether the last line is the one that the dump programs write when nothing went wrong."""
        lines = self._tail.rstrip(b"\n").rsplit(b"\n", 1)
        return lines[-1].startswith(_TRAILER)

    def _append(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= _LONGEST_LINE_BYTES:
            self._parts.append(piece)
        elif piece:
            # Of a line that would not fit into memory the head tells what it is, and the last bytes how it ends.
            self._parts, self._cut = [self._parts[0], piece[-2:]], True

    def _line(self, line: bytes) -> None:
        if self._inserting is not None:
            if line.startswith(b"("):
                self._add(self._inserting, 1)
            if line.endswith(b";"):
                self._inserting = None
        elif line.startswith(b"DELIMITER "):
            self._in_body = line != b"DELIMITER ;"
        elif not self._in_body:
            self._statement(line)

    def _statement(self, line: bytes) -> None:
        if line.startswith(b"INSERT "):
            found = _INSERT.match(line)
            if found and found[2]:
                self._add(_name(found[1]), None if self._cut else _TEXT.sub(b"", found[2]).count(b"),(") + 1)
            elif found:
                self._inserting = _name(found[1])
        elif line.startswith(b"CREATE TABLE "):
            found = _CREATE.match(line)
            if found:
                self.rows.setdefault(_name(found[1]), 0)

    def _add(self, table: str, rows: int | None) -> None:
        so_far = self.rows.get(table, 0)
        if rows is None or so_far is None:
            self.rows[table], self.reason = None, "a statement of the dump is too long to be counted"
        else:
            self.rows[table] = so_far + rows


def _name(quoted: bytes) -> str:
    return quoted.replace(b"``", b"`").decode("utf-8", "replace")


def for_restore(stream: Iterator[bytes]) -> Iterator[bytes]:
    """The dump for an account that owns nothing but the target: what it makes belongs to it, not to accounts of old.

    Without the sandbox line as well, which MySQL's client and older ones of MariaDB refuse; --sandbox says the same.
    """
    rest, in_line, is_first = b"", False, True
    for chunk in stream:
        data = rest + chunk
        if is_first:
            if len(data) < len(_SANDBOX) + 2 and _SANDBOX.startswith(data[: len(_SANDBOX)]):
                rest = data
                continue
            data, is_first = _without_sandbox(data), False
        end = data.rfind(b"\n") + 1
        whole, rest = data[:end], data[end:]
        if in_line:
            begin = whole.find(b"\n") + 1
            yield whole[:begin]
            whole = whole[begin:]
            in_line = in_line and begin == 0
        yield _DEFINER.sub(rb"\1", whole)
        if len(rest) > _LONGEST_HEADER_BYTES or in_line:
            # Not held any longer: a definer stands in the first bytes of its line.
            yield rest if in_line else _DEFINER.sub(rb"\1", rest)
            rest, in_line = b"", True
    yield rest if in_line else _DEFINER.sub(rb"\1", rest)


def _without_sandbox(data: bytes) -> bytes:
    return data[data.find(b"\n") + 1 :] if data.startswith(_SANDBOX) and b"\n" in data else data
