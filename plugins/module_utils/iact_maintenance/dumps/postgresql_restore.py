"""Restores of PostgreSQL dumps: into a database of their own, by an account that can harm no other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..engines.endpoint import Endpoint, within
from ..engines.postgresql_connection import close, connect, faults, quote_identifier, resolve, rows, run
from ..errors import DatabaseFault, MaintenanceError, Refused
from ..host import Host
from ..processes import Command, Limits
from ..settings import Restore, Server
from .model import RestoreFacts, Source
from .mysql_rights import RESTORE_PREFIX
from .postgresql_tool import credentials, tool

# Every server has it, and nobody works there.
_MAINTENANCE_DATABASE = "postgres"
_CREATE_SECONDS = 60.0
_HINT = "an account of its own is needed: CREATE ROLE iact_restore LOGIN CREATEDB;"
# Owners, roles and rights are this server's matter; the rest of these need an administrator and hold no rows.
_OPTIONS = (
    "--exit-on-error",
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
    "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind = 'r'"
)


def restore(
    host: Host, server: Server, source: Source, database: str, stream: Iterator[bytes], settings: Restore
) -> RestoreFacts:
    """The rows of each table after the dump was restored into `database`, which is created, or must be empty.

    Raises Refused `restore_account`, `read_only` or `not_empty`; DatabaseFault `restore_failed`, after which a database
    that this run created is gone again.
    """
    if server.read_only:
        raise Refused("read_only", "restore.postgresql.read_only is true: nothing may ever write there")
    endpoint = resolve(server, host)._replace(database=_MAINTENANCE_DATABASE)
    target = endpoint._replace(database=database)
    created = _prepare(endpoint, target)
    try:
        with credentials(target) as (descriptors, environment):
            program = tool(host, "pg_restore", environment)
            argv = (program.path, "--format=custom", *_OPTIONS, f"--dbname={database}")
            limits = Limits(settings.deadline_seconds, settings.stall_timeout_seconds)
            done = host.run(Command(argv, environment, pass_descriptors=descriptors), limits, stream)
        if done.status != 0:
            message = f"the restore of {source.component} into {database} broke off: {done.reason}"
            raise DatabaseFault("restore_failed", message)
        return RestoreFacts(database, _count(target, settings.deadline_seconds))
    except BaseException:
        if created:
            _drop(endpoint, database)
        raise


def _prepare(endpoint: Endpoint, target: Endpoint) -> bool:
    """Whether the database was created; where it is there already, it must be empty. Raises Refused, DatabaseFault."""
    connection = connect(endpoint)
    try:
        _check_account(connection, endpoint)
        query = "SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s"
        exists = bool(rows(connection, endpoint, query, target.database))
        if not exists:
            _alone(connection, endpoint, f"CREATE DATABASE {quote_identifier(str(target.database))} TEMPLATE template0")
    finally:
        close(connection)
    if exists:
        _check_empty(target)
    return not exists


def _check_account(connection: Any, endpoint: Endpoint) -> None:
    pattern = RESTORE_PREFIX.replace("_", "\\_") + "%"
    powers = [str(power) for (power,) in rows(connection, endpoint, _POWERS, pattern)]
    if powers:
        message = f"the account {endpoint.user} may change more than restored databases: {'; '.join(powers[:5])}"
        raise Refused("restore_account", message, hint=_HINT)


def _check_empty(target: Endpoint) -> None:
    connection = connect(target)
    try:
        if rows(connection, target, _THINGS)[0][0]:
            hint = "name an empty database with restore.target_database, or none for a new one"
            raise Refused("not_empty", f"the database {target.database} is not empty", hint=hint)
    finally:
        close(connection)


def _alone(connection: Any, endpoint: Endpoint, statement: str) -> None:
    """Runs a statement that no transaction may hold. Raises DatabaseFault."""

    def executed() -> None:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("%%", "%"))

    with faults(endpoint):
        within(_CREATE_SECONDS, f"PostgreSQL at {endpoint.place}", executed)


def _drop(endpoint: Endpoint, database: str) -> None:
    with contextlib.suppress(MaintenanceError):
        connection = connect(endpoint)
        try:
            _alone(connection, endpoint, f"DROP DATABASE {quote_identifier(database)}")
        finally:
            close(connection)


def _count(target: Endpoint, seconds: float) -> dict[str, int | None]:
    counted: dict[str, int | None] = {}
    connection = connect(target)
    try:
        for schema, name in rows(connection, target, _TABLES):
            query = f"SELECT pg_catalog.count(*) FROM ONLY {quote_identifier(schema)}.{quote_identifier(name)}"
            found, _touched = run(connection, target, query, statement_seconds=seconds)
            counted[name if schema == "public" else f"{schema}.{name}"] = int(found[0][0])
    finally:
        close(connection)
    return counted
