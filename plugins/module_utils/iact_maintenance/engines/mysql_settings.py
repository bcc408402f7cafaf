"""The session settings on MySQL and MariaDB that the jobs rely on: set after connecting and read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ..errors import Refused

# Enough to count some ten million rows; less than the five minutes after which health asks again, so that its
# questions never pile up on a slow server.
STATEMENT_SECONDS = 240.0
LOCK_SECONDS = 5
_IDLE_SECONDS = 28800
NO_LIMIT = 18446744073709551615

# Regardless of my.cnf, init_connect and the account.
_SESSION: Mapping[str, object] = {
    "autocommit": 1,
    "completion_type": 0,
    "sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    "time_zone": "'+00:00'",
    "sql_select_limit": NO_LIMIT,
    "sql_safe_updates": 0,
    # In this order, because setting max_join_size resets sql_big_selects.
    "max_join_size": NO_LIMIT,
    "sql_big_selects": 1,
    "sql_auto_is_null": 0,
    "sql_quote_show_create": 1,
    "wait_timeout": _IDLE_SECONDS,
    "lock_wait_timeout": LOCK_SECONDS,
    "innodb_lock_wait_timeout": LOCK_SECONDS,
}
# Settings that decide how a statement is parsed and whether it is committed.
_READ_BACK = {
    "autocommit": "1",
    "sql_mode": "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
    "character_set_client": "utf8mb4",
    "character_set_results": "utf8mb4",
    "sql_select_limit": str(NO_LIMIT),
}
_CHARACTER_SET = re.compile(r"[A-Za-z0-9_]+")


class AsFound(NamedTuple):
    """What the server gives this account's sessions before anything is set, as other programs have it.

    `read_only`: transactions are read-only by default.
    """

    read_only: bool = False
    select_limit: int = NO_LIMIT


class Stored(NamedTuple):
    """A text as the bytes that a column stores, in the column's character set."""

    content: bytes
    character_set: str


def program_statement(version: str) -> str:
    """Return the statement that a client program's session begins with: the same settings, without time limits."""
    return _set_session(version, 0.0)


def make_safe(ask: Callable[[str], Any], version: str, statement_seconds: float, *, read_only: bool) -> AsFound:
    """Set what the server's configuration would otherwise decide, and return what it was.

    `ask` returns the first row of a statement. Raise Refused `session_settings`.
    """
    ask("SET NAMES utf8mb4")
    guard = "tx_read_only" if is_mariadb(version) or version.startswith("5.6") else "transaction_read_only"
    guarded, limit, logged, form = ask(f"SELECT @@{guard}, @@sql_select_limit, @@log_bin, @@binlog_format")
    ask(_set_session(version, statement_seconds))
    # READ COMMITTED: a delete locks the rows it deletes, not the gaps between them nor what it only looks at. With a
    # statement log the server would refuse it.
    level = "REPEATABLE READ" if logged and form == "STATEMENT" else "READ COMMITTED"
    ask(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
    if read_only:
        ask("SET SESSION TRANSACTION READ ONLY")
    _check(ask(f"SELECT {', '.join(f'@@{name}' for name in _READ_BACK)}"))
    return AsFound(bool(guarded), int(limit))


def _set_session(version: str, statement_seconds: float) -> str:
    settings = {**_SESSION, **_limits(version, statement_seconds)}
    return "SET SESSION " + ", ".join(f"{name} = {value}" for name, value in settings.items())


def _limits(version: str, statement_seconds: float) -> dict[str, object]:
    """Return the server's variables that limit a statement.

    On MySQL 8 also the one that makes table sizes current, which it caches for a day.
    """
    if is_mariadb(version):
        return {"max_statement_time": f"{statement_seconds:g}"}
    limit: dict[str, object] = {"max_execution_time": round(statement_seconds * 1000)}
    return limit if version.startswith("5.") else {**limit, "information_schema_stats_expiry": 0}


def is_mariadb(version: str) -> bool:
    """Return whether the version is that of a MariaDB server."""
    return "mariadb" in version.lower()


def _check(row: tuple[object, ...]) -> None:
    for (name, needed), value in zip(_READ_BACK.items(), row):
        if str(value) != needed:
            message = f"the server keeps {name} = {value} for this connection, although {needed} was set"
            hint = f"check whether a proxy between this host and the server drops {name}"
            raise Refused("session_settings", message, hint=hint)


def literal(value: object) -> str:
    """Return a parameter as SQL with the same meaning in every sql_mode and character set.

    Only hexadecimal digits of a value are in the statement, so no quote, backslash or encoding matters.
    """
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, str):
        return literal(Stored(value.encode("utf-8", "surrogateescape"), "utf8mb4"))
    if isinstance(value, Stored):
        if not _CHARACTER_SET.fullmatch(value.character_set):
            raise ValueError(f"no character set: {value.character_set!r}")
        return f"_{value.character_set} X'{value.content.hex()}'"
    if isinstance(value, datetime) and value.tzinfo is None:
        return f"'{value.isoformat(' ')}'"
    raise TypeError(f"no parameter of a statement: {type(value).__name__}")
