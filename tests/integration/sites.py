"""Databases with sessions in them, as an application's site has them, and how our code is told where they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import (
    Server as Login,
)
from tests.integration import servers

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)
HOST = Host({})

MYSQL_TABLE = (
    "CREATE TABLE {} (session_key varchar(40) NOT NULL PRIMARY KEY, session_data longtext NOT NULL, "
    "expire_date datetime(6) NOT NULL, KEY expires (expire_date)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
)
POSTGRESQL_TABLE = (
    "CREATE TABLE {} (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL, "
    "expire_date timestamptz NOT NULL)"
)


def login(server: servers.Server, database: str | None, **changes: Any) -> Login:
    """Return the settings of a connection: the administrator's over TCP, unless changed."""
    base = Login(
        login_host=server.host,
        login_port=server.port,
        login_user=server.admin_user,
        login_password=Secret(server.admin_password),
        login_db=database,
    )
    return base._replace(**changes)


def account(server: servers.Server, user: str, password: str, database: str | None, **changes: Any) -> Login:
    """Return the settings of a connection for an account of the test's own."""
    return login(server, database, login_user=user, login_password=Secret(password), **changes)


def create_sessions(server: servers.Server, database: str, table: str = "django_session") -> None:
    """Create an empty session table as Django's migration makes it."""
    template = MYSQL_TABLE if isinstance(server, servers.MariaDB) else POSTGRESQL_TABLE
    server.execute(template.format(server.quote(table)), database=database)
    if not isinstance(server, servers.MariaDB):
        server.execute(f"CREATE INDEX ON {server.quote(table)} (expire_date)", database=database)


def add_sessions(
    server: servers.Server, database: str, expires: Mapping[str, timedelta], table: str = "django_session"
) -> None:
    """Add sessions by key, each with the time from NOW until it expires."""
    rows: list[object] = []
    for key, rest in expires.items():
        moment = NOW + rest
        rows += [key, moment.replace(tzinfo=None) if isinstance(server, servers.MariaDB) else moment]
    if rows:
        places = ", ".join(["(%s, 'x', %s)"] * len(expires))
        name = server.quote(table).replace("%", "%%")
        server.execute(f"INSERT INTO {name} VALUES {places}", *rows, database=database)


def keys(server: servers.Server, database: str, table: str = "django_session") -> list[str]:
    """Return the keys of all sessions, sorted."""
    rows = server.execute(f"SELECT session_key FROM {server.quote(table)} ORDER BY 1", database=database)
    return [key for (key,) in rows]
