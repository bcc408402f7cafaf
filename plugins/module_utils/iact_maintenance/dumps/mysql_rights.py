"""What an account of MySQL or MariaDB may do, from its own grants: enough for a dump, and not too much for a restore.

An account without TRIGGER, or without access to routines, gets a dump that ends well and silently lacks them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..engines.endpoint import Endpoint
from ..engines.mysql_connection import rows
from .model import Source
from .mysql_tool import is_mariadb

RESTORE_PREFIX = "iact_restore_"
_GRANT = re.compile(
    r"(?P<verb>GRANT|REVOKE) (?P<privileges>.+?) ON (?:(?P<kind>TABLE|FUNCTION|PROCEDURE|PACKAGE BODY|PACKAGE) )?"
    r"(?P<database>`(?:[^`]|``)*`|\*)\.(?P<table>`(?:[^`]|``)*`|\*) (?:TO|FROM) "
)
_ROLE = re.compile(r"GRANT (`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?(?:,\s?)?)+ TO ")
# MariaDB's default among roles that other lines grant.
_GIVES_NOTHING = "SET DEFAULT ROLE "
_EVERYTHING = "ALL PRIVILEGES"
_READING = frozenset(
    {"USAGE", "SELECT", "SHOW DATABASES", "SHOW VIEW", "SHOW_ROUTINE", "SHOW CREATE ROUTINE", "REFERENCES", "PROCESS"}
    | {"REPLICATION CLIENT", "BINLOG MONITOR", "SLAVE MONITOR"}
)


class Grant(NamedTuple):
    """One grant: its privileges, and the database (a pattern where `table` is `*`) and table that they are for."""

    privileges: frozenset[str]
    database: str
    table: str
    on_routine: bool = False

    def covers(self, database: str, table: str) -> bool:
        """Whether it reaches a table, or with `*` a whole database."""
        if self.on_routine:
            return False
        if self.table != "*":
            return (self.database, self.table) == (database, table)
        return self.database == "*" or re.fullmatch(_pattern(self.database), database) is not None


def _pattern(database: str) -> str:
    parts = re.findall(r"\\.|.", database, re.DOTALL)
    special = {"%": ".*", "_": "."}
    return "(?s:" + "".join(special.get(part) or re.escape(part[-1]) for part in parts) + ")"


class Rights(NamedTuple):
    """Everything an account may do. `holder` is how GRANT names it; `roles` what it could take on as well.

    `unread` is the number of lines of SHOW GRANTS that were not understood; `revoked` is what MySQL's partial revokes
    take away from the grants on all databases, and from no others.
    """

    holder: str
    grants: tuple[Grant, ...]
    roles: tuple[str, ...]
    unread: int = 0
    revoked: tuple[Grant, ...] = ()

    def allows(self, privilege: str, database: str, table: str = "*") -> bool:
        """Whether it may do this to a table, or with `*` to a whole database."""
        wanted = {privilege, _EVERYTHING}
        revoked = any(revoke.privileges & wanted and revoke.covers(database, table) for revoke in self.revoked)
        return any(
            grant.privileges & wanted and grant.covers(database, table) and not (revoked and grant.database == "*")
            for grant in self.grants
        )


def parse(holder: str, lines: Iterable[str]) -> Rights:
    """The rights that SHOW GRANTS tells. Its lines may hold a password's hash: they are shown to nobody."""
    parsed: dict[str, list[Grant]] = {"GRANT": [], "REVOKE": []}
    roles, unread = [], 0
    for line in lines:
        found = _GRANT.match(line)
        if found:
            names = re.sub(r"\([^)]*\)", "", found["privileges"]).split(",")
            privileges = frozenset(name.strip().upper() for name in names)
            on_routine = found["kind"] not in (None, "TABLE")
            parsed[found["verb"]].append(Grant(privileges, _bare(found["database"]), _bare(found["table"]), on_routine))
        elif _ROLE.match(line):
            roles.append(line[len("GRANT ") : line.index(" TO ")])
        elif not line.startswith(_GIVES_NOTHING):
            unread += 1
    return Rights(holder, tuple(parsed["GRANT"]), tuple(roles), unread, tuple(parsed["REVOKE"]))


def _bare(quoted: str) -> str:
    return quoted if quoted == "*" else quoted[1:-1].replace("``", "`")


def read_rights(connection: Any, endpoint: Endpoint) -> Rights:
    """What this account may do, its active roles included. Raises DatabaseFault."""
    holder = str(rows(connection, endpoint, "SELECT CURRENT_USER()")[0][0])
    user, _at, address = holder.rpartition("@")
    active = ""
    if not is_mariadb(str(connection.get_server_info())):
        role = str(rows(connection, endpoint, "SELECT CURRENT_ROLE()")[0][0])
        active = f" FOR CURRENT_USER() USING {role.replace('%', '%%')}" if role != "NONE" else ""
    lines = [str(line[0]) for line in rows(connection, endpoint, f"SHOW GRANTS{active}")]
    return parse(f"'{user}'@'{address}'", lines)


def missing_for_dump(rights: Rights, source: Source, needs: Sequence[str], *, is_mariadb: bool) -> list[str]:
    """The GRANT statements without which the dump would lack something; `needs` are privileges on what is dumped."""
    places = [f"`{source.database}`.`{table}`" for table in source.tables] or [f"`{source.database}`.*"]
    missing = []
    for table, place in zip(source.tables or ("*",), places):
        lacking = [need for need in needs if not rights.allows(need, source.database, table)]
        if lacking:
            missing.append(f"GRANT {', '.join(lacking)} ON {place} TO {rights.holder};")
    if not source.tables and not _sees_routines(rights, source.database, is_mariadb):
        what = "SELECT ON mysql.proc" if is_mariadb else "SHOW_ROUTINE ON *.*"
        missing.append(f"GRANT {what} TO {rights.holder};")
    return missing


def _sees_routines(rights: Rights, database: str, is_mariadb: bool) -> bool:
    if is_mariadb:
        return rights.allows("SELECT", "mysql", "proc") or rights.allows("SHOW CREATE ROUTINE", database)
    everywhere = frozenset().union(*(grant.privileges for grant in rights.grants if grant.database == "*"))
    return bool(everywhere & {"SHOW_ROUTINE", "SELECT", _EVERYTHING})


def writes_elsewhere(rights: Rights) -> list[str]:
    """What an account could change outside of databases for restores; grants to everyone on `test` are not among it.

    Those stand in no SHOW GRANTS of the account. A role counts, since a dump could say SET ROLE, and so does a line
    that was not understood.
    """
    found = [f"the role {role}" for role in rights.roles]
    for grant in rights.grants:
        writing = sorted(grant.privileges - _READING)
        if writing and not _is_scratch(grant):
            found.append(f"{', '.join(writing)} on {grant.database}.{grant.table}")
    return found + [f"grants that are not understood: {rights.unread}"] * bool(rights.unread)


def _is_scratch(grant: Grant) -> bool:
    """Whether a grant reaches databases for restores alone.

    In a pattern `_` stands for any character, so that it must be escaped there; a name without `%` is one database.
    """
    is_pattern = grant.table == "*" and not grant.on_routine and "%" in grant.database.replace("\\%", "")
    prefix = RESTORE_PREFIX.replace("_", "\\_")
    return grant.database.startswith(prefix) or (not is_pattern and grant.database.startswith(RESTORE_PREFIX))
