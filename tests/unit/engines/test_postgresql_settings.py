"""What a session on PostgreSQL relies on, and the form in which values are sent."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import postgresql_settings
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.postgresql_settings import (
    Session,
    literal,
)

GOOD = Session(started=True, driver_pid=7, server_pid=7, strings="on", encoding="UTF8")


@given(st.text() | st.binary())
def test_g88_no_character_of_a_value_stands_in_a_statement(value: str | bytes) -> None:
    content = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    (digits,) = re.findall(r"'([0-9a-f]*)', 'hex'", literal(value))
    assert bytes.fromhex(digits) == content
    assert re.fullmatch(r"[a-z_.(]*'[0-9a-f]*', 'hex'\)(, 'UTF8'\))?", literal(value))


def test_every_other_value_is_written_in_plain_signs() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=timezone.utc)
    assert literal(moment) == "'2026-03-01 12:00:00.000005+00:00'::pg_catalog.timestamptz"
    assert literal(moment.replace(tzinfo=None)) == "'2026-03-01 12:00:00.000005'::pg_catalog.timestamp"
    assert (literal(None), literal(5), literal([1, 2])) == ("NULL", "5", "ARRAY[1, 2]")
    with pytest.raises(TypeError):
        literal(1.5)


def test_our_start_up_options_come_after_the_project_s_so_that_they_count() -> None:
    found = postgresql_settings.startup_options("-c standard_conforming_strings=off -c search_path=app")
    assert found.startswith("-c standard_conforming_strings=off -c search_path=app -c ")
    assert found.rindex("standard_conforming_strings=on") > found.index("standard_conforming_strings=off")
    assert "row_security=off" in found and "read_only" not in found


def test_the_limits_of_later_servers_are_lifted_only_where_there_are_some() -> None:
    assert (GOOD.later_limits, GOOD._replace(idle_session_timeout="0").later_limits) == ((), ())
    limited = GOOD._replace(idle_session_timeout="5min", transaction_timeout="1s")
    assert limited.later_limits == ("idle_session_timeout", "transaction_timeout")
    assert "idle_session_timeout" not in postgresql_settings.startup_options(None)
    assert "-c transaction_timeout=0" in postgresql_settings.startup_options(None, limited.later_limits)


def test_a_transaction_sets_for_itself_alone_and_never_what_the_driver_quotes_by() -> None:
    said = postgresql_settings.guards(1.5).split("; ")
    assert all(statement.startswith("SET LOCAL ") for statement in said)
    assert not any("standard_conforming_strings" in statement or "read_only" in statement for statement in said)
    assert "SET LOCAL statement_timeout = '1500'" in said


@pytest.mark.parametrize(
    ("session", "own", "code"),
    [
        (GOOD, True, None),
        (GOOD._replace(strings="off"), False, "session_settings"),
        (GOOD._replace(encoding="LATIN1"), False, "session_settings"),
        (GOOD._replace(started=False, server_pid=8, strings="off"), False, None),
        (GOOD._replace(server_pid=8, strings="off"), False, None),
        (GOOD._replace(server_pid=8), True, "pooler"),
        (GOOD._replace(started=False), True, "pooler"),
    ],
)
def test_g50_g88_a_session_that_is_not_what_we_rely_on_is_refused(
    session: Session, own: bool, code: str | None
) -> None:
    if code is None:
        return postgresql_settings.check(session, "db:5432", own_session=own)
    with pytest.raises(errors.MaintenanceError) as caught:
        postgresql_settings.check(session, "db:5432", own_session=own)
    assert caught.value.code == code and "db:5432" in caught.value.message and caught.value.hint
    return None
