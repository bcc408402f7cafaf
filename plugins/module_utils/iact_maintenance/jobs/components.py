"""What a backup consists of: where each component is found, and how each becomes one member of the archive."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from ..archive.manifest import Component, Manifest, Member
from ..archive.packing import Compression, Packer
from ..archive.writer import MemberSink, Staged, Unwritable
from ..dumps import logs, sqlite
from ..dumps.model import DumpFacts, LogFile, Source
from ..dumps.table import DUMPS
from ..errors import BadOption, MaintenanceError, Refused
from ..host import Host
from ..processes import Limits
from ..report import REPORT_HINT, Finding, location_of
from ..sections.backup import Backup
from ..sections.connections import Server
from ..sections.restore import Restore
from ..settings import Settings
from ..tar import member_name

_SCHEMA_CHANGED = "schema_changed"
ENGINES = ("mysql", "postgresql", "sqlite")


class Trouble(NamedTuple):
    """A component that is configured and could not be backed up."""

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
    """The databases that a backup would dump, what could not be found, and what is worth to be known of that."""

    sources: tuple[Source, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    findings: tuple[Finding, ...] = ()


def locate(settings: Settings, host: Host) -> Located:
    """Return what is to be dumped, from the servers' catalogues. Raise Refused if the settings make no sense."""
    options = settings.backup
    _check_configured(options, _configured(settings))
    sources: list[Source] = []
    troubles: list[Trouble] = []
    for engine, ask in _questions(settings, host):
        try:
            sources += ask()
        except MaintenanceError as error:
            troubles.append(Trouble(engine, error))
    return _with_missing_tables(Located(tuple(sources), tuple(troubles)), options)


def _configured(settings: Settings) -> Mapping[str, object]:
    options = settings.backup
    return {"mysql": options.mysql, "postgresql": options.postgresql, "sqlite": settings.sqlite}


def _questions(settings: Settings, host: Host) -> Iterator[tuple[str, Callable[[], list[Source]]]]:
    """Yield, for each engine that may hold something to back up, what finds it."""
    options = settings.backup
    for engine, server in servers_of(options).items():
        if server is not None and (_named(options, engine) or options.tables):
            yield engine, partial(DUMPS[engine].locate, options, server, host)
    if _named(options, "sqlite") or (options.tables and settings.sqlite is not None):
        yield "sqlite", partial(sqlite.locate, options, settings.sqlite, host)


def servers_of(options: Backup | Restore) -> dict[str, Server | None]:
    """Return the server of each engine that has a dump, by the section that names it."""
    return {"mysql": options.mysql, "postgresql": options.postgresql}


def _with_missing_tables(located: Located, options: Backup) -> Located:
    """Return what was located, with a trouble for each table that no server has, where all could be asked."""
    if located.troubles:
        return located
    missing = _not_found(options, located.sources)
    return located._replace(troubles=tuple(Trouble(f"table {table}", _no_table(table)) for table in missing))


def _named(options: Backup, engine: str) -> tuple[str, ...]:
    named = {"mysql": options.mysql_databases, "postgresql": options.postgresql_databases}
    return named.get(engine, options.sqlite_files)


def _check_configured(options: Backup, servers: Mapping[str, object]) -> None:
    if not (options.tables or options.log_directory or any(_named(options, engine) for engine in servers)):
        hint = "set tables, mysql_databases, postgresql_databases, sqlite_files or log_directory in the section backup"
        raise Refused("not_configured", "nothing is configured to be backed up", hint=hint)
    if options.log_directory and os.path.realpath(options.log_directory) == os.path.realpath(options.directory):
        raise BadOption("backup.log_directory is backup.directory: archives would hold the archives before them")
    for engine in DUMPS:
        if _named(options, engine) and servers[engine] is None:
            hint = f"add the section {engine} to the config file"
            message = f"backup.{engine}_databases is set, but there is no section {engine}"
            raise Refused("not_configured", message, hint=hint)
    if options.tables and not any(servers.values()):
        hint = "add the section mysql, postgresql or sqlite to the config file"
        raise Refused("not_configured", "backup.tables is set, but no database is configured", hint=hint)


def _not_found(options: Backup, sources: Sequence[Source]) -> list[str]:
    found = {table for source in sources for table in (*source.tables, *source.covered)}
    return [table for table in options.tables if table not in found]


def compared(located: Located, earlier: Sequence[Manifest], settings: Settings) -> Located:
    """Return what was located, with a trouble for each table that the last archive has and its server shows no more.

    An account that lost a right is shown a table no more, which looks as if nobody had one there: found nowhere else,
    the last copy of it would go with time. Only a finding where the settings allow an incomplete archive. `earlier` are
    the manifests of the good archives, the newest first.
    """
    located = _without_bystanders(located, earlier, settings.backup)
    gone = [] if not earlier else _gone(located, earlier[0], settings)
    if settings.backup.allow_incomplete:
        warnings = [trouble.finding._replace(severity="warning") for trouble in gone]
        return located._replace(findings=located.findings + tuple(warnings))
    return located._replace(troubles=located.troubles + tuple(gone))


def _without_bystanders(located: Located, earlier: Sequence[Manifest], options: Backup) -> Located:
    """Return what was located, with a warning in place of the trouble of a server that nothing was ever backed up from.

    It was asked only because it could have had one of the tables; one whose databases are named is no bystander.
    """
    ever = {component.engine for manifest in earlier for component in manifest.components}
    bystanders = [
        trouble
        for trouble in located.troubles
        if earlier and trouble.name in ENGINES and trouble.name not in ever and not _named(options, trouble.name)
    ]
    if not bystanders:
        return located
    warnings = tuple(
        trouble.finding._replace(severity="warning", message=f"{trouble.finding.message}; nothing was ever saved there")
        for trouble in bystanders
    )
    left = tuple(trouble for trouble in located.troubles if trouble not in bystanders)
    located = located._replace(troubles=left, findings=located.findings + warnings)
    return _with_missing_tables(located, options)


def _gone(located: Located, last: Manifest, settings: Settings) -> list[Trouble]:
    options = settings.backup
    servers = _configured(settings)
    # A server that could not be asked is a trouble already; one that is configured no more was taken out on purpose.
    asked = {engine for engine in servers if servers[engine]} - {trouble.name for trouble in located.troubles}
    now = {(source.component, name) for source in located.sources for name in (*source.tables, *source.covered)}
    return [
        Trouble(component.name, _table_gone(component, table))
        for component in last.components
        for table in component.tables
        if component.engine in asked and table in options.tables and (component.name, table) not in now
    ]


def _table_gone(component: Component, table: str) -> MaintenanceError:
    message = f"the last archive has the table {table} of {component.database}, and the server shows none there now"
    hint = "see whether the account lost a right or login_db changed; if it is meant, run once with --allow-incomplete"
    return MaintenanceError("table_gone", message, hint=hint)


def _no_table(table: str) -> MaintenanceError:
    hint = "check backup.tables, and login_db of the configured connections"
    return MaintenanceError("no_table", f"no configured database has a table {table}", hint=hint)


@dataclass
class Saved:
    """What has been saved so far, and what went wrong; `notes` are sentences for the manifest alone."""

    components: list[Component] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Saver(NamedTuple):
    """Puts components into an archive, one member each; `copies` has a private file for each SQLite source."""

    host: Host
    settings: Settings
    staged: Staged
    copies: Mapping[str, sqlite.Private]
    compression: Compression

    @property
    def limits(self) -> Limits:
        """Return how long one component may take."""
        options = self.settings.backup
        return Limits(options.deadline_seconds, options.stall_timeout_seconds)

    def attempt(self, saved: Saved, name: str, save: Callable[[], None]) -> None:
        """Put the component into the archive, or note its trouble. Raise Unwritable, which ends the run."""
        try:
            save()
        except Unwritable:
            raise
        except MaintenanceError as error:
            saved.troubles.append(Trouble(name, error))
        except Exception as fault:
            # A fault of ours that one component meets must not cost the others.
            trouble = MaintenanceError("internal_fault", f"internal fault: {location_of(fault)}", hint=REPORT_HINT)
            saved.troubles.append(Trouble(name, trouble))

    def save_source(self, saved: Saved, source: Source) -> None:
        """Put a database into the archive, with one retry if its schema changed under the dump."""
        try:
            self._save_source(saved, source)
        except MaintenanceError as error:
            if error.code != _SCHEMA_CHANGED:
                raise
            self._save_source(saved, source)

    def _save_source(self, saved: Saved, source: Source) -> None:
        with self.staged.member() as sink:
            packer = Packer(self.host, self.compression, sink)
            facts = self._dump(source, packer)
            sink.name = member_name("", source.component, f".{facts.suffix}{self.compression.suffix}")
        component = Component(
            source.component,
            source.engine,
            source.database,
            self._member(sink, packer),
            source.tables,
            facts.rows,
            facts.rows_reason,
            facts.server_version,
            facts.server_identity,
            facts.tool,
        )
        saved.components.append(component)
        saved.findings += facts.findings

    def _dump(self, source: Source, packer: Packer) -> DumpFacts:
        options = self.settings.backup
        if source.engine == "sqlite":
            private = self.copies[source.component]
            facts = sqlite.copy(self.host, source, private, self.limits)
            packer.feed(private.chunks(), self.limits)
            return facts
        server = servers_of(options)[source.engine]
        if server is None:
            raise Refused("not_configured", f"there is no section {source.engine}", hint="add it to the config file")
        return DUMPS[source.engine].dump(self.host, server, source, options, packer)

    def save_logs(self, saved: Saved, earlier: list[str]) -> None:
        """Put the logs into the archive, or skip them if no pattern matches. `earlier` names the last one's."""
        with logs.open_logs(self.settings.backup) as found:
            names = [file.name for file in found.files]
            saved.findings += logs.unmatched(self.settings.backup.log_patterns, names, earlier)
            if names:
                with self.staged.member(f"{logs.COMPONENT}.tar{self.compression.suffix}") as sink:
                    packer = Packer(self.host, self.compression, sink)
                    packer.feed(found.chunks(), self.limits)
                saved.components.append(self._logs(sink, packer, tuple(file.listed for file in found.files)))
            else:
                saved.skipped.append(logs.COMPONENT)
            saved.findings += found.findings() + logs.skipped(found.notes, earlier)
            saved.notes += [note.text for note in found.notes]

    def _logs(self, sink: MemberSink, packer: Packer, files: tuple[LogFile, ...]) -> Component:
        member = self._member(sink, packer)
        return Component(logs.COMPONENT, "logs", str(self.settings.backup.log_directory), member, files=files)

    def _member(self, sink: MemberSink, packer: Packer) -> Member:
        return Member(sink.name, self.compression.name, sink.size_bytes, sink.sha256, packer.raw_size_bytes)
