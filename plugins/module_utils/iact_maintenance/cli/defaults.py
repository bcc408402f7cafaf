"""Show in `--help` the value of an option that is not given: from the config file of this host, else the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import MaintenanceError
from ..formatting import simplified
from ..values import Option


class Effective(NamedTuple):
    """A value and its source: the path of a config file, or empty for the default of the option."""

    value: object
    source: str = ""


def effective(section: str, config: str | None) -> Mapping[str, Effective]:
    """Return what the config file sets in a section; empty if it cannot be read, because help is printed anyway."""
    # Imported here, because only help needs the settings while a line is parsed.
    from ..config_file import load
    from ..host import Host
    from ..settings import COMMAND_LINE, DEFAULT, ENVIRONMENT, Layer

    try:
        settings = load(Host(), config, Layer(COMMAND_LINE, {}))
    except MaintenanceError:
        return {}
    values = getattr(settings, section, None)
    names = getattr(values, "_fields", ())
    sources = {name: settings.sources.get(f"{section}.{name}", DEFAULT) for name in names}
    return {
        name: Effective(getattr(values, name), source)
        for name, source in sources.items()
        if source not in (DEFAULT, ENVIRONMENT)
    }


def help_of(option: Option, known: Mapping[str, Effective]) -> str:
    """Return an option's help for a terminal: what it does, its choices and its default."""
    options = known.get(option.name, Effective(option.default))
    choices = f" Allowed: {', '.join(option.choices)}." if option.choices else ""
    default = "" if options.value in (None, ()) else f" Default: {_shown(options.value)}"
    source = f" (from {options.source})" if default and options.source else ""
    # argparse takes a percent sign for a place to fill in.
    return f"{option.plain_help}{choices}{default}{source}{'.' if default else ''}".replace("%", "%%")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(simplified(value))
