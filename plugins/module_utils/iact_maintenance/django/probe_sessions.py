"""The part of the probe about sessions: how the project connects to their database, and whether it could save one.

Sent with ``probe.py`` to the project's interpreter; the same rules apply.
"""

# ruff: noqa: UP006, UP035

from __future__ import annotations

import os
import re
import stat
from typing import Any, Dict, List

# A port that nothing listens on, so that the driver's error names its default socket directory.
UNUSED_PORT = 1
# Maximum wait for another transaction's lock; a locked table says nothing about the account's rights.
LOCK_LIMITS = {"postgresql": "SET LOCAL statement_timeout = 2000", "mysql": "SET SESSION lock_wait_timeout = 2"}
LOCKED_CODES = frozenset(["57014", "55P03", 1205])


def driver_parameters(connection: Any) -> Dict[str, Any]:
    """Return the arguments that the project passes to its driver, and the names of OPTIONS that Django itself uses."""
    given = dict(connection.settings_dict.get("OPTIONS") or {})
    given.update(connection.get_connection_params())
    if isinstance(given.get("ssl"), dict):
        given.update({"ssl." + str(name): value for name, value in given.pop("ssl").items()})
    paths = {name: os.fspath(value) for name, value in given.items() if isinstance(value, os.PathLike)}
    return {str(name): value for name, value in dict(given, **paths).items() if value is not None}


def connection_facts(alias: str, asked: Dict[str, Any]) -> Dict[str, Any]:
    """Return how the project's driver connects to an alias: requested plain values, and the names of all others."""
    from django.db import connections

    connection = connections[alias]
    wanted = asked.get(str(connection.vendor), {"parameters": [], "variables": []})
    given = driver_parameters(connection)
    told = {name: str(text) for name, text in given.items() if isinstance(text, (str, int))}
    parameters = {name: text for name, text in told.items() if name in wanted["parameters"]}
    if connection.vendor == "sqlite" and not parameters.get("database", "file:").startswith(("file:", ":")):
        parameters["database"] = os.path.abspath(parameters["database"])
    variables = {name: os.environ[name] for name in wanted["variables"] if name in os.environ}
    named = {name: text for name, text in list(variables.items()) + list(parameters.items()) if text}
    facts = {"alias": alias, "parameters": parameters, "withheld": sorted(set(given) - set(parameters))}
    return dict(facts, variables=variables, default_socket=default_socket(connection, named))


def default_socket(connection: Any, named: Dict[str, str]) -> str:
    """Return the driver's default socket; empty if it is unknown or not requested."""
    module = connection.Database
    if connection.vendor == "postgresql" and not {"host", "hostaddr", "PGHOST", "PGHOSTADDR", "service"} & set(named):
        try:
            module.connect(dbname="none", user="none", port=UNUSED_PORT).close()
        except module.OperationalError as refusal:
            match = re.search(rf'"([^"]+)/\.s\.PGSQL\.{UNUSED_PORT}"', str(refusal))
            return match.group(1) if match else ""
    if module.__name__ == "MySQLdb" and named.get("host", "localhost") == "localhost" and "unix_socket" not in named:
        return compiled_socket()
    return ""


def compiled_socket() -> str:
    """Return the socket compiled into the loaded client library of MySQL or MariaDB; empty if unknown."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        paths = {line.split(None, 5)[5].strip() for line in maps if line.count("/")}
    sockets = set()
    for path in paths:
        if re.search(r"/lib(mariadb|mysqlclient)[^/]*$|/_mysql\.[^/]*$", path):
            with open(path, "rb") as library:
                sockets.update(re.findall(rb"\0(/[\x21-\x7e]{1,100}/mysqld?\.sock)\0", library.read()))
    return sockets.pop().decode() if len(sockets) == 1 else ""


def check_saving(alias: str, model: Any) -> None:
    """Raise what keeps the project's account from saving a session in this alias; nothing is written.

    When a server plans a statement it checks the account's rights; MySQL and MariaDB also their read-only modes.
    """
    from django.db import connections

    connection = connections[alias]
    if connection.vendor == "sqlite":
        check_sqlite(connection)
    elif connection.vendor in ("mysql", "postgresql"):
        try:
            check_server(connection, model._meta)
        except Exception as fault:
            if not LOCKED_CODES.intersection(codes_of(fault)):
                raise


def codes_of(fault: Exception) -> List[Any]:
    """Return the error codes that a PostgreSQL or MySQL driver gives an exception."""
    cause = fault.__cause__ or fault
    return [getattr(cause, "pgcode", None), getattr(cause, "sqlstate", None), *cause.args[:1]]


def check_server(connection: Any, meta: Any) -> None:
    """Raise the server's reason for refusing to insert, update or delete a session."""
    from django.db import transaction

    quote = connection.ops.quote_name
    names = {name: quote(meta.get_field(name).column) for name in ("session_key", "session_data", "expire_date")}
    statements = (
        "INSERT INTO {table} ({session_key}, {session_data}, {expire_date}) VALUES ('', '', '2000-01-01 00:00:00')",
        "UPDATE {table} SET {session_data} = '', {expire_date} = '2000-01-01 00:00:00' WHERE {session_key} = ''",
        "DELETE FROM {table} WHERE {session_key} = ''",
    )
    # In a transaction, because a session limit would reach the next client of a pooler.
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(LOCK_LIMITS[connection.vendor])
        if connection.vendor == "postgresql":
            cursor.execute("SHOW transaction_read_only")
            if cursor.fetchone()[0] == "on":
                raise RuntimeError("transactions are read-only there (transaction_read_only is on)")
        for statement in statements:
            cursor.execute("EXPLAIN " + statement.format(table=quote(meta.db_table), **names))


def check_sqlite(connection: Any) -> None:
    """Raise the reason for which nobody can write to the file; this account's own rights do not matter."""
    name = str(connection.get_connection_params()["database"])
    parameters = re.split("[?&]", name)[1:] if name.startswith("file:") else []
    if {"mode=ro", "immutable=1"} & set(parameters):
        raise RuntimeError("NAME opens the file read-only")
    path = name if not name.startswith(("file:", ":")) else ""
    if path and not os.path.exists(path):
        raise FileNotFoundError(f"the file {path} does not exist")
    if path and os.statvfs(path).f_flag & os.ST_RDONLY:
        raise RuntimeError("the filesystem of the file is mounted read-only")
    if path and not os.stat(path).st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise RuntimeError("the mode of the file lets no account write")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only")
        if cursor.fetchone()[0]:
            raise RuntimeError("PRAGMA query_only is on")
