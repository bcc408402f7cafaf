"""The rights of an account of MySQL or MariaDB: enough for a dump, and not too much for a restore.

Without TRIGGER, or access to routines, a dump succeeds and silently omits them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..engines.endpoint import Endpoint
from ..engines.mysql_connection import rows
from ..engines.required_rights import MARIADB, MYSQL_SERVER, ROUTINES
from .model import Source
from .mysql_tool import is_mariadb

RESTORE_PREFIX = "iact_restore_"
_GRANT = re.compile(
    r"(?P<verb>GRANT|REVOKE) (?P<privileges>.+?) ON (?:(?P<kind>TABLE|FUNCTION|PROCEDURE|PACKAGE BODY|PACKAGE) )?"
    r"(?P<database>`(?:[^`]|``)*`|\*)\.(?P<table>`(?:[^`]|``)*`|\*) (?:TO|FROM) "
    r"(?P<account>`(?:[^`]|``)*`@)?"
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
    """A grant: its privileges, and the database (a pattern if `table` is `*`) and table.

    `to_role` marks those of an active role.
    """

    privileges: frozenset[str]
    database: str
    table: str
    on_routine: bool = False
    to_role: bool = False

    def covers(self, database: str, table: str) -> bool:
        """Return whether it applies to a table, or with `*` to a whole database."""
        if self.on_routine:
            return False
        if self.table != "*":
            return (self.database, self.table) == (database, table)
        return self.database == "*" or _matches(self.database, database)

    @property
    def is_pattern(self) -> bool:
        """Return whether it is a grant on databases by pattern, of which the server applies only one."""
        return self.table == "*" and self.database != "*" and not self.on_routine


def _parts(pattern: str) -> list[bytes]:
    """Return a pattern's bytes as the server compares them; an escaped one keeps its backslash."""
    return re.findall(rb"\\.|.", pattern.encode("utf-8", "surrogateescape"), re.DOTALL)


def _matches(pattern: str, database: str) -> bool:
    special = {b"%": b".*", b"_": b"."}
    words = b"".join(special.get(part) or re.escape(part[-1:]) for part in _parts(pattern))
    return re.fullmatch(words, database.encode("utf-8", "surrogateescape"), re.DOTALL) is not None


def _specific(pattern: str, is_mariadb: bool) -> tuple[int, ...]:
    """Return how specific a pattern is; the server applies only the most specific one (MariaDB since 10.4).

    MySQL: one without wildcards, then the one whose first wildcard is latest. MariaDB: one without `%`, then fewer `_`;
    then the longer minimum match, fewer `%`, fewer `_`.
    """
    # Several `%` are one.
    parts = [part for before, part in zip([b"", *_parts(pattern)], _parts(pattern)) if not part == before == b"%"]
    many, one = parts.count(b"%"), parts.count(b"_")
    if is_mariadb:
        return (-min(many, 1), len(parts) - many if many else 0, -many, -one)
    first = next((at for at, part in enumerate(parts) if part in (b"%", b"_")), None)
    return (128,) if first is None else (min(len(b"".join(parts[:first])) + 1, 127),)


class Rights(NamedTuple):
    """All rights of an account. `holder` is its name for GRANT; `roles` are roles that it could assume.

    `unread` is the number of lines of SHOW GRANTS that were not understood; `revoked` is what MySQL's partial revokes
    remove from the grants on all databases, and from no others.
    """

    holder: str
    grants: tuple[Grant, ...]
    roles: tuple[str, ...]
    unread: int = 0
    revoked: tuple[Grant, ...] = ()
    is_mariadb: bool = True

    def allows(self, privilege: str, database: str, table: str = "*") -> bool:
        """Return whether the privilege applies to a table, or with `*` to a whole database.

        Grants on everything, on a database and on a table add up, and so do those of roles. Of the account's patterns
        that match a database the server applies only the most specific one.
        """
        wanted = {privilege, _EVERYTHING}
        revoked = any(revoke.privileges & wanted and revoke.covers(database, table) for revoke in self.revoked)
        covering = [grant for grant in self.grants if grant.covers(database, table)]
        adding = [grant for grant in covering if not grant.is_pattern]
        if any(grant.privileges & wanted and not (revoked and grant.database == "*") for grant in adding):
            return True
        patterns = [grant for grant in covering if grant.is_pattern]
        return any(
            self._takes([grant for grant in patterns if grant.to_role is role], wanted) for role in (False, True)
        )

    def _takes(self, patterns: list[Grant], wanted: set[str]) -> bool:
        """Return whether the pattern that the server applies has the privilege; of equal ones it may apply either."""
        first = self._first(patterns)
        return bool(first) and first == {
            grant.database for grant in patterns if grant.database in first and grant.privileges & wanted
        }

    def _first(self, patterns: list[Grant]) -> set[str]:
        ranks = {grant.database: _specific(grant.database, self.is_mariadb) for grant in patterns}
        return {database for database, rank in ranks.items() if rank == max(ranks.values())}

    def row_for(self, database: str) -> str:
        """Return the pattern to name in a GRANT: the one that the server applies if its text is the name."""
        patterns = [grant for grant in self.grants if grant.is_pattern and not grant.to_role]
        first = self._first([grant for grant in patterns if grant.covers(database, "*")])
        return database if first == {database} else re.sub(r"[\\%_]", r"\\\g<0>", database)


def parse(holder: str, lines: Iterable[str], *, is_mariadb: bool = True, literal: bool = False) -> Rights:
    """Return the rights in SHOW GRANTS. Its lines may contain a password's hash and are never shown.

    With `literal`, as for MySQL with partial_revokes, `_` and `%` in a database's name are no wildcards.
    """
    parsed: dict[str, list[Grant]] = {"GRANT": [], "REVOKE": []}
    roles, unread = [], 0
    for line in lines:
        match = _GRANT.match(line)
        if match:
            names = re.sub(r"\([^)]*\)", "", match["privileges"]).split(",")
            privileges = frozenset(name.strip().upper() for name in names)
            on_routine = match["kind"] not in (None, "TABLE")
            database = _escaped(_bare(match["database"])) if literal else _bare(match["database"])
            grant = Grant(privileges, database, _bare(match["table"]), on_routine, match["account"] is None)
            parsed[match["verb"]].append(grant)
        elif _ROLE.match(line):
            roles.append(line[len("GRANT ") : line.index(" TO ")])
        elif not line.startswith(_GIVES_NOTHING):
            unread += 1
    return Rights(holder, tuple(parsed["GRANT"]), tuple(roles), unread, tuple(parsed["REVOKE"]), is_mariadb)


def _bare(quoted: str) -> str:
    return quoted if quoted == "*" else quoted[1:-1].replace("``", "`")


def _escaped(pattern: str) -> str:
    return re.sub(r"\\.|[%_]", lambda match: match[0] if len(match[0]) == 2 else "\\" + match[0], pattern)


def read_rights(connection: Any, endpoint: Endpoint) -> Rights:
    """Return the rights of this account, including its active roles. Raise DatabaseFault."""
    holder = str(rows(connection, endpoint, "SELECT CURRENT_USER()")[0][0])
    user, _at, address = holder.rpartition("@")
    active, literal, ours = "", False, is_mariadb(str(connection.get_server_info()))
    if not ours:
        role = str(rows(connection, endpoint, "SELECT CURRENT_ROLE()")[0][0])
        active = f" FOR CURRENT_USER() USING {role.replace('%', '%%')}" if role != "NONE" else ""
        literal = ("partial_revokes", "ON") in rows(connection, endpoint, "SHOW VARIABLES LIKE 'partial\\_revokes'")
    lines = [str(line[0]) for line in rows(connection, endpoint, f"SHOW GRANTS{active}")]
    return parse(f"'{user}'@'{address}'", lines, is_mariadb=ours, literal=literal)


def missing_for_dump(rights: Rights, source: Source, needs: Sequence[str], *, is_mariadb: bool) -> list[str]:
    """Return the GRANT statements without which the dump would be incomplete.

    `needs` are the required privileges.
    """
    name = source.database.replace("`", "``")
    missing = []
    for table in source.tables:
        lacking = [need for need in needs if not rights.allows(need, source.database, table)]
        if lacking:
            missing.append(f"GRANT {', '.join(lacking)} ON `{name}`.`{table.replace('`', '``')}` TO {rights.holder};")
    if not source.tables and not all(rights.allows(need, source.database) for need in needs):
        row = rights.row_for(source.database)
        # A new row for this very name hides the patterns that it matched, so that it must give what they gave.
        staying = (grant for grant in rights.grants if grant.to_role or not grant.is_pattern or grant.database == row)
        after = rights._replace(grants=tuple(staying))
        lacking = [need for need in needs if not after.allows(need, source.database)]
        missing.append(f"GRANT {', '.join(lacking)} ON `{row.replace('`', '``')}`.* TO {rights.holder};")
    if not source.tables and not _sees_routines(rights, source.database, is_mariadb):
        missing.append(f"GRANT {ROUTINES[MARIADB if is_mariadb else MYSQL_SERVER]} TO {rights.holder};")
    return missing


def _sees_routines(rights: Rights, database: str, is_mariadb: bool) -> bool:
    if is_mariadb:
        return rights.allows("SELECT", "mysql", "proc") or rights.allows("SHOW CREATE ROUTINE", database)
    everywhere = frozenset().union(*(grant.privileges for grant in rights.grants if grant.database == "*"))
    return bool(everywhere & {"SHOW_ROUTINE", "SELECT", _EVERYTHING})


def writes_elsewhere(rights: Rights) -> list[str]:
    """Return what an account could change outside of databases for restores.

    Grants to everyone on `test` do not count, because SHOW GRANTS does not list them. A role counts, because a dump
    could contain SET ROLE; so does a line that was not understood.
    """
    elsewhere = [f"the role {role}" for role in rights.roles]
    for grant in rights.grants:
        writing = sorted(grant.privileges - _READING)
        if writing and not _is_scratch(grant):
            elsewhere.append(f"{', '.join(writing)} on {grant.database}.{grant.table}")
    return elsewhere + [f"grants in an unknown form: {rights.unread}"] * bool(rights.unread)


def _is_scratch(grant: Grant) -> bool:
    """Return whether a grant applies only to databases for restores.

    In a pattern `_` matches any character, so it must be escaped there; a name without `%` is one database.
    """
    is_pattern = grant.table == "*" and not grant.on_routine and "%" in grant.database.replace("\\%", "")
    prefix = RESTORE_PREFIX.replace("_", "\\_")
    return grant.database.startswith(prefix) or (not is_pattern and grant.database.startswith(RESTORE_PREFIX))
