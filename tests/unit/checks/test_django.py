"""The checks of the Django project, from what a project told."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks import django
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import Context

Make = Callable[..., Context]
Fact = dict[str, object]

PYTHON: Fact = {"fact": "python", "version": "3.11.2"}
DJANGO: Fact = {"fact": "django", "version": "4.2.30"}
LOADED: Fact = {"fact": "applications"}
END: Fact = {"fact": "end"}


def database(alias: str) -> Fact:
    return {"fact": "database", "alias": alias, "engine": "e", "name": "n", "host": "h", "port": "1", "password": ""}


def driver(alias: str) -> Fact:
    return {"fact": "driver", "alias": alias, "vendor": "v", "driver": "d"}


def trouble(step: str, alias: str | None = None, kind: str = "ModuleNotFoundError") -> Fact:
    return {"fact": "trouble", "step": step, "alias": alias, "kind": kind, "message": "No module named 'x'"}


def test_a_project_that_loads_passes(make_context: Make) -> None:
    (outcome,) = django.project(make_context(None, PYTHON, DJANGO, LOADED, END))
    assert outcome.status == "pass"
    assert "4.2.30" in outcome.message


def test_g1f_the_settings_module_is_named_wherever_it_was_set(make_context: Make) -> None:
    module: Fact = {"fact": "settings_module", "name": "callcentersite.settings.production"}
    (outcome,) = django.project(make_context(None, PYTHON, module, DJANGO, LOADED, END))
    assert outcome.message == "Django 4.2.30 on Python 3.11.2 loads callcentersite.settings.production"
    (outcome,) = django.project(make_context(None, PYTHON, module, DJANGO, trouble("settings"), END))
    assert outcome.message.startswith("the settings (callcentersite.settings.production) do not load")
    assert "with callcentersite.settings.production" in outcome.hint
    module["name"] = ""
    (outcome,) = django.project(make_context(None, PYTHON, module, DJANGO, trouble("settings"), END))
    assert "DJANGO_SETTINGS_MODULE, which is not set" in outcome.message


def test_settings_that_do_not_load_fail_the_project_only(make_context: Make) -> None:
    context = make_context(None, PYTHON, DJANGO, trouble("settings", kind="KeyError"), END)
    assert django.project(context)[0].status == "fail"
    assert [outcome.status for outcome in django.dependencies(context) + django.migrations(context)] == ["skip", "skip"]


def test_settings_that_hang_fail_the_project_with_the_reason(make_context: Make) -> None:
    (outcome,) = django.project(make_context(None, PYTHON, DJANGO, ending="python3 did not end within 8 s"))
    assert outcome.status == "fail"
    assert "within 8 s" in outcome.message


def test_a_project_that_hangs_at_a_migration_still_passes_as_a_project(make_context: Make) -> None:
    context = make_context(
        None,
        PYTHON,
        DJANGO,
        database("default"),
        driver("default"),
        LOADED,
        {"fact": "router", "alias": "default", "open": True},
        ending="python3 did not end within 8 s",
    )
    assert django.project(context)[0].status == "pass"
    (outcome,) = django.migrations(context)
    assert (outcome.status, outcome.part) == ("fail", "default")
    assert "within 8 s" in outcome.message


def test_django_that_does_not_import_fails_the_dependencies(make_context: Make) -> None:
    context = make_context(None, PYTHON, trouble("django"), END)
    assert django.project(context)[0].status == "skip"
    assert django.dependencies(context)[0].status == "fail"


def test_a_driver_that_does_not_import_is_named_with_its_alias(make_context: Make) -> None:
    context = make_context(
        None,
        PYTHON,
        DJANGO,
        database("default"),
        database("ivr"),
        driver("default"),
        trouble("driver", "ivr", "ImproperlyConfigured"),
        LOADED,
        END,
    )
    (outcome,) = django.dependencies(context)
    assert outcome.status == "fail"
    assert "ivr" in outcome.message
    assert [each.status for each in django.migrations(context)] == ["fail", "skip"]


def test_an_import_that_the_settings_lack_is_a_missing_dependency(make_context: Make) -> None:
    (outcome,) = django.dependencies(make_context(None, PYTHON, DJANGO, trouble("settings"), END))
    assert outcome.status == "fail"


def test_dependencies_that_import_pass(make_context: Make) -> None:
    (outcome,) = django.dependencies(make_context(None, PYTHON, DJANGO, database("ivr"), driver("ivr"), LOADED, END))
    assert (outcome.status, outcome.message) == ("pass", "Django 4.2.30, d (ivr)")


def test_x7_a_fully_migrated_alias_passes_and_a_closed_one_is_skipped(make_context: Make) -> None:
    context = make_context(
        None,
        database("default"),
        database("ivr"),
        LOADED,
        {"fact": "router", "alias": "default", "open": True},
        {"fact": "router", "alias": "ivr", "open": False},
        {"fact": "migrations", "alias": "default", "pending": [], "total": 0},
        END,
    )
    assert [(each.part, each.status) for each in django.migrations(context)] == [("default", "pass"), ("ivr", "skip")]


def test_pending_migrations_fail_by_name(make_context: Make) -> None:
    context = make_context(
        None,
        database("default"),
        LOADED,
        {"fact": "router", "alias": "default", "open": True},
        {"fact": "migrations", "alias": "default", "pending": ["metrics.0002_more"], "total": 1},
        END,
    )
    (outcome,) = django.migrations(context)
    assert outcome.status == "fail"
    assert "metrics.0002_more" in outcome.message
    assert "migrate --database default" in outcome.hint


def test_a_database_that_the_project_cannot_reach_fails_its_migrations(make_context: Make) -> None:
    context = make_context(None, database("default"), LOADED, trouble("migrations", "default", "OperationalError"), END)
    (outcome,) = django.migrations(context)
    assert outcome.status == "fail"
    assert "h:1" in outcome.hint
