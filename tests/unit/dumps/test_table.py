"""The table of dumpers: one for each engine that a manifest may name, and the other tables agree with it."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import LogFile, Source
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.required_rights import REQUIRED
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines.table import (
    ENDPOINTS,
    IDENTITIES,
    PINGS,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.backup import CONTENT
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import Servers
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, build

LOG = LogFile("a_json.log", "a_json.log", 1, "2026-01-01T00:00:00Z")


def source(engine: str, tables: tuple[str, ...] = (), rows: int = 0, files: tuple[LogFile, ...] = ()) -> Source:
    counted = {f"t{number}": 1 for number in range(rows)}
    return Source(f"{engine}.site", engine, "site", tables, rows=counted, files=files)


@pytest.mark.parametrize("engine", table.DUMPERS)
def test_a_dumper_stands_under_its_engine_and_has_an_option(engine: str) -> None:
    dumper = table.DUMPERS[engine]
    assert dumper.engine == engine
    assert dumper.option in {row.name for row in CONTENT}
    assert table.dumper_of(source(engine)) is dumper


def test_each_option_that_names_something_has_its_dumper() -> None:
    assert {row.name for row in CONTENT} == {"tables", *(dumper.option for dumper in table.DUMPERS.values())}


def test_each_server_of_a_job_stands_in_every_table_of_servers() -> None:
    servers = set(Servers._fields)
    assert servers == set(ENDPOINTS) == set(IDENTITIES) == set(REQUIRED)
    assert servers < set(PINGS) and servers < set(table.DUMPERS)


@pytest.mark.parametrize("engine", table.DUMPERS)
def test_nothing_is_named_and_wanted_without_settings(engine: str) -> None:
    settings = build([])
    assert table.DUMPERS[engine].named(settings.backup) == ()
    assert not table.DUMPERS[engine].is_wanted(settings)


def test_what_is_named_is_one_name_or_many() -> None:
    backup = build([Layer("test", {"backup": {"log_directory": "/a", "sqlite_files": ["/b", "/c"]}})]).backup
    assert table.DUMPERS["logs"].named(backup) == ("/a",)
    assert table.DUMPERS["sqlite"].named(backup) == ("/b", "/c")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (source("mysql"), "the whole database"),
        (source("postgresql", rows=1), "the whole database, 1 table"),
        (source("mysql", ("a", "b"), rows=2), "only the tables a, b"),
        (source("mysql", tuple(f"t{number}" for number in range(12))), "and 2 more"),
        (source("sqlite", ("a",), rows=2), "the whole file, 2 tables"),
        (source("logs", files=(LOG,)), "1 file"),
        (source("logs"), "0 files"),
        (source("later", files=(LOG, LOG)), "2 files"),
        (source("later", ("a",)), "only the table a"),
    ],
)
def test_what_a_dump_holds_is_told_whatever_its_engine(given: Source, words: str) -> None:
    assert words in table.holds(given)


@pytest.mark.parametrize("engine", ["", "MySQL", "mysql ", "later\n\x1b[31m"])
def test_an_engine_that_is_not_known_is_refused_on_one_line(engine: str) -> None:
    with pytest.raises(Refused) as raised:
        table.dumper_of(source(engine))
    assert raised.value.code == "unknown_engine" and raised.value.hint
    assert raised.value.message.isprintable()
