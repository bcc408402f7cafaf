"""Locate what a backup consists of, and compare it with the previous archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..archive.manifest import Component, Manifest
from ..dumps.dumper import Dumper
from ..dumps.model import Source
from ..dumps.table import DUMPERS
from ..errors import MaintenanceError, Refused
from ..host import Host
from ..report import Finding
from ..sections.backup import Backup
from ..settings import Settings


class Trouble(NamedTuple):
    """A configured component that could not be backed up."""

    name: str
    error: MaintenanceError

    @property
    def finding(self) -> Finding:
        """Return the trouble as a critical finding."""
        return Finding(
            "critical",
            self.error.code,
            subject=self.name,
            message=f"{self.name}: {self.error.message}",
            hint=self.error.hint,
        )


class Located(NamedTuple):
    """What a backup would dump, what could not be located, and findings.

    `empty` names what is configured and has nothing to save.
    """

    sources: tuple[Source, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    findings: tuple[Finding, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def tables(self) -> set[tuple[str, str]]:
        """Return the requested tables that were located, each with its component."""
        return {(source.component, table) for source in self.sources for table in source.all_tables}


def check_configured(settings: Settings) -> None:
    """Raise Refused or BadOption if the settings are contradictory; nothing is contacted."""
    options = settings.backup
    if not options.is_configured:
        *names, last = ("tables", *(dumper.option for dumper in DUMPERS.values()))
        hint = f"set {', '.join(names)} or {last} in the section backup"
        raise Refused("not_configured", "nothing is configured to be backed up", hint=hint)
    for dumper in DUMPERS.values():
        dumper.check_settings(settings)
    *engines, last = (engine for engine, dumper in DUMPERS.items() if dumper.has_tables)
    if options.tables and not any(DUMPERS[engine].connection(settings) for engine in (*engines, last)):
        hint = f"add the section {', '.join(engines)} or {last} to the config file"
        raise Refused("not_configured", "backup.tables is set, but no database is configured", hint=hint)


def locate(settings: Settings, host: Host, earlier_files: tuple[str, ...] = ()) -> Located:
    """Return what to dump: what the settings name, and what servers' catalogues show.

    `earlier_files` are the names of files in the previous archive.
    """
    located = Located()
    for dumper in DUMPERS.values():
        if dumper.is_wanted(settings):
            located = _with(located, dumper, settings, host, earlier_files)
    return _with_missing_tables(located, settings.backup)


def _with(located: Located, dumper: Dumper, settings: Settings, host: Host, earlier_files: tuple[str, ...]) -> Located:
    """Return what was located, with the result of one dumper, or its trouble."""
    try:
        located_here = dumper.locate(settings, host, earlier_files)
    except MaintenanceError as error:
        return located._replace(troubles=(*located.troubles, Trouble(dumper.engine, error)))
    is_empty = not located_here.sources and not located_here.troubles and dumper.named(settings.backup)
    return located._replace(
        sources=(*located.sources, *located_here.sources),
        troubles=(*located.troubles, *(Trouble(name, error) for name, error in located_here.troubles)),
        findings=located.findings + located_here.findings,
        empty=(*located.empty, dumper.engine) if is_empty else located.empty,
    )


def _with_missing_tables(located: Located, options: Backup) -> Located:
    """Return what was located, with a trouble for each table that no server has, if all could be asked."""
    engines = {engine for engine, dumper in DUMPERS.items() if dumper.has_tables}
    if engines.intersection(trouble.name for trouble in located.troubles):
        return located
    present = {table for _component, table in located.tables}
    missing = [Trouble(f"table {table}", _no_table(table)) for table in options.tables if table not in present]
    return located._replace(troubles=(*located.troubles, *missing))


def compared(located: Located, earlier: Sequence[Manifest], settings: Settings) -> Located:
    """Return what was located, with a trouble for each table of the previous archive that its server does not show now.

    A server does not show tables to an account that lost a right, as if they did not exist; the last copy of such a
    table would be deleted in time. It is only a finding if the settings allow an incomplete archive. `earlier` are the
    manifests of the good archives, newest first.
    """
    located = _without_bystanders(located, earlier, settings.backup)
    troubles = _tables_gone(located, earlier[0], settings) if earlier else []
    if settings.backup.allow_incomplete:
        warnings = [trouble.finding._replace(severity="warning") for trouble in troubles]
        return located._replace(findings=(*located.findings, *warnings))
    return located._replace(troubles=(*located.troubles, *troubles))


def _without_bystanders(located: Located, earlier: Sequence[Manifest], options: Backup) -> Located:
    """Return what was located, with a warning instead of a trouble for a server that was never backed up.

    It was asked only because it could have one of the tables; a server whose databases are named does not count.
    """
    ever = {component.engine for manifest in earlier for component in manifest.components}
    bystanders = [
        trouble
        for trouble in located.troubles
        if earlier and trouble.name in DUMPERS and trouble.name not in ever
        if not DUMPERS[trouble.name].named(options)
    ]
    if not bystanders:
        return located
    warnings = tuple(
        trouble.finding._replace(
            severity="warning", message=f"{trouble.finding.message}; nothing was ever saved from it"
        )
        for trouble in bystanders
    )
    remaining = tuple(trouble for trouble in located.troubles if trouble not in bystanders)
    located = located._replace(troubles=remaining, findings=located.findings + warnings)
    return _with_missing_tables(located, options)


def _tables_gone(located: Located, last: Manifest, settings: Settings) -> list[Trouble]:
    # A server that could not be asked is a trouble already; one that is configured no more was taken out on purpose.
    asked = {engine for engine, dumper in DUMPERS.items() if dumper.connection(settings)}
    asked -= {trouble.name for trouble in located.troubles}
    present = located.tables
    return [
        Trouble(component.name, _table_gone(component, table))
        for component in last.components
        for table in component.tables
        if component.engine in asked and table in settings.backup.tables
        if (component.name, table) not in present
    ]


def _table_gone(component: Component, table: str) -> MaintenanceError:
    message = f"the last archive has the table {table} of {component.database}, and the server no longer shows it"
    hint = (
        "check whether the account lost a right or login_db changed; if this is intended, run once with "
        "--allow-incomplete"
    )
    return MaintenanceError("table_missing", message, hint=hint)


def _no_table(table: str) -> MaintenanceError:
    hint = "check backup.tables, and login_db of the configured connections"
    return MaintenanceError("no_table", f"no configured database has a table {table}", hint=hint)
