"""The effective settings, each with its source, and no secret among them."""

from __future__ import annotations

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli import json as json_face
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import check_config
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import SECTIONS, SITE
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import (
    PARAMETER,
    Layer,
    Settings,
    build,
)
from tests.unit.options_at_large import everything


def rows(settings: Settings) -> dict[str, tuple[object, object]]:
    shown = check_config.report(settings).facts["settings"]
    assert isinstance(shown, list)
    return {row["option"]: (row["value"], row["source"]) for row in shown}


def names(table: tuple, prefix: str = "") -> set[str]:  # type: ignore[type-arg]
    found = set()
    for option in table:
        if option.kind == "section":
            found |= names(SECTIONS[option.section], f"{prefix}{option.name}.")
        elif not option.secret:
            found.add(prefix + option.name)
    return found


def test_every_option_that_a_file_can_set_is_shown() -> None:
    shown = rows(build([Layer("site.json", everything(), is_file=True)]))
    expected = names(SITE)
    assert expected <= set(shown)
    assert all(shown[name][1] == "site.json" for name in expected)


def test_a_value_laid_over_another_is_resolved() -> None:
    raw = {"mysql": {"login_host": "db"}, "health": {"mysql": {"login_user": "watch"}}}
    shown = rows(build([Layer("site.json", raw, is_file=True)]))
    assert shown["health.mysql.login_host"] == ("db", "inherited")
    assert shown["health.mysql.login_user"] == ("watch", "site.json")
    assert shown["session_cleanup.days"] == (0, "default")


def test_a_password_is_shown_as_there_and_nothing_more() -> None:
    settings = build([Layer(PARAMETER, {"mysql": {"login_password": "hunter2"}})])
    assert rows(settings)["mysql.login_password"][0] == "***"
    assert "hunter2" not in json_face.render(check_config.report(settings))
