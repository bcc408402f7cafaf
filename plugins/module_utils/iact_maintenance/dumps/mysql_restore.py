"""Restore dumps of MySQL and MariaDB into new databases, with an account that can change nothing else.

A dump is executed when restored: it may contain USE, CREATE TRIGGER in another database, or client commands. So the
account must have no rights elsewhere, and the client must run no commands and read no files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ..engines.endpoint import Endpoint
from ..engines.mysql_connection import connect, offers_tls, quote_identifier, resolve, rows
from ..engines.mysql_settings import program_statement
from ..engines.required_rights import restore_hint
from ..errors import DatabaseFault, Interrupted, MaintenanceError, Refused
from ..host import Host
from ..processes import Command, Limits
from ..report import Finding
from ..secret import printable
from ..sections.connections import Server
from ..sections.restore import Restore
from .children import Tool
from .model import RestoreFacts, Source
from .mysql_rights import read_rights, writes_elsewhere
from .mysql_stream import RestoreStream
from .mysql_tool import COMMON, ROWS_ELSEWHERE, client_tool, credentials, knows

# MySQL with a binary log lets only administrators make triggers and functions, whatever the account may do elsewhere.
_TRIGGERS = "as administrator: SET PERSIST log_bin_trust_function_creators = 1; for the time of the restore"
_PACKET = "as administrator: SET GLOBAL max_allowed_packet = 1073741824; for the time of the restore"
_HINTS = {"ERROR 1419 ": _TRIGGERS, "ERROR 1153 ": _PACKET, "ERROR 2006 ": _PACKET}
_SHOWN_NAMES = 20


def check_restore(host: Host, server: Server, database: str) -> None:
    """Raise what would prevent a restore into `database`: DatabaseFault, ToolMissing or Refused.

    Refused has the code `restore_account`, `read_only` or `not_empty`.
    """
    _tool, endpoint = _means(host, server)
    with closing(connect(endpoint)) as connection:
        _look(connection, endpoint, database)


def create(host: Host, server: Server, database: str) -> bool:
    """Create the database, or check that an existing one is empty; return whether it was created.

    Raise DatabaseFault, or Refused `restore_account`, `read_only` or `not_empty`.
    """
    _tool, endpoint = _means(host, server)
    with closing(connect(endpoint)) as connection:
        return _prepare(connection, endpoint, database)


def restore(
    host: Host, server: Server, source: Source, database: str, stream: Iterator[bytes], settings: Restore
) -> RestoreFacts:
    """Return the rows of each table after restoring into the empty `database`. Raise DatabaseFault `restore_failed`."""
    tool, endpoint = _means(host, server)
    with closing(connect(endpoint)) as connection:
        has_tls, version = offers_tls(connection), str(connection.get_server_info()).lower()
    with credentials(endpoint, tool, server_has_tls=has_tls) as (descriptor, first_option):
        argv = (tool.path, first_option, *_options(host, tool, version), f"--database={database}")
        limits = Limits(settings.deadline_seconds, settings.stall_timeout_seconds)
        made = RestoreStream()
        done = host.run(Command(argv, pass_descriptors=(descriptor,)), limits, made.of(stream))
    if done.status != 0:
        message = f"the restore of {source.component} into {database} failed: {done.reason}"
        hint = next((hint for words, hint in _HINTS.items() if words in done.errors), "")
        raise DatabaseFault("restore_failed", message, hint=hint)
    target = endpoint._replace(database=database)
    findings = _event_findings(target, source, made)
    return RestoreFacts(database, _count(target, settings.deadline_seconds), findings)


def drop(host: Host, server: Server, database: str) -> bool:
    """Drop the database and return whether that succeeded."""
    with contextlib.suppress(MaintenanceError):
        _tool, endpoint = _means(host, server)
        with closing(connect(endpoint)) as connection:
            rows(connection, endpoint, f"DROP DATABASE {quote_identifier(database)}")
            return True
    return False


def _means(host: Host, server: Server) -> tuple[Tool, Endpoint]:
    if server.read_only:
        raise Refused("read_only", "restore.mysql.read_only is true, so a restore is not allowed")
    return client_tool(host), resolve(server, host)._replace(database=None)


def _options(host: Host, tool: Tool, server_version: str) -> tuple[str, ...]:
    sandbox = ("--sandbox",) if knows(host, tool, "--sandbox") else ()
    # Else the server's own defaults would decide whether what was inserted stays.
    session = f"--init-command={program_statement(server_version)}"
    options = ("--binary-mode", *sandbox, "--local-infile=0", "--batch", "--comments", "--skip-reconnect", *COMMON)
    return (session, *options)


def _check_account(connection: Any, endpoint: Endpoint) -> None:
    rights = read_rights(connection, endpoint)
    elsewhere = writes_elsewhere(rights)
    if elsewhere:
        message = f"the account {rights.holder} has rights beyond restored databases: {'; '.join(elsewhere[:5])}"
        raise Refused("restore_account", message, hint=restore_hint("mysql"))


def _look(connection: Any, endpoint: Endpoint, database: str) -> bool:
    """Return whether the database exists and is empty. Raise Refused."""
    _check_account(connection, endpoint)
    query = "SELECT (SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = %s), "
    query += "(SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = %s) + "
    query += "(SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = %s) + "
    query += "(SELECT COUNT(*) FROM information_schema.events WHERE event_schema = %s)"
    exists, things = rows(connection, endpoint, query, *[database] * 4)[0]
    if things:
        hint = "set restore.target_database to an empty database, or leave it out to create a new one"
        raise Refused("not_empty", f"the database {database} is not empty", hint=hint)
    return bool(exists)


def _prepare(connection: Any, endpoint: Endpoint, database: str) -> bool:
    """Create the database, or check that an existing one is empty; return whether it was created."""
    exists = _look(connection, endpoint, database)
    if not exists:
        try:
            rows(connection, endpoint, f"CREATE DATABASE {quote_identifier(database)} CHARACTER SET utf8mb4")
        except Interrupted as ended:
            # Nobody knows whether the server still made it, and what is perhaps another's may not be dropped.
            ended.changed = True
            raise
    return not exists


def _event_findings(target: Endpoint, source: Source, made: RestoreStream) -> tuple[Finding, ...]:
    """Return which events were restored disabled, and which were not. Raise DatabaseFault if one could run."""
    query = "SELECT event_name, status FROM information_schema.events WHERE event_schema = DATABASE()"
    with closing(connect(target)) as connection:
        states = {str(name): str(status) for name, status in rows(connection, target, query)}
    running = sorted(name for name, status in states.items() if status == "ENABLED")
    if running:
        message = f"events of {source.component} can run in {target.database}: {_shown(running)}"
        raise DatabaseFault("restore_failed", message, hint="restore while event_scheduler is OFF")
    missing = [name for name in made.events if name not in states]
    return _disabled(target, source, [name for name in made.enabled if name in states]) + _missing_events(
        source, made, missing
    )


def _disabled(target: Endpoint, source: Source, names: list[str]) -> tuple[Finding, ...]:
    if not names:
        return ()
    message = f"events of {source.component} were restored as disabled, so that none changes the copy: {_shown(names)}"
    places = [f"`{target.database}`.`{name.replace('`', '``')}`" for name in names[:_SHOWN_NAMES]]
    hint = "to enable them: " + " ".join(printable(f"ALTER EVENT {place} ENABLE;") for place in places)
    return (Finding("warning", "events_disabled", subject=source.component, message=message, hint=hint),)


def _missing_events(source: Source, made: RestoreStream, names: list[str]) -> tuple[Finding, ...]:
    """Return a finding with the events that were not restored: the server does not create expired ones."""
    left = ([f"{_shown(names)} (their schedule has ended)"] if names else []) + (
        [f"{made.unread} with an unknown statement"] if made.unread else []
    )
    if not left:
        return ()
    message = f"events of {source.component} were not restored: {'; '.join(left)}"
    return (
        Finding(
            "warning",
            "skipped_objects",
            subject=source.component,
            message=message,
            hint="create the ones that are needed by hand, with the statements of the dump",
        ),
    )


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return printable(", ".join(names[:_SHOWN_NAMES])) + more


def _count(endpoint: Endpoint, seconds: float) -> dict[str, int | None]:
    # What keeps its rows elsewhere has none in the dump, and may not be there to be asked.
    kinds = ", ".join(f"'{engine}'" for engine in ROWS_ELSEWHERE)
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
    query += f"AND table_type NOT IN ('VIEW', 'SEQUENCE') AND LOWER(COALESCE(engine, '')) NOT IN ({kinds})"
    with closing(connect(endpoint, seconds)) as connection:
        names = [str(name) for (name,) in rows(connection, endpoint, query)]
        count = "SELECT COUNT(*) FROM {}"
        return {name: int(rows(connection, endpoint, count.format(quote_identifier(name)))[0][0]) for name in names}
