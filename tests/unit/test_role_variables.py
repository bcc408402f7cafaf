"""The role's variables are judged before anything else: all of them at once, and none of a connection by its value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import preflight
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import SECTIONS
from tests.tools import role_documents
from tests.tools.role_documents import CHECKOUT, PREFIX, variables
from tests.unit.role import ROLE, evaluated
from tests.unit.test_role_rules import NAME

SECRET = "hunter2 Tr0ub4dor"
PRIVATE = {
    f"{PREFIX}{section}_{row.name}": row
    for section, rows in SECTIONS.items()
    for row in rows
    if role_documents.is_private(row)
}
# A text is what they hold, and they name a place.
NAMES = ("login_host", "login_user", "login_db", "login_password")


def refused(**given: object) -> list[dict[str, str]]:
    """Return what the role refuses of these variables, given without their prefix."""
    refusals = preflight.judge({PREFIX + name: content for name, content in given.items()})[1]
    return [refusal._asdict() for refusal in refusals]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("backup_retention_dasy", "backup_retention_days"),
        ("mysql_password", "mysql_login_password"),
        ("sesion_cleanup_days", "session_cleanup_days"),
        ("stat", "state"),
        ("xyzzy", ""),
    ],
)
def test_a_variable_that_nobody_knows_is_refused_by_its_name_and_never_by_its_value(name: str, near: str) -> None:
    (refusal,) = refused(**{name: SECRET, "state": "absent"})
    assert refusal["variable"] == PREFIX + name
    assert refusal["message"].startswith(f"{PREFIX}{name} is not a variable of the role: ")
    assert refusal["message"].endswith(f"{PREFIX}{near}?" if near else "lists all variables")
    assert SECRET not in str(refusal)


def test_every_variable_of_the_specification_is_known_and_null_is_not_set() -> None:
    assert preflight.judge(dict.fromkeys(variables())) == preflight.judge({})
    assert refused() == []


@pytest.mark.parametrize("name", PRIVATE)
def test_g10_no_specification_lets_ansible_print_the_value_of_a_connection(name: str) -> None:
    row = variables()[name]
    assert row["type"] == "raw"
    assert not {"choices", "options", "elements"} & set(row)
    assert role_documents.allowed(PRIVATE[name]) in row["description"]


@pytest.mark.parametrize("content", [SECRET, [SECRET], {SECRET: SECRET}, {"login_port": SECRET}, 4711.5, True])
@pytest.mark.parametrize("name", [name for name in PRIVATE if not name.endswith(NAMES)])
def test_g10_a_password_at_the_wrong_place_is_refused_and_not_shown(name: str, content: object) -> None:
    found = refused(**{name[len(PREFIX) :]: content})
    # A number or a switch may be right where one is meant.
    assert found or not isinstance(content, (str, list, dict))
    # The section of a database file is nothing without its path.
    assert {refusal["variable"] for refusal in found} <= {name, f"{PREFIX}sqlite_path"}
    for refusal in found:
        message = refusal["message"].replace(f"{name}.{SECRET} is not an option", "")
        assert SECRET not in message
        assert "4711" not in message


@pytest.mark.parametrize("content", [[SECRET], {SECRET: SECRET}, True, 1.5])
@pytest.mark.parametrize("where", ["mysql_login_password", "restore_mysql", "health_postgresql"])
def test_g10_a_password_that_is_no_text_is_refused_and_not_shown(where: str, content: object) -> None:
    given = {where: content if where.endswith("password") else {"login_password": content}}
    (refusal,) = refused(**given)
    assert refusal["message"].startswith(PREFIX + where)
    assert SECRET not in str(refusal)


def test_g61_all_that_is_wrong_is_said_at_once() -> None:
    found = refused(
        backup_schedule="30-10 2 * * *",
        health_schedule="@Daily",
        backup_retention_days=-1,
        mysql_login_port=SECRET,
        postgresql_login_password="one\ntwo",
        restore_mysql={"tls": SECRET, "login_prot": 1},
        logrotate="maybe",
        sesion_cleanup_days=3,
    )
    names = [refusal["variable"][len(PREFIX) :] for refusal in found]
    expected = ["sesion_cleanup_days", "logrotate", "mysql_login_port", "health_schedule", "backup_schedule"]
    assert sorted(names) == sorted([*expected, "backup_retention_days", "restore_mysql", "restore_mysql"])
    assert [refusal["code"] for refusal in found].count("unknown_variable") == 1
    assert SECRET not in str(found)


def test_what_two_variables_demand_of_each_other_is_judged_as_the_command_does() -> None:
    (refusal,) = refused(session_cleanup_warning_rows=10, session_cleanup_critical_rows=5)
    assert refusal["variable"] == f"{PREFIX}session_cleanup_warning_rows"
    assert "at most session_cleanup.critical_rows (5) is allowed" in refusal["message"]


def test_a_password_that_is_a_number_in_yaml_is_a_text() -> None:
    assert refused(mysql_login_password=12345, restore_postgresql={"login_password": 12345}) == []


def test_a_line_break_in_a_password_is_refused_where_a_password_file_cannot_hold_it() -> None:
    given = {
        "mysql_login_password": "one\ntwo",
        "postgresql_login_password": "one\ntwo",
        "restore_postgresql": {"login_password": "one\rtwo"},
        "backup_postgresql": {"login_password": "one"},
    }
    found = refused(**given)
    names = ["postgresql_login_password", "restore_postgresql.login_password"]
    assert [refusal["variable"] for refusal in found] == [PREFIX + name for name in names]
    assert refused(**given, credentials="keep") == []


@pytest.mark.parametrize("text", ["30-10 2 * * *", "0 2 * * fri-mon", "@Daily", "2 * * *", 5])
def test_g03_a_schedule_is_refused_before_anything_changed(text: object) -> None:
    (refusal,) = refused(session_cleanup_schedule=text)
    assert refusal["variable"] == f"{PREFIX}session_cleanup_schedule"
    assert "five cron fields" in refusal["message"]


@pytest.mark.parametrize(
    "path",
    [CHECKOUT / "inventory.example.yml", *CHECKOUT.glob("molecule/*/group_vars/*.yml")],
    ids=lambda path: path.stem,
)
def test_the_example_and_the_scenarios_set_only_what_is_known(path: Path) -> None:
    used = NAME.findall(path.read_text(encoding="utf-8"))
    assert used
    assert preflight.judge(dict.fromkeys(used))[1] == []


def test_the_role_hands_over_every_variable_that_was_set_as_one_text() -> None:
    given = {f"{PREFIX}mysql_login_port": SECRET, f"{PREFIX}mysql_pasword": "x", f"{PREFIX}backup_tables": ["a", "b"]}
    handed = json.loads(evaluated("__iact_maintenance_variables | to_json", **given))
    assert given.items() <= handed.items()
    assert handed[f"{PREFIX}health_log_directory"] == handed[f"{PREFIX}log_directory"]
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert set(handed) == set(defaults) | set(given)


def test_the_first_step_of_the_role_judges_the_variables_whatever_the_state() -> None:
    tasks: list[dict[str, Any]] = yaml.safe_load((ROLE / "tasks" / "preflight.yml").read_text(encoding="utf-8"))
    assert "iact.maintenance.iact_host_info" in tasks[0]
    assert "when" not in tasks[0]
