"""Process a dump of MySQL or MariaDB as a stream: count its rows, detect its end, and adapt it for a restore."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .mysql_statements import SANDBOX, Piece, Splitter, unquoted

_IDENTIFIER = rb"(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")"
_ACCOUNT = rb"DEFINER=" + _IDENTIFIER + rb"(?:@" + _IDENTIFIER + rb")?"
_TEXT = re.compile(rb"'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL)
_TABLE = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?(" + _IDENTIFIER + rb")")
_DEFINER = re.compile(
    rb"\A(/\*!50001 CREATE [^\n]*\n/\*!50013 |/\*!50003 CREATE\*/ /\*!50017 |/\*!50106 CREATE\*/ /\*!50117 |CREATE )"
    + _ACCOUNT
)
# What else the dump programs write, by the first words of the statement.
_OTHERS = {
    "trigger": re.compile(rb"/\*!50003 CREATE\*/ (?:/\*!50017 " + _ACCOUNT + rb"\*/ )?/\*!50003 TRIGGER\s", re.I),
    "event": re.compile(rb"/\*!50106 CREATE\*/ (?:/\*!50117 " + _ACCOUNT + rb"\*/ )?/\*!50106 EVENT\s", re.I),
    "routine": re.compile(
        rb"(?:/\*!50003 )?CREATE (?:\*/ ?/\*!50020 )?(?:OR REPLACE )?(?:" + _ACCOUNT + rb" )?(?:\*/ ?/\*!50003 )?"
        rb"(?:AGGREGATE )?(?:PROCEDURE|FUNCTION|PACKAGE)\s",
        re.I,
    ),
    "view": re.compile(rb"/\*!50001 CREATE (?:OR REPLACE )?ALGORITHM"),
}
# As the server writes an event, whatever sql_mode it was made under; its words cannot stand in what comes before them.
_MOMENT = rb"'(?:[^'\\]|\\.)*'"
_EVENT = re.compile(
    rb"(?P<head>(?:/\*!50106 )?CREATE(?:\*/)? (?:(?:/\*!50117 )?" + _ACCOUNT + rb"(?:\*/)? )?(?:/\*!50106 )?"
    rb"EVENT (?P<name>" + _IDENTIFIER + rb") )"
    rb"(?P<schedule>ON SCHEDULE (?:AT " + _MOMENT + rb"|EVERY (?:" + _MOMENT + rb"|[-\d.]+) \w+)"
    rb"(?: STARTS " + _MOMENT + rb")?(?: ENDS " + _MOMENT + rb")? ON COMPLETION (?:NOT )?PRESERVE )"
    rb"(?P<state>ENABLE|DISABLE ON (?:SLAVE|REPLICA)|DISABLE)(?=\s)",
    re.DOTALL,
)
_TRAILER = b"-- Dump completed"
_LONGEST_LINE_BYTES = 64 * 1024 * 1024
_TAIL_BYTES = 512


class DumpWatcher:
    """Observe a dump: the rows of each table, other objects, and whether it is complete.

    MariaDB's program writes a row per line; MySQL's all rows of a statement in its first line, whose strings are
    removed before counting. `made` counts triggers, events, routines and views.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int | None] = {}
        self.made: Counter[str] = Counter()
        self.reason = ""
        self._splitter = Splitter()
        self._tail = b""
        self._first: list[bytes] | None = None
        self._size = 0
        self._at_begin = True

    def __call__(self, chunk: bytes) -> None:
        self._tail = chunk[-_TAIL_BYTES:] if len(chunk) >= _TAIL_BYTES else (self._tail + chunk)[-_TAIL_BYTES:]
        for piece in self._splitter.feed(chunk):
            if piece.table is None:
                self._statement(piece.text)
            elif piece.is_head:
                self._first, self._size, self._at_begin = [], 0, True
            else:
                self._rows(piece.table, piece.text)

    @property
    def is_complete(self) -> bool:
        """Return whether the last line is the one that dump programs write on success."""
        lines = self._tail.rstrip(b"\n").rsplit(b"\n", 1)
        return lines[-1].startswith(_TRAILER)

    def _rows(self, table: str, text: bytes) -> None:
        if self._first is not None:
            line, end, text = text.partition(b"\n")
            self._size += len(line)
            # A line that would not fit into memory cannot be counted.
            self._first = [*self._first, line] if self._size <= _LONGEST_LINE_BYTES else [b""]
            if not end:
                return
            self._add(table, self._rows_of(b"".join(self._first)))
            self._first = None
        self._add(table, text.count(b"\n(") + (self._at_begin and text.startswith(b"(")))
        self._at_begin = text.endswith(b"\n") or not text

    def _rows_of(self, line: bytes) -> int | None:
        if self._size > _LONGEST_LINE_BYTES:
            return None
        return _TEXT.sub(b"", line).count(b"),(") + 1 if line.startswith(b"(") else 0

    def _statement(self, text: bytes) -> None:
        match = _TABLE.match(text)
        if match:
            self.rows.setdefault(unquoted(match[1]), 0)
        self.made.update(kind for kind, words in _OTHERS.items() if words.match(text))

    def _add(self, table: str, rows: int | None) -> None:
        so_far = self.rows.get(table, 0)
        if rows is None or so_far is None:
            self.rows[table], self.reason = None, "a statement of the dump is too long to be counted"
        else:
            self.rows[table] = so_far + rows


class RestoreStream:
    """Adapt the dump for an account that owns only the target: objects belong to it, not to their definers.

    Events are created disabled, because one that purges would run in the copy. `enabled` are those that were enabled in
    the dump, `events` all of them, and `unread` counts those that are omitted because they were not understood.
    """

    def __init__(self) -> None:
        self.events: list[str] = []
        self.enabled: list[str] = []
        self.unread = 0
        self._is_first = True

    def of(self, stream: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the adapted dump."""
        splitter = Splitter()
        for chunk in stream:
            yield b"".join(map(self._restored, splitter.feed(chunk)))
        yield b"".join(map(self._restored, splitter.end()))

    def _restored(self, piece: Piece) -> bytes:
        # Without the sandbox line, which MySQL's client and older ones of MariaDB refuse; --sandbox says the same.
        is_sandbox = self._is_first and piece.text.startswith(SANDBOX) and piece.text.endswith(b"\n")
        self._is_first = False
        if is_sandbox:
            return b""
        if piece.table is not None:
            return piece.text
        return _DEFINER.sub(rb"\1", self._disabled(piece.text))

    def _disabled(self, statement: bytes) -> bytes:
        match = _EVENT.match(statement)
        if match is None:
            self.unread += bool(_OTHERS["event"].match(statement))
            return b"" if _OTHERS["event"].match(statement) else statement
        self.events.append(unquoted(match["name"]))
        if match["state"] == b"ENABLE":
            self.enabled.append(self.events[-1])
            return match["head"] + match["schedule"] + b"DISABLE" + statement[match.end() :]
        return statement
