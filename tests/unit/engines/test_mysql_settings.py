"""What a session on MySQL or MariaDB relies on, and the form in which values are sent."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import mysql_settings
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.mysql_settings import (
    NO_LIMIT,
    AsFound,
    Stored,
    literal,
)

MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"


class Answering:
    """A server that keeps what it was told, or does not."""

    def __init__(self, *read_back: object) -> None:
        self.asked: list[str] = []
        self.read_back = read_back or (1, MODE, "utf8mb4", "utf8mb4", NO_LIMIT)

    def __call__(self, statement: str) -> tuple[object, ...]:
        self.asked.append(statement)
        return (1, 7, 0, "ROW") if "@@log_bin" in statement else self.read_back


@given(st.text())
def test_g88_no_character_of_a_value_stands_in_a_statement(value: str) -> None:
    (digits,) = re.findall(r"_utf8mb4 X'([0-9a-f]*)'", literal(value))
    assert bytes.fromhex(digits) == value.encode("utf-8", "surrogateescape")


def test_every_other_value_is_written_in_plain_signs() -> None:
    assert literal(datetime(2026, 3, 1, 12, 0, 0, 5)) == "'2026-03-01 12:00:00.000005'"
    assert literal(Stored(b"\x83\x5c", "sjis")) == "_sjis X'835c'"
    assert (literal(None), literal(5)) == ("NULL", "5")
    for value in (1.5, datetime(2026, 3, 1, tzinfo=timezone.utc)):
        with pytest.raises(TypeError):
            literal(value)
    with pytest.raises(ValueError):
        literal(Stored(b"", "x' OR 1"))


@pytest.mark.parametrize(
    ("version", "guard", "limit"),
    [
        ("5.5.5-10.11.14-mariadb", "@@tx_read_only", "max_statement_time = 2.5"),
        ("8.4.0", "@@transaction_read_only", "max_execution_time = 2500, information_schema_stats_expiry = 0"),
        ("5.7.44-log", "@@transaction_read_only", "max_execution_time = 2500"),
    ],
)
def test_g80_everything_is_set_by_statements_and_what_was_there_is_told(version: str, guard: str, limit: str) -> None:
    server = Answering()
    assert mysql_settings.make_safe(server, version, 2.5, read_only=True) == AsFound(read_only=True, select_limit=7)
    assert server.asked[0] == "SET NAMES utf8mb4" and guard in server.asked[1]
    assert "autocommit = 1" in server.asked[2] and server.asked[2].endswith(limit)
    assert server.asked[3:5] == [
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION TRANSACTION READ ONLY",
    ]


@pytest.mark.parametrize("position", range(5))
def test_a_setting_that_does_not_stay_is_refused_before_anything_is_done(position: int) -> None:
    kept: list[object] = [1, MODE, "utf8mb4", "utf8mb4", NO_LIMIT]
    kept[position] = "0"
    with pytest.raises(errors.Refused) as caught:
        mysql_settings.make_safe(Answering(*kept), "8.4.0", 1.0, read_only=False)
    assert caught.value.code == "session_settings" and " = 0" in caught.value.message and caught.value.hint


def test_a_program_s_session_commits_and_has_no_limit_of_time() -> None:
    said = mysql_settings.program_statement("10.11.14-mariadb")
    assert "autocommit = 1" in said and "max_statement_time = 0" in said and "completion_type = 0" in said
