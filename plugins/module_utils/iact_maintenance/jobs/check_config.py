"""Show the effective settings of this host and the source of each; also an example, and a schema for editors."""

from __future__ import annotations

from typing import NamedTuple

from ..report import Report
from ..sections.schema import example, schema
from ..settings import Settings

NAME = "check_config"
# By the name of the switch.
DOCUMENTS = {"example": example, "schema": schema}


def report(settings: Settings) -> Report:
    """Return the effective settings, one row each, resolved and without secrets."""
    rows = [
        {"option": name, "value": value, "source": settings.sources.get(name, "inherited")}
        for name, value in _flat("", settings)
        if value is not None
    ]
    return Report(NAME, "the settings are valid", facts={"settings": rows})


def document(name: str) -> Report:
    """Return a document about the config file: `example` or `schema`."""
    made = DOCUMENTS[name]()
    return Report(NAME, f"the {name} of the config file", facts={"document": made})


def _flat(prefix: str, holder: NamedTuple) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for option, value in holder._asdict().items():
        if not prefix and option in ("sources", "config_written_at"):
            continue
        name = f"{prefix}{option}"
        if hasattr(value, "_fields"):
            # The connections of a section stand in it without a name between.
            rows += _flat(prefix if option == "servers" else f"{name}.", value)
        elif option == "login_password":
            rows.append((name, repr(value) if value is not None else None))
        elif option not in ("own_account", "libpq_options"):
            rows.append((name, list(value) if isinstance(value, tuple) else value))
    return rows
