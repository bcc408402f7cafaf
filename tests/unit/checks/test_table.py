"""The table of checks."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.table import CHECKS
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, build

MYSQL = {"mysql": {"login_host": "127.0.0.1"}}


def names(options: dict[str, object]) -> set[str]:
    settings = build([Layer("test", options)])
    return {check.name for check in CHECKS if check.applies(settings)}


def test_only_configured_connections_are_checked() -> None:
    assert "mysql" in names(MYSQL)
    assert not names(MYSQL) & {"postgresql", "sqlite", "migrations", "session_engine", "backups"}
    assert {"postgresql", "backups"} <= names({"postgresql": {"login_db": "iact"}, "backup": {"tables": ["t"]}})
    assert {"django_project", "django_dependencies", "session_engine", "migrations"} <= names(
        {"django": {"project_path": "/srv/site"}}
    )


def test_a_connection_of_health_s_own_is_enough() -> None:
    assert "mysql" in names({"health": {"mysql": {"login_host": "127.0.0.1"}}})


def test_names_are_unique_and_every_check_has_its_test_file(checkout: Path) -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        function = getattr(check.function, "func", check.function)
        assert (checkout / f"tests/unit/checks/test_{function.__module__.rpartition('.')[2]}.py").exists()


def test_every_check_has_its_row_in_the_operator_s_document(checkout: Path) -> None:
    rows = [line for line in (checkout / "docs/operations.md").read_text().splitlines() if line.startswith("| `")]
    first_columns = " ".join(row.split("|")[1] for row in rows)
    assert not [check.name for check in CHECKS if f"`{check.name}" not in first_columns]


def test_no_name_says_what_only_a_bad_run_may_say() -> None:
    """A good run's line in the log must match neither `grep -i error` nor `grep -i fail`."""
    assert not any(word in check.name for check in CHECKS for word in ("error", "fail"))
