"""Database servers that a test runs on in turn, because the same must hold on each (fixture `engine`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import mysql as mysql_dumps
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import (
    postgresql as postgresql_dumps,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import mysql, postgresql
from tests import rights
from tests.integration.servers import MariaDB, PostgreSQL, Server


class Engine(NamedTuple):
    """A server and the product's functions for it; `home` is the database of a login that needs none."""

    name: str
    server: Server
    home: str | None
    ping: Callable[..., str]
    open_sessions: Callable[..., Any]
    dump: Callable[..., Any]
    # Of the session table: the type of expire_date, and a socket that does not exist.
    moment: str
    missing_socket: str

    def grant(self, need: str, database: str, user: str) -> None:
        """Give an account the documented rights for a job."""
        for statement in rights.needed(self.name, need, database, user):
            self.server.execute(statement, database=database)


def mysql_engine(server: MariaDB) -> Engine:
    """Return MariaDB as an engine."""
    socket = "/nonexistent/mysqld.sock"
    return Engine("mysql", server, None, mysql.ping, mysql.open_sessions, mysql_dumps.dump, "datetime(6)", socket)


def postgresql_engine(server: PostgreSQL) -> Engine:
    """Return PostgreSQL as an engine."""
    dump, kind = postgresql_dumps.dump, "timestamptz"
    return Engine(
        "postgresql", server, "postgres", postgresql.ping, postgresql.open_sessions, dump, kind, "/nonexistent"
    )


MAKERS: dict[str, tuple[str, Callable[[Any], Engine]]] = {
    "mysql": ("mariadb", mysql_engine),
    "postgresql": ("postgresql", postgresql_engine),
}
