"""A config file for tests that sets every option to a value other than its default."""

from __future__ import annotations

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import SECTIONS, SITE
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.values import Option

# Where one value bounds another.
_CHOSEN = {
    "warning_rows": 7,
    "critical_rows": 70,
    "disk_warning_percent": 33.5,
    "disk_critical_percent": 3.5,
    "keep_minimum": 2,
    "retention_count": 20,
    "use_tz": False,
    "time_zone": "America/Lima",
    # Texts that are paths.
    "sqlite_files": ["/sandbox/other.sqlite3"],
}


def everything() -> dict[str, object]:
    """Return a complete config file without any default value."""
    return _filled(SITE, "site")


def other_value(option: Option, where: str) -> object:
    """Return a valid value of the option that is not its default."""
    if option.name in _CHOSEN:
        return _CHOSEN[option.name]
    if option.choices:
        return next(choice for choice in option.choices if choice != option.default)
    if option.kind in ("int", "float"):
        return (option.minimum or 0) + 1 if option.default != (option.minimum or 0) + 1 else (option.minimum or 0) + 2
    if option.kind == "list":
        return [f"{where}-{option.name}"]
    made: dict[str, object] = {
        "bool": not option.default,
        "path": f"/sandbox/{where}/{option.name}",
        "str": f"{where}-{option.name}",
        "schedule": "7 4 * * sun",
    }
    return made[option.kind]


def _filled(table: tuple[Option, ...], where: str) -> dict[str, object]:
    filled: dict[str, object] = {}
    for option in table:
        if option.kind == "section":
            inside = option.name if where == "site" else f"{where}-{option.name}"
            filled[option.name] = _filled(SECTIONS[option.section], inside)
        elif not option.secret:
            filled[option.name] = other_value(option, where)
    return filled
