"""The probe's answers as values."""

from __future__ import annotations

import json

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.project import (
    DriverConnection,
    from_answers,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret


def lines(*facts: dict[str, object]) -> bytes:
    return b"".join(json.dumps(fact).encode() + b"\n" for fact in facts)


DATABASE = {
    "fact": "database",
    "alias": "ivr",
    "engine": "django.db.backends.mysql",
    "name": "iact",
    "host": "h",
    "port": "13306",
    "user": "u",
    "password": "tan-geheim#1",
}


def test_nothing_told_is_an_unfinished_project_with_the_reason() -> None:
    project = from_answers(b"", "python3 was killed by signal 9")
    assert project.ending == "python3 was killed by signal 9"
    assert not project.loaded


def test_an_answer_that_was_cut_off_keeps_what_was_told_before() -> None:
    output = lines({"fact": "session_engine", "name": "a.b"}) + b'{"fact": "sess'
    project = from_answers(output, "too late")
    assert (project.session_engine, project.ending) == ("a.b", "too late")


def test_what_the_project_itself_sends_as_lines_cannot_break_the_reader() -> None:
    project = from_answers(b'[1]\nnull\n"x"\n{"fact": 3}\n\xff\xfe\n' + lines({"fact": "end"}))
    assert project.ending == ""


def test_later_facts_of_the_same_name_add_to_the_earlier_ones() -> None:
    project = from_answers(
        lines(
            {"fact": "session_engine", "name": "a.b"}, {"fact": "session_engine", "name": "a.b", "ancestry": ["a.b.C"]}
        )
    )
    assert project.session_ancestry == ("a.b.C",)


def test_facts_about_an_alias_are_gathered_in_its_database() -> None:
    facts = (
        DATABASE,
        {"fact": "driver", "alias": "ivr", "vendor": "mysql", "driver": "pymysql", "time_zone": "Asia/Tokyo"},
        {"fact": "router", "alias": "ivr", "open": True},
        {"fact": "migrations", "alias": "ivr", "pending": ["a.0001"], "total": 1},
    )
    database = from_answers(lines(*facts)).database("ivr")
    assert database is not None
    assert (database.vendor, database.is_open, database.pending, database.pending_total) == (
        "mysql",
        True,
        ("a.0001",),
        1,
    )
    assert (database.time_zone, database.connection) == ("Asia/Tokyo", None)


def test_the_password_of_a_driver_s_parameters_is_wrapped_and_a_variable_stands_below_them() -> None:
    told = {"fact": "connection", "alias": "ivr", "withheld": ["pool"], "default_socket": "/run"}
    parameters, variables = {"host": "h", "password": "tan-geheim#2"}, {"PGPASSWORD": "tan-geheim#3", "PGPORT": "7"}
    database = from_answers(lines(DATABASE, {**told, "parameters": parameters, "variables": variables})).database("ivr")
    assert database is not None and database.connection is not None
    assert database.connection == DriverConnection(
        {"host": "h"}, ("pool",), {"PGPORT": "7"}, Secret("tan-geheim#2"), "/run"
    )
    only = from_answers(lines(DATABASE, {**told, "parameters": {}, "variables": variables})).database("ivr")
    assert only is not None and only.connection is not None
    assert only.connection.password == Secret("tan-geheim#3")
    assert "geheim" not in repr(database) + repr(only)


def test_fs09_a_password_never_shows_in_the_project_or_in_its_troubles() -> None:
    trouble = {
        "fact": "trouble",
        "step": "migrations",
        "alias": "ivr",
        "kind": "OperationalError",
        "message": "no login with tan-geheim#1 or tan-geheim%231",
    }
    project = from_answers(lines(trouble, DATABASE))
    assert "geheim" not in repr(project)
    assert project.trouble("migrations", "ivr") == "OperationalError: no login with *** or ***"
    assert project.trouble("migrations") == ""
