"""The engines, by name. To add one: a file beside this one with the same functions, and its row here."""

from __future__ import annotations

from types import ModuleType

from . import mysql, postgresql, sqlite

ENGINES: dict[str, ModuleType] = {"mysql": mysql, "postgresql": postgresql, "sqlite": sqlite}
