"""Dump databases of PostgreSQL: one snapshot for the dump and the counts, and a check that the dump is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..engines.endpoint import Endpoint, call_server
from ..engines.postgresql import find_tables
from ..engines.postgresql_connection import (
    ENGINE,
    close,
    connect,
    execute,
    faults,
    quote_identifier,
    read_identity,
    resolve,
)
from ..errors import DatabaseFault
from ..host import Host
from ..processes import Command, Completed, Limits
from ..report import Finding
from ..secret import printable
from ..sections.backup import Backup
from ..sections.connections import Server
from .children import Tool, warnings_of
from .model import DumpFacts, Output, Source, of_database
from .postgresql_outside import OUTSIDE, check
from .postgresql_restore import check_restore, create, drop, restore
from .postgresql_tool import ReadAlong, credentials, major, require_programs, tool

__all__ = ["check_restore", "create", "drop", "dump", "locate", "require_programs", "restore"]

_LOCK_WAIT_MILLISECONDS = 60_000
_COUNTED_AT_ONCE = 5
_REMEDY = (
    "as administrator: GRANT pg_read_all_data TO the account; against row security ALTER ROLE … BYPASSRLS; "
    "GRANT SELECT ON LARGE OBJECT for each of those"
)
_HINT = "check that the dump program is the one of the distribution"
# By number, because names are listed in the database's own encoding.
_TABLE_DATA = re.compile(rb"^\d+; 0 (\d+) TABLE DATA ", re.MULTILINE)
_OWN = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_TABLES = (
    "SELECT n.nspname, c.relname, CASE WHEN c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() THEN 'u' "
    "ELSE c.relkind::text END, c.oid FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "
)
# What an extension brought is made by CREATE EXTENSION and not dumped.
_WHOLE = (
    f"{_TABLES}{_OWN} AND c.relkind IN ('r', 'f') AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE "
    "d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')"
)
# With its partitions, which a dump of the table alone would not hold.
_NAMED = (
    f"{_TABLES}c.oid IN (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
    f"ON n.oid = c.relnamespace WHERE {_OWN} AND c.relkind IN ('r', 'p') AND c.relname = %s UNION "
    "SELECT t.relid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, "
    f"LATERAL pg_catalog.pg_partition_tree(c.oid) t WHERE {_OWN} AND c.relkind = 'p' AND c.relname = %s)"
)


class Table(NamedTuple):
    """A table to dump: of kind `r`, or one whose rows are not in the dump.

    A partitioned one (`p`) has none, a foreign one (`f`) stores them elsewhere, an unlogged one (`u`) has none on a
    standby.
    """

    schema: str
    name: str
    kind: str
    oid: int

    @property
    def label(self) -> str:
        """Return its name in the manifest, with its schema unless that is `public`."""
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def in_sql(self) -> str:
        """Return its name in a statement."""
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.name)}"


def locate(settings: Backup, server: Server, host: Host) -> list[Source]:
    """Return one source per database: the whole one if it is named, otherwise its requested tables.

    Raise DatabaseFault or Refused if the server cannot be asked.
    """
    wanted: dict[str, list[str]] = {database: [] for database in settings.postgresql_databases}
    for name in dict.fromkeys(settings.tables):
        for database in dict.fromkeys(table.database for table in find_tables(server, host, name)):
            wanted.setdefault(database, []).append(name)
    return [of_database(ENGINE, name, tables, name in settings.postgresql_databases) for name, tables in wanted.items()]


def dump(host: Host, server: Server, source: Source, settings: Backup, output: Output) -> DumpFacts:
    """Dump the source and return the contents of the dump.

    Raise DatabaseFault, ProcessFault or Refused; the dump is then invalid.
    """
    endpoint = resolve(server, host)._replace(database=source.database)
    with _snapshot(endpoint) as (connection, name), credentials(endpoint) as (descriptors, environment):
        program = tool(host, "pg_dump", environment)
        version = _check_version(connection, endpoint, program)
        tables = _tables(connection, endpoint, source)
        findings = _check_outside(connection, endpoint, source, tables, settings) + _without_rows(source, tables)
        argv = (program.path, *_options(name, tables if source.tables else []))
        readers = _readers(host, environment, settings)
        command = Command(argv, environment, pass_descriptors=descriptors)
        limits = Limits(settings.deadline_seconds, settings.stall_timeout_seconds)
        try:
            done = output.run(host, command, lambda chunk: _give(readers, chunk), limits)
            read, listed = (reader.end() for reader in readers)
        except BaseException:
            for reader in readers:
                reader.abandon()
            raise
        _check(done, read, source)
        _check_contents(listed, source, tables)
        counted = _count(connection, endpoint, tables, settings.deadline_seconds)
        # Ends the snapshot, which has served.
        identity = read_identity(connection, endpoint)
    reason = "the rows of foreign and unlogged tables are not in the dump" if None in counted.values() else ""
    return DumpFacts(
        counted, reason, version, identity, program.version, findings + warnings_of(done, source.component), "pgdump"
    )


@contextmanager
def _snapshot(endpoint: Endpoint) -> Iterator[tuple[Any, str]]:
    """Return an open transaction and the name of its snapshot, which other sessions can use while it is open."""
    # pg_dump sets an empty search path, which a pooler would hand to the site's clients.
    connection = connect(endpoint, own_session=True)
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        # It waits, idle, as long as the dump takes.
        _ask(connection, endpoint, "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0")
        yield connection, str(_ask(connection, endpoint, "SELECT pg_catalog.pg_export_snapshot()")[0][0])
    finally:
        close(connection)


def _ask(connection: Any, endpoint: Endpoint, statement: str, *parameters: object, seconds: float = 60) -> list[Any]:
    """Return the rows of a statement in the open transaction. Raise DatabaseFault."""

    def asked() -> list[Any]:
        with connection.cursor() as cursor:
            execute(cursor, statement, *parameters)
            return list(cursor.fetchall()) if cursor.description else []

    with faults(endpoint):
        return call_server(seconds, f"PostgreSQL at {endpoint.place}", asked)


def _check_version(connection: Any, endpoint: Endpoint, program: Tool) -> str:
    """Return the server's version. Raise DatabaseFault if the dump program is older, which would refuse."""
    version = str(_ask(connection, endpoint, "SELECT pg_catalog.current_setting('server_version')")[0][0])
    if major(program.version) < major(version):
        message = f"{program.version} is older than the server, PostgreSQL {version}"
        hint = f"apt-get install postgresql-client-{major(version)}"
        raise DatabaseFault("version_mismatch", message, hint=hint)
    return version


def _tables(connection: Any, endpoint: Endpoint, source: Source) -> list[Table]:
    """Return the tables in scope. Raise DatabaseFault no_table."""
    if not source.tables:
        return [Table(*row) for row in _ask(connection, endpoint, _WHOLE)]
    tables: dict[Table, None] = {}
    for name in source.tables:
        rows_of_name = _ask(connection, endpoint, _NAMED, name, name)
        if not rows_of_name:
            message = f"PostgreSQL at {endpoint.place} has no table {name} in {source.database}"
            raise DatabaseFault("no_table", message)
        tables.update(dict.fromkeys(Table(*row) for row in rows_of_name))
    return list(tables)


def _check_outside(
    connection: Any, endpoint: Endpoint, source: Source, tables: list[Table], settings: Backup
) -> tuple[Finding, ...]:
    if not source.tables:
        return ()
    needed = _ask(connection, endpoint, OUTSIDE, [table.oid for table in tables])
    return check(source, needed, allow_incomplete=settings.allow_incomplete)


def _without_rows(source: Source, tables: list[Table]) -> tuple[Finding, ...]:
    foreign = [table.label for table in tables if table.kind == "f"]
    unlogged = [table.label for table in tables if table.kind == "u"]
    findings = []
    if foreign:
        message = f"the dump holds no rows of tables that keep them elsewhere: {printable(', '.join(foreign[:20]))}"
        hint = "back up those rows on the server that stores them"
        findings.append(Finding("info", "rows_elsewhere", subject=source.component, message=message, hint=hint))
    if unlogged:
        message = (
            f"unlogged tables have no rows on a standby, so none in the dump: {printable(', '.join(unlogged[:20]))}"
        )
        findings.append(
            Finding(
                "info",
                "unlogged",
                subject=source.component,
                message=message,
                hint="if their rows are needed, back them up on the primary",
            )
        )
    return tuple(findings)


def _options(snapshot: str, tables: list[Table]) -> tuple[str, ...]:
    wait = f"--lock-wait-timeout={_LOCK_WAIT_MILLISECONDS}"
    # In quotation marks no sign of a pattern is one.
    named = (f"--table={_pattern(table.schema)}.{_pattern(table.name)}" for table in tables)
    return (
        "--format=custom",
        "--compress=0",
        "--no-password",
        f"--snapshot={snapshot}",
        wait,
        "--strict-names",
        *named,
    )


def _pattern(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _readers(host: Host, environment: dict[str, str], settings: Backup) -> list[ReadAlong]:
    """Return a command that reads the whole dump, and one that lists its contents."""
    # In the same environment but for the password, so that Debian's wrapper picks the version that writes.
    without_password = {name: text for name, text in environment.items() if name != "PGPASSFILE"}
    program = tool(host, "pg_restore", without_password)
    commands = [
        Command((program.path, "--format=custom", what), without_password) for what in ("--file=/dev/null", "--list")
    ]
    return [ReadAlong(host, command, settings.deadline_seconds) for command in commands]


def _give(readers: list[ReadAlong], chunk: bytes) -> None:
    for reader in readers:
        reader(chunk)


def _check(done: Completed, read: Completed, source: Source) -> None:
    """Raise DatabaseFault unless the dump program and its reader both succeeded."""
    if done.status != 0:
        hint = _REMEDY if "permission denied" in done.errors or "row-level security" in done.errors else ""
        hint = "raise max_locks_per_transaction on the server" if "max_locks_per_transaction" in done.errors else hint
        raise DatabaseFault("dump_failed", f"the dump of {source.component} failed: {done.reason}", hint=hint)
    if read.status != 0:
        message = f"the dump of {source.component} is not complete, although {done.reason}: {read.reason}"
        raise DatabaseFault("dump_incomplete", message, hint=_HINT)


def _check_contents(listed: Completed, source: Source, tables: list[Table]) -> None:
    """Raise DatabaseFault unless the dump lists the rows of every table."""
    listed_tables = {int(oid) for oid in _TABLE_DATA.findall(listed.output)}
    absent = [table.label for table in tables if table.kind == "r" and table.oid not in listed_tables]
    if absent:
        message = (
            f"the dump of {source.component} lacks {printable(', '.join(absent[:20]))}, although the program "
            "exited with status 0"
        )
        raise DatabaseFault("dump_incomplete", message, hint=_HINT)


def _count(connection: Any, endpoint: Endpoint, tables: list[Table], seconds: float) -> dict[str, int | None]:
    counted: dict[str, int | None] = {table.label: None for table in tables if table.kind in ("f", "u")}
    held = [table for table in tables if table.kind == "r"]
    for begin in range(0, len(held), _COUNTED_AT_ONCE):
        # Taken back, because a table stays locked to the end of what it was counted in, and locks are few.
        _ask(connection, endpoint, "SAVEPOINT counting")
        for table in held[begin : begin + _COUNTED_AT_ONCE]:
            # Alone, as it was dumped: tables that inherit from it are counted for themselves.
            query = f"SELECT pg_catalog.count(*) FROM ONLY {table.in_sql}"
            counted[table.label] = int(_ask(connection, endpoint, query, seconds=seconds)[0][0])
        _ask(connection, endpoint, "ROLLBACK TO SAVEPOINT counting")
    return counted
