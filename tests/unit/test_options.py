"""The option table is well formed, and each default is a value that its own row accepts."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import (
    JOB_SECTIONS,
    SECTIONS,
    SHARED_SECTIONS,
    SITE,
    check_fields,
    run_options,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.values import Option, parse

ROWS = [("", option) for option in SITE] + [(name, option) for name, table in SECTIONS.items() for option in table]
IDS = [f"{section}.{option.name}".strip(".") for section, option in ROWS]


@pytest.mark.parametrize(("section", "option"), ROWS, ids=IDS)
def test_each_row_is_whole(section: str, option: Option) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", option.name)
    assert option.kind in ("str", "path", "schedule", "int", "float", "bool", "list", "section")
    assert option.help.endswith(".")
    assert (option.kind in ("int", "float")) == (option.minimum is not None)
    assert (option.kind == "section") == bool(option.section)
    assert option.minimum is None or option.minimum <= option.maximum


@pytest.mark.parametrize(("section", "option"), ROWS, ids=IDS)
def test_each_default_is_accepted_by_its_own_row(section: str, option: Option) -> None:
    if option.default is not None:
        assert parse(option, option.default, option.name) == option.default


@pytest.mark.parametrize(("section", "option"), ROWS, ids=IDS)
def test_no_option_brings_a_password_or_a_word_that_the_operator_greps_for(section: str, option: Option) -> None:
    assert not re.search("error|fail", option.name)
    assert option.secret == ("password" in option.name)
    assert not (option.secret and option.default is not None)
    assert option.name not in ("values", "items", "keys", "count", "index", "get")


def test_names_are_unique_in_their_section() -> None:
    for table in (SITE, *SECTIONS.values()):
        names = [option.name for option in table]
        assert len(names) == len(set(names))


def test_every_section_can_be_written_in_the_config_file() -> None:
    assert set(SECTIONS) == {option.name for option in SITE if option.kind == "section"}
    assert set(SECTIONS) == {*SHARED_SECTIONS, *JOB_SECTIONS}


def test_what_describes_the_site_is_not_an_option_of_a_run() -> None:
    names = {option.name for option in run_options("session_cleanup")}
    assert "days" in names
    assert names.isdisjoint({"schedule", "enabled", "max_age_seconds"})


@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        (Option("a", "int", "", minimum=1, maximum=5), "a whole number from 1 to 5"),
        (Option("a", "float", "", minimum=0.1, maximum=300), "a number from 0.1 to 300"),
        (Option("a", "bool", ""), "true or false"),
        (Option("a", "path", ""), "an absolute path"),
        (Option("a", "str", "", choices=("x", "y")), "one of x, y"),
        (Option("a", "list", ""), "a list of texts"),
    ],
)
def test_what_is_allowed_reads_as_the_end_of_a_sentence(option: Option, allowed: str) -> None:
    assert option.allowed == allowed


class Pair(NamedTuple):
    """A record of two options and of something that a run adds."""

    one: str
    two: str
    added: str = ""


ONE, TWO = Option("one", "str", "One."), Option("two", "str", "Two.")


def test_g09_a_row_and_a_field_for_each_option_are_right() -> None:
    check_fields(Pair, (ONE, TWO), derived=("added",))


@pytest.mark.parametrize(
    ("rows", "name"), [((ONE,), "two"), ((ONE, TWO, TWO._replace(name="three")), "three"), ((), "one, two")]
)
def test_g09_a_row_without_a_field_or_a_field_without_a_row_is_refused_by_name(
    rows: tuple[Option, ...], name: str
) -> None:
    with pytest.raises(TypeError, match=rf"^Pair: rows and fields differ in {name}$"):
        check_fields(Pair, rows, derived=("added",))
