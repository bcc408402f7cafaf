"""Describe the config file: a JSON Schema and an example, both generated from the option table."""

from __future__ import annotations

from collections.abc import Mapping

from ..values import Option
from .table import SECTIONS, SITE

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Mapping[str, Mapping[str, object]] = {
    "str": {"type": "string", "minLength": 1},
    "path": {"type": "string", "pattern": "^/"},
    "schedule": {"type": "string", "minLength": 1},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "string"}},
}
_CONNECTION = {"login_host": "127.0.0.1", "login_user": "iact", "login_db": "iact"}
# Typical values of a site; everything else in the example is a default.
_SITE: Mapping[str, Mapping[str, object]] = {
    "": {"user": "iact"},
    "mysql": {**_CONNECTION, "login_port": 3306, "config_file": "/var/lib/iact/.my.cnf"},
    "postgresql": {**_CONNECTION, "login_port": 5432, "passfile": "/var/lib/iact/.pgpass"},
    "django": {
        "project_path": "/srv/iact/api/callcentersite",
        "python": "/srv/iact/venv/bin/python",
        "settings_module": "callcentersite.settings.production",
        "env_file": "/srv/iact/.env",
    },
    "backup": {"tables": ["dora_metrics"], "log_directory": "/var/log/iact"},
    "restore": {
        "mysql": {"login_user": "iact_restore", "config_file": "/var/lib/iact/.iact/restore.cnf"},
        "postgresql": {"login_user": "iact_restore", "passfile": "/var/lib/iact/.iact/restore.pgpass"},
    },
}
_LEFT_OUT = ("sqlite",)


def schema() -> dict[str, object]:
    """Return the JSON Schema of the config file. It does not include relations between options."""
    return {"$schema": _DRAFT, "title": "/etc/iact/maintenance.json", **_object(SITE, "")}


def _object(rows: tuple[Option, ...], description: str) -> dict[str, object]:
    # Passwords are not in the schema, because the file must not have any.
    properties = {row.name: _property(row) for row in rows if not row.secret}
    required = [row.name for row in rows if row.required]
    shown: dict[str, object] = {"type": "object", "properties": properties, "additionalProperties": False}
    if description:
        shown["description"] = description
    # An empty section counts as missing.
    return {**shown, "anyOf": [{"maxProperties": 0}, {"required": required}]} if required else shown


def _property(row: Option) -> dict[str, object]:
    if row.kind == "section":
        return _object(SECTIONS[row.section], row.plain_help)
    schema: dict[str, object] = {"description": row.plain_help, **_TYPES[row.kind]}
    if row.choices:
        schema["enum"] = list(row.choices)
    if row.minimum is not None:
        schema.update(minimum=row.minimum, maximum=row.maximum)
    if row.default is not None:
        schema["default"] = _plain(row.default)
    return schema


def example() -> dict[str, object]:
    """Return a config file of a site with both servers: every default, and typical values of a site."""
    shown = {row.name: row.default for row in SITE if row.default is not None}
    sections = {row.name: _filled(row.name) for row in SITE if row.kind == "section" and row.name not in _LEFT_OUT}
    return {**_SITE[""], **shown, **sections}


def _filled(section: str) -> dict[str, object]:
    given = _SITE.get(section, {})
    values = {row.name: given.get(row.name, row.default) for row in SECTIONS[section]}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
