"""The table of dumpers by engine; the only list of what can be backed up. To add one: a row here."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import Refused
from ..formatting import plural
from ..secret import printable
from . import mysql, postgresql
from .dumper import Dumper
from .logs import LogsDumper
from .model import Source, tables_in_words
from .servers import ServerDumper
from .sqlite import SQLiteDumper

# In the order in which a backup saves them.
DUMPERS: Mapping[str, Dumper] = {
    "mysql": ServerDumper("mysql", mysql),
    "postgresql": ServerDumper("postgresql", postgresql),
    "sqlite": SQLiteDumper(),
    "logs": LogsDumper(),
}


def dumper_of(source: Source) -> Dumper:
    """Return the dumper that restores a component. Raise Refused for an unknown engine of a later version."""
    if source.engine in DUMPERS:
        return DUMPERS[source.engine]
    name, engine = printable(source.component, 80), printable(source.engine, 80)
    message = f"{name} was dumped by the engine {engine}, which this version cannot restore"
    hint = (
        "use the version of the collection that wrote the archive, or restore the other components with "
        "restore.components"
    )
    raise Refused("unknown_engine", message, hint=hint)


def holds(source: Source) -> str:
    """Return the contents of a dump of a source for people, also for an unknown engine."""
    if source.engine in DUMPERS:
        return DUMPERS[source.engine].holds(source)
    return plural(len(source.files), "file") if source.files else tables_in_words(source)
