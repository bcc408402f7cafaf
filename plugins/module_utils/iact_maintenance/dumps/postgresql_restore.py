"""Restore dumps of PostgreSQL into new databases, with an account that can change nothing else."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from ..engines.endpoint import Endpoint, call_server
from ..engines.postgresql_connection import close, connect, execute, faults, quote_identifier, resolve, rows, run
from ..engines.postgresql_settings import guards
from ..engines.required_rights import restore_hint
from ..errors import DatabaseFault, Interrupted, MaintenanceError, Refused
from ..host import Host
from ..processes import Command, Completed, Limits
from ..report import Finding
from ..secret import foreign
from ..sections.connections import Server
from ..sections.restore import Restore
from .model import RestoreFacts, Source
from .mysql_rights import RESTORE_PREFIX
from .postgresql_tool import credentials, tool

# Every server has it, and nobody works there.
_MAINTENANCE_DATABASE = "postgres"
_CREATE_SECONDS = 60.0
_CLIENT = "pg_restore"
# Owners, roles and rights are this server's matter; the rest of these need an administrator and hold no rows.
_OPTIONS = (
    "--no-owner",
    "--no-privileges",
    "--no-password",
    "--no-tablespaces",
    "--no-security-labels",
    "--no-publications",
    "--no-subscriptions",
)
_POWERS = (
    "SELECT 'SUPERUSER' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper "
    "UNION ALL SELECT 'CREATEROLE' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolcreaterole "
    "UNION ALL SELECT 'BYPASSRLS' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolbypassrls "
    "UNION ALL SELECT 'REPLICATION' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolreplication "
    "UNION ALL SELECT 'the role ' || r.rolname FROM pg_catalog.pg_roles r "
    "WHERE r.rolname <> current_user AND pg_catalog.pg_has_role(r.oid, 'MEMBER') "
    "UNION ALL SELECT 'CREATE on the database ' || d.datname FROM pg_catalog.pg_database d "
    "WHERE d.datname NOT LIKE %s AND pg_catalog.has_database_privilege(d.oid, 'CREATE')"
)
_THINGS = (
    "SELECT pg_catalog.count(*) FROM (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
    "ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' UNION ALL "
    "SELECT 1 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
    "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') things"
)
_TABLES = (
    "SELECT n.nspname, c.relname, c.relforcerowsecurity FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind = 'r'"
)

_ERROR = "pg_restore: error: "
_COMMAND = "\nCommand was: "
_IGNORED = re.compile(r"^pg_restore: warning: errors ignored on restore: (\d+)$", re.MULTILINE)
_NAME = r'(?:\w+|"(?:[^"]|"")*")'
_TABLE = rf"{_NAME}\.{_NAME}"
# Foreign keys and triggers, with what is said of one that is not there.
_DISPENSABLE = re.compile(
    rf"\s*(ALTER TABLE (?:ONLY )?{_TABLE}\s+ADD CONSTRAINT {_NAME} FOREIGN KEY .*|"
    rf"CREATE (?:CONSTRAINT )?TRIGGER .*|ALTER TABLE {_TABLE} (?:DISABLE|ENABLE (?:ALWAYS|REPLICA)) TRIGGER .*|"
    rf"COMMENT ON (?:CONSTRAINT|TRIGGER) .*)",
    re.DOTALL,
)
_SHOWN_CHARACTERS = 300


def check_restore(host: Host, server: Server, database: str) -> None:
    """Raise what would prevent a restore into `database`: DatabaseFault, ToolMissing or Refused.

    Refused has the code `restore_account`, `read_only` or `not_empty`.
    """
    endpoint, target = _places(host, server, database)
    with credentials(endpoint) as (_descriptors, environment):
        tool(host, _CLIENT, environment)
    connection = connect(endpoint, own_session=True)
    try:
        exists = _exists(connection, endpoint, target)
    finally:
        close(connection)
    if exists:
        _check_empty(target)


def create(host: Host, server: Server, database: str) -> bool:
    """Create the database, or check that an existing one is empty; return whether it was created.

    Raise DatabaseFault, or Refused `restore_account`, `read_only` or `not_empty`.
    """
    return _prepare(*_places(host, server, database))


def restore(
    host: Host, server: Server, source: Source, database: str, stream: Iterator[bytes], settings: Restore
) -> RestoreFacts:
    """Return the rows of each table after restoring into the empty `database`. Raise DatabaseFault `restore_failed`."""
    _endpoint, target = _places(host, server, database)
    _make_schemas(target, source)
    with credentials(target) as (descriptors, environment):
        program = tool(host, _CLIENT, environment)
        argv = (program.path, "--format=custom", *_options(source), f"--dbname={database}")
        limits = Limits(settings.deadline_seconds, settings.stall_timeout_seconds)
        done = host.run(Command(argv, environment, pass_descriptors=descriptors), limits, stream)
    findings = _skipped_objects(done, source, database)
    return RestoreFacts(database, _count(target, settings.deadline_seconds), findings)


def drop(host: Host, server: Server, database: str) -> bool:
    """Drop the database and return whether that succeeded."""
    with contextlib.suppress(MaintenanceError):
        endpoint, _target = _places(host, server, database)
        connection = connect(endpoint, own_session=True)
        try:
            _alone(connection, endpoint, f"DROP DATABASE {quote_identifier(database)}")
            return True
        finally:
            close(connection)
    return False


def _places(host: Host, server: Server, database: str) -> tuple[Endpoint, Endpoint]:
    """Return the connection that creates databases, and the one to the target. Raise Refused."""
    if server.read_only:
        raise Refused("read_only", "restore.postgresql.read_only is true, so a restore is not allowed")
    endpoint = resolve(server, host)._replace(database=_MAINTENANCE_DATABASE)
    return endpoint, endpoint._replace(database=database)


def _options(source: Source) -> tuple[str, ...]:
    # Named tables were dumped without what they refer to: what is missing then is judged afterwards.
    return _OPTIONS if source.tables else ("--exit-on-error", *_OPTIONS)


def _skipped_objects(done: Completed, source: Source, database: str) -> tuple[Finding, ...]:
    """Return a finding with the foreign keys and triggers that were not restored with named tables.

    Raise DatabaseFault `restore_failed` if anything else is missing.
    """
    if done.status == 0:
        return ()
    troubles = done.errors.split(_ERROR)[1:] if source.tables else []
    matches = [_DISPENSABLE.match(trouble.partition(_COMMAND)[2]) for trouble in troubles]
    ignored = _IGNORED.search(done.errors)
    if None in matches or ignored is None or int(ignored[1]) != len(matches):
        serious = [_ERROR + trouble for trouble, dispensable in zip(troubles, matches) if not dispensable]
        reason = done._replace(errors="".join(serious) or done.errors).reason
        raise DatabaseFault("restore_failed", f"the restore of {source.component} into {database} failed: {reason}")
    statements = [match[1].partition("\n\n")[0] for match in matches if match]
    shown = [foreign(statement, _SHOWN_CHARACTERS) for statement in statements]
    message = f"{source.component} was restored without what refers to objects outside of its dump: {' '.join(shown)}"
    hint = "create them by hand, or back up the whole database with backup.postgresql_databases"
    return (Finding("warning", "skipped_objects", subject=source.component, message=message, hint=hint),)


def _make_schemas(target: Endpoint, source: Source) -> None:
    """Create the schemas of named tables, which a dump of tables does not contain."""
    # A point may be part of either name as well, so each may be the one: a schema too many does no harm.
    labels = source.rows if source.tables else ()
    schemas = {label[:at] for label in labels for at, sign in enumerate(label) if sign == "." and at}
    connection = connect(target, own_session=True)
    try:
        for schema in sorted(schemas):
            rows(connection, target, f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(schema)}")
    finally:
        close(connection)


def _prepare(endpoint: Endpoint, target: Endpoint) -> bool:
    """Create the database, or check that an existing one is empty; return whether it was created.

    Raise Refused or DatabaseFault.
    """
    connection = connect(endpoint, own_session=True)
    try:
        exists = _exists(connection, endpoint, target)
        if not exists:
            _alone(connection, endpoint, f"CREATE DATABASE {quote_identifier(str(target.database))} TEMPLATE template0")
    except Interrupted as ended:
        # Nobody knows whether the server still made it, and what is perhaps another's may not be dropped.
        ended.changed = True
        raise
    finally:
        close(connection)
    if exists:
        _check_empty(target)
    return not exists


def _exists(connection: Any, endpoint: Endpoint, target: Endpoint) -> bool:
    """Return whether the database exists. Raise Refused if the account is not allowed to restore."""
    _check_account(connection, endpoint)
    query = "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s"
    return bool(rows(connection, endpoint, query, target.database))


def _check_account(connection: Any, endpoint: Endpoint) -> None:
    pattern = RESTORE_PREFIX.replace("_", "\\_") + "%"
    powers = [str(power) for (power,) in rows(connection, endpoint, _POWERS, pattern)]
    if powers:
        message = f"the account {endpoint.user} has rights beyond restored databases: {'; '.join(powers[:5])}"
        raise Refused("restore_account", message, hint=restore_hint("postgresql"))


def _check_empty(target: Endpoint) -> None:
    connection = connect(target, own_session=True)
    try:
        if rows(connection, target, _THINGS)[0][0]:
            hint = "set restore.target_database to an empty database, or leave it out to create a new one"
            raise Refused("not_empty", f"the database {target.database} is not empty", hint=hint)
    finally:
        close(connection)


def _alone(connection: Any, endpoint: Endpoint, statement: str) -> None:
    """Run a statement outside of a transaction. Raise DatabaseFault."""

    def executed() -> None:
        connection.autocommit = True
        with connection.cursor() as cursor:
            execute(cursor, statement)

    with faults(endpoint):
        call_server(_CREATE_SECONDS, f"PostgreSQL at {endpoint.place}", executed)


def _count(target: Endpoint, seconds: float) -> dict[str, int | None]:
    counted: dict[str, int | None] = {}
    connection = connect(target, own_session=True)
    try:
        for schema, name, is_forced in rows(connection, target, _TABLES):
            table = f"{quote_identifier(schema)}.{quote_identifier(name)}"
            query = f"SELECT pg_catalog.count(*) FROM ONLY {table}"
            if is_forced:
                answer = _unforced(connection, target, table, query, seconds)
            else:
                answer, _touched = run(connection, target, query, statement_seconds=seconds)
            counted[name if schema == "public" else f"{schema}.{name}"] = int(answer[0][0])
    finally:
        close(connection)
    return counted


def _unforced(connection: Any, target: Endpoint, table: str, query: str, seconds: float) -> list[Any]:
    """Return the rows of a query, also those that a policy hides from the owner; its transaction is rolled back."""

    def asked() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(guards(seconds))
            execute(cursor, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            execute(cursor, query)
            answer = list(cursor.fetchall())
        connection.rollback()
        return answer

    with faults(target):
        return call_server(seconds, f"PostgreSQL at {target.place}", asked)
