"""The statements that give rights: quoted right, and the very ones that the handbook shows."""

from __future__ import annotations

import re

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.required_rights import (
    REQUIRED,
    Account,
    Subject,
    creation,
    restore_hint,
    statements,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import JOB_SECTIONS
from tests import documents, rights

NEEDS = ("session_cleanup", "health", "backup_table", "backup_database", "restore")


@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_g68_the_handbook_shows_these_very_statements(engine: str) -> None:
    assert rights.example(engine) in documents.section("## Minimum privileges")


@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_every_job_has_its_rights_on_every_server(engine: str) -> None:
    assert set(REQUIRED[engine].needs) == set(NEEDS)
    assert {need.partition("_table")[0].partition("_database")[0] for need in NEEDS} == set(JOB_SECTIONS)


@pytest.mark.parametrize("need", NEEDS)
def test_hostile_names_stay_names(need: str) -> None:
    account, subject = Account("a'b`c\"d", "%"), Subject("x`y'z\"_%", "t`a'b\"le", 's"c')
    for line in statements("mysql", need, account, subject, own_account=True):
        bare = re.sub(r"`(?:[^`]|``)*`|'(?:[^']|'')*'", "", line)
        assert not set("`'\"") & set(bare), line
    for line in statements("postgresql", need, account, subject, own_account=True):
        bare = re.sub(r'"(?:[^"]|"")*"', "", line)
        assert '"' not in bare and "'" not in bare, line


def test_a_database_s_name_is_no_pattern_and_a_table_s_has_none() -> None:
    (whole, *_rest) = rights.needed("mysql", "backup_database", "iact_main", "u")
    (one,) = rights.needed("mysql", "backup_table", "iact_main", "u", "dora_metrics")
    assert r"ON `iact\_main`.* TO" in whole and "ON `iact_main`.`dora_metrics` TO" in one


def test_a_guard_is_not_put_on_an_account_that_other_jobs_share() -> None:
    shared = statements("postgresql", "backup_database", Account("iact"), Subject("site"), own_account=False)
    assert not [line for line in shared if "read_only" in line]


@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_an_account_that_is_made_has_no_password_that_anybody_could_know(engine: str) -> None:
    made = creation(engine, Account("iact"))
    assert "IDENTIFIED" not in made and "PASSWORD" not in made
    assert ("ACCOUNT LOCK" in made) == (engine == "mysql")


@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_g68_the_hint_of_a_restore_makes_the_account_and_names_the_variable(engine: str) -> None:
    hint = restore_hint(engine)
    assert creation(engine, Account("iact_restore")) in hint
    assert f"iact_maintenance_restore_{engine}" in hint and "iact-maintenance grants restore" in hint
