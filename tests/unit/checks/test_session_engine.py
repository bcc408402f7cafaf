"""RNF-002: which session engines pass."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.session_engine import judge
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.project import (
    Project,
    from_answers,
)

BACKENDS = "django.contrib.sessions.backends."
DATABASE, CACHED = BACKENDS + "db", BACKENDS + "cached_db"
DATABASE_CLASSES = [DATABASE + ".SessionStore", BACKENDS + "base.SessionBase"]
CACHED_CLASSES = [CACHED + ".SessionStore", *DATABASE_CLASSES]
REDIS = "django.core.cache.backends.redis.RedisCache"
LOCAL = "django.core.cache.backends.locmem.LocMemCache"


def project(engine: str, classes: list[str], cache: str = "", cache_classes: tuple[str, ...] = ()) -> Project:
    facts = [f'{{"fact": "session_engine", "name": "{engine}", "ancestry": {classes}}}'.replace("'", '"')]
    if cache:
        names = str([cache, *cache_classes]).replace("'", '"')
        facts.append(f'{{"fact": "session_cache", "alias": "default", "backend": "{cache}", "ancestry": {names}}}')
    return from_answers("\n".join([*facts, '{"fact": "applications"}', '{"fact": "end"}']).encode())


def test_the_database_engine_passes() -> None:
    assert judge(project(DATABASE, DATABASE_CLASSES), (DATABASE,)).status == "pass"


def test_x10_cached_db_fails_by_name_although_its_class_is_a_subclass_of_the_database_engine() -> None:
    outcome = judge(project(CACHED, CACHED_CLASSES, LOCAL), (DATABASE,))
    assert outcome.status == "fail"
    assert CACHED in outcome.message
    assert LOCAL in outcome.message


@pytest.mark.parametrize("engine", ["cache", "file", "signed_cookies"])
def test_engines_outside_the_database_fail_by_name(engine: str) -> None:
    classes = [BACKENDS + engine + ".SessionStore", BACKENDS + "base.SessionBase"]
    outcome = judge(project(BACKENDS + engine, classes), (DATABASE,))
    assert outcome.status == "fail"
    assert engine in outcome.message


@pytest.mark.parametrize("engine", ["redis_sessions.session", "django_redis.sessions", "site.sessions.redis", "valkey"])
def test_redis_fails_by_name(engine: str) -> None:
    outcome = judge(project(engine, [engine + ".SessionStore", BACKENDS + "base.SessionBase"]), (DATABASE,))
    assert outcome.status == "fail"
    assert "Redis" in outcome.message


def test_another_subclass_of_the_database_engine_passes() -> None:
    outcome = judge(project("site.sessions", ["site.sessions.SessionStore", *DATABASE_CLASSES]), (DATABASE,))
    assert outcome.status == "pass"


def test_a_word_that_only_contains_redis_is_not_redis() -> None:
    engine = "predistribution.redistributed"
    assert judge(project(engine, [engine + ".SessionStore", *DATABASE_CLASSES]), (DATABASE,)).status == "pass"


def test_a_subclass_of_cached_db_is_judged_as_cached_db() -> None:
    outcome = judge(project("site.sessions", ["site.sessions.SessionStore", *CACHED_CLASSES], LOCAL), (DATABASE,))
    assert outcome.status == "fail"


def test_an_engine_of_no_known_kind_fails() -> None:
    outcome = judge(
        project("site.sessions", ["site.sessions.SessionStore", BACKENDS + "base.SessionBase"]), (DATABASE,)
    )
    assert outcome.status == "fail"


def test_an_allowed_cached_db_warns() -> None:
    outcome = judge(project(CACHED, CACHED_CLASSES, LOCAL), (DATABASE, CACHED))
    assert outcome.status == "warn"
    assert "fail" not in (outcome.message + outcome.hint).lower()


@pytest.mark.parametrize(
    ("cache", "classes"), [(REDIS, ()), ("django_redis.cache.RedisCache", ()), ("site.cache.Ours", (REDIS,))]
)
def test_x10_an_allowed_cached_db_over_redis_still_fails(cache: str, classes: tuple[str, ...]) -> None:
    outcome = judge(project(CACHED, CACHED_CLASSES, cache, classes), (DATABASE, CACHED))
    assert outcome.status == "fail"
    assert "Redis" in outcome.message


def test_an_allowed_cached_db_whose_cache_cannot_be_told_fails() -> None:
    assert judge(project(CACHED, CACHED_CLASSES), (DATABASE, CACHED)).status == "fail"


def test_another_allowed_engine_passes() -> None:
    engine = "site.sessions"
    assert judge(project(engine, [engine + ".SessionStore"]), (DATABASE, engine)).status == "pass"


def test_an_unknown_engine_of_a_project_that_does_not_load_cannot_be_judged() -> None:
    unfinished = from_answers(b'{"fact": "session_engine", "name": "site.sessions"}', "python was ended")
    outcome = judge(unfinished, (DATABASE,))
    assert outcome.status == "fail"
    assert "python was ended" in outcome.message


def test_the_database_engine_passes_even_where_the_applications_do_not_load() -> None:
    unfinished = from_answers(f'{{"fact": "session_engine", "name": "{DATABASE}"}}'.encode(), "python was ended")
    assert judge(unfinished, (DATABASE,)).status == "pass"
