"""Dump databases of MySQL and MariaDB, and verify that the dump is complete."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any, NamedTuple

from ..engines.endpoint import Endpoint
from ..engines.mysql import find_tables
from ..engines.mysql_connection import ENGINE, connect, offers_tls, read_identity, resolve, rows
from ..engines.mysql_settings import NO_LIMIT
from ..engines.required_rights import DUMPED_DATABASE, DUMPED_TABLE
from ..errors import DatabaseFault
from ..host import Host
from ..processes import Command, Completed, Limits
from ..report import Finding
from ..secret import printable
from ..sections.backup import Backup
from ..sections.connections import Server
from .children import Tool, warnings_of
from .model import DumpFacts, Output, Source, of_database
from .mysql_restore import check_restore, create, drop, restore
from .mysql_rights import RESTORE_PREFIX, missing_for_dump, read_rights
from .mysql_stream import DumpWatcher
from .mysql_tool import COMMON, ROWS_ELSEWHERE, credentials, dump_tool, is_mariadb, require_programs

__all__ = ["check_restore", "create", "drop", "dump", "locate", "require_programs", "restore"]

_TRANSACTIONAL = ("innodb", "rocksdb", "tokudb", "ndbcluster")
# 1412: the definition changed under the snapshot; 1146: the table went. Another try meets a new, whole state.
_CHANGED = re.compile(r"\((1412|1146)\)|[Ee]rror:? (1412|1146)\b")


class _Preflight(NamedTuple):
    """What the server shows before the dump: `tables`, and `elsewhere` for those whose rows are not dumped.

    `things` has the numbers of triggers, events, routines and views that the account can see.
    """

    version: str
    identity: dict[str, object]
    has_tls: bool
    tables: tuple[str, ...]
    elsewhere: tuple[str, ...]
    things: dict[str, int]
    findings: tuple[Finding, ...]


def locate(settings: Backup, server: Server, host: Host) -> list[Source]:
    """Return one source per database: the whole one if it is named, otherwise its requested tables.

    Raise DatabaseFault or Refused if the server cannot be asked.
    """
    wanted: dict[str, list[str]] = {database: [] for database in settings.mysql_databases}
    for name in dict.fromkeys(settings.tables):
        for table in find_tables(server, host, name):
            # What a restore left to be looked at is no part of the site.
            if not table.database.startswith(RESTORE_PREFIX):
                wanted.setdefault(table.database, []).append(table.name)
    return [of_database(ENGINE, name, tables, name in settings.mysql_databases) for name, tables in wanted.items()]


def dump(host: Host, server: Server, source: Source, settings: Backup, output: Output) -> DumpFacts:
    """Dump the source and return the contents of the dump.

    Raise DatabaseFault, ProcessFault or Refused; the dump is then invalid.
    """
    tool = dump_tool(host)
    endpoint = resolve(server, host)._replace(database=source.database)
    known = _preflight(endpoint, source, settings)
    watcher = DumpWatcher()
    with credentials(endpoint, tool, server_has_tls=known.has_tls) as (descriptor, first_option):
        argv = (tool.path, first_option, *_options(tool, source, settings), "--", source.database, *source.tables)
        limits = Limits(settings.deadline_seconds, settings.stall_timeout_seconds)
        done = output.run(host, Command(argv, pass_descriptors=(descriptor,)), watcher, limits)
    _check(done, source, known, watcher)
    findings = known.findings + warnings_of(done, source.component)
    counted = {**watcher.rows, **dict.fromkeys(known.elsewhere)}
    reason = watcher.reason or ("tables that keep their rows elsewhere have none" if known.elsewhere else "")
    return DumpFacts(counted, reason, known.version, known.identity, tool.version, findings, "sql")


def _options(tool: Tool, source: Source, settings: Backup) -> tuple[str, ...]:
    if settings.lock_tables:
        consistency: tuple[str, ...] = ("--lock-tables", "--skip-single-transaction", "--quick")
    else:
        consistency = ("--single-transaction", "--quick", "--skip-lock-tables")
    # A named table would need EVENT for --events, and bring all of the database's procedures with --routines.
    parts = ("--triggers",) if source.tables else ("--triggers", "--routines", "--events")
    mysql_only = () if is_mariadb(tool.version) else ("--set-gtid-purged=OFF", "--column-statistics=0")
    return (*consistency, *parts, "--hex-blob", "--no-tablespaces", "--comments", *COMMON, *mysql_only)


def _preflight(endpoint: Endpoint, source: Source, settings: Backup) -> _Preflight:
    """Return what must be known before the dump to verify it afterwards. Raise DatabaseFault."""
    with closing(connect(endpoint)) as connection:
        version = str(rows(connection, endpoint, "SELECT VERSION()")[0][0])
        _check_select_limit(connection, endpoint)
        tables = _tables(connection, endpoint, source)
        views = [name for name, table in tables.items() if table.kind == "VIEW"]
        findings = _rights_findings(connection, endpoint, source, settings, has_views=bool(views))
        # An account that is let see less may be shown names of what it cannot dump.
        complete = {} if settings.allow_incomplete else _things(connection, endpoint, source)
        findings += _table_findings(source, tables, settings)
        identity, has_tls = read_identity(connection, endpoint), offers_tls(connection)
        base_tables = tuple(name for name in tables if name not in views)
        elsewhere = tuple(name for name, table in tables.items() if table.engine in ROWS_ELSEWHERE)
        return _Preflight(
            version, identity, has_tls, base_tables, elsewhere, {**complete, "view": len(views)}, findings
        )


def _check_select_limit(connection: Any, endpoint: Endpoint) -> None:
    """Raise DatabaseFault if the server would truncate the dump program's queries; no option prevents that."""
    limit = connection.as_found.select_limit
    if limit != NO_LIMIT:
        message = (
            f"MySQL at {endpoint.place} returns at most {limit:,} rows of a table to {endpoint.user} (sql_select_limit)"
        )
        hint = "let an administrator remove sql_select_limit from the server's configuration and its init_connect"
        raise DatabaseFault("session_settings", f"{message}, so a dump would lack the other rows", hint=hint)


class _Table(NamedTuple):
    kind: str
    engine: str


def _tables(connection: Any, endpoint: Endpoint, source: Source) -> dict[str, _Table]:
    """Return the tables in scope, each with its kind and its storage engine. Raise DatabaseFault no_table."""
    query = (
        "SELECT table_name, table_type, LOWER(COALESCE(engine, '')) "
        "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type <> 'SEQUENCE'"
    )
    all_tables = {str(name): _Table(str(kind), str(engine)) for name, kind, engine in rows(connection, endpoint, query)}
    for table in source.tables:
        if table not in all_tables:
            raise DatabaseFault("no_table", f"MySQL at {endpoint.place} has no table {table} in {source.database}")
    return {name: table for name, table in all_tables.items() if name in source.tables} if source.tables else all_tables


def _things(connection: Any, endpoint: Endpoint, source: Source) -> dict[str, int]:
    """Return the numbers of triggers, events and routines that the account can see."""
    named = ", ".join(["%s"] * len(source.tables))
    of_tables = f" AND event_object_table IN ({named})" if source.tables else ""
    query = "SELECT COUNT(*) FROM information_schema.triggers WHERE event_object_schema = DATABASE()" + of_tables
    numbers = {"trigger": int(rows(connection, endpoint, query, *source.tables)[0][0])}
    for kind in () if source.tables else ("event", "routine"):
        query = f"SELECT COUNT(*) FROM information_schema.{kind}s WHERE {kind}_schema = DATABASE()"
        numbers[kind] = int(rows(connection, endpoint, query)[0][0])
    return numbers


def _table_findings(source: Source, tables: dict[str, _Table], settings: Backup) -> tuple[Finding, ...]:
    """Return what a dump of these tables does not contain, or not from one snapshot."""
    transactional = (*_TRANSACTIONAL, *ROWS_ELSEWHERE)
    mixed = [name for name, (kind, engine) in tables.items() if kind != "VIEW" and engine not in transactional]
    versioned = [name for name, (kind, _engine) in tables.items() if kind == "SYSTEM VERSIONED"]
    elsewhere = [name for name, (_kind, engine) in tables.items() if engine in ROWS_ELSEWHERE]
    findings = []
    if mixed and not settings.lock_tables:
        message = f"tables that are not transactional can be inconsistent in the dump: {_shown(mixed)}"
        findings.append(
            Finding(
                "warning",
                "not_transactional",
                subject=source.component,
                message=message,
                hint="convert them, or set lock_tables",
            )
        )
    if versioned:
        message = (
            f"the dump holds the current rows of system-versioned tables, without their history: {_shown(versioned)}"
        )
        hint = "if the history is needed, save it with mariadb-dump --dump-history"
        findings.append(Finding("warning", "no_history", subject=source.component, message=message, hint=hint))
    if elsewhere:
        message = f"the dump holds no rows of tables that keep them elsewhere: {_shown(elsewhere)}"
        hint = "back up those rows on the server that stores them"
        findings.append(Finding("info", "rows_elsewhere", subject=source.component, message=message, hint=hint))
    return tuple(findings)


def _shown(names: list[str]) -> str:
    return printable(", ".join(sorted(names)[:20]))


def _rights_findings(
    connection: Any, endpoint: Endpoint, source: Source, settings: Backup, *, has_views: bool
) -> tuple[Finding, ...]:
    needs = [need for need in (DUMPED_TABLE if source.tables else DUMPED_DATABASE) if need != "SHOW VIEW"]
    needs += (["SHOW VIEW"] if has_views else []) + (["LOCK TABLES"] if settings.lock_tables else [])
    rights = read_rights(connection, endpoint)
    version = str(connection.get_server_info())
    missing = missing_for_dump(rights, source, needs, is_mariadb=is_mariadb(version))
    if not missing:
        return ()
    message = f"the account {rights.holder} cannot see all of {source.component}"
    if not settings.allow_incomplete:
        raise DatabaseFault("missing_privilege", message, hint="as administrator: " + " ".join(missing))
    return (
        Finding(
            "warning",
            "missing_privilege",
            subject=source.component,
            message=message,
            hint="as administrator: " + " ".join(missing),
        ),
    )


def _check(done: Completed, source: Source, known: _Preflight, watcher: DumpWatcher) -> None:
    """Raise DatabaseFault unless the dump is complete by its status, last line, and all tables and objects."""
    if done.status > 0 and _CHANGED.search(done.errors):
        message = f"the tables of {source.component} were changed while they were dumped: {done.reason}"
        raise DatabaseFault("schema_changed", message, hint="run it again when no migration runs")
    if done.status != 0:
        raise DatabaseFault("dump_failed", f"the dump of {source.component} failed: {done.reason}")
    # Also one that was dropped since the catalogue was read: nobody can tell that from a program that left it out.
    absent = [printable(table) for table in known.tables if table not in watcher.rows][:20]
    absent += [
        f"{number - watcher.made[kind]} of {number} {kind}s"
        for kind, number in known.things.items()
        if watcher.made[kind] < number
    ]
    if not watcher.is_complete or absent:
        what = f"lacks {', '.join(absent)}" if watcher.is_complete else "lacks its last line"
        message = f"the dump of {source.component} {what}, although {done.reason}"
        raise DatabaseFault(
            "dump_incomplete", message, hint="check that the dump program is the one of the distribution"
        )
