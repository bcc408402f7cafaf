"""The probe's answers as values."""

from __future__ import annotations

import json

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.project import from_answers


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
    "options": {"sslmode": "require"},
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
    assert (database.time_zone, database.options) == ("Asia/Tokyo", {"sslmode": "require"})


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
