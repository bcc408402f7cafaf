"""The dumps of database servers, by engine. To add one: a file beside this one, and its row here."""

from __future__ import annotations

from types import ModuleType

from . import mysql, postgresql

DUMPS: dict[str, ModuleType] = {"mysql": mysql, "postgresql": postgresql}
