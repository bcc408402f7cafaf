"""The rights that each job needs on each server: the one source of every GRANT that is shown, documented or checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol

MARIADB, MYSQL_SERVER = "mariadb", "mysql"
ROUTINES = {MARIADB: "SELECT ON mysql.proc", MYSQL_SERVER: "SHOW_ROUTINE ON *.*"}
# Comments that make a statement valid on one of the two servers only.
_ONLY_ON = {MARIADB: "/*M! {} */;", MYSQL_SERVER: "/*!80020 {} */;", "": "{};"}


class Account(NamedTuple):
    """An account as statements name it; `place` is the host that it logs in from, which only MySQL's accounts have."""

    name: str
    place: str = "localhost"


class Statement(NamedTuple):
    """A statement that grants a right; `text` has the fields `{account}`, `{table}` and `{database}`.

    `server` is the kind of MySQL server that understands it; empty for both. `own_account_only` marks a statement that
    would restrict an account shared with other jobs.
    """

    text: str
    server: str = ""
    own_account_only: bool = False


# What each job needs; a backup has `backup_table` and `backup_database`.
Needs = Mapping[str, tuple[Statement, ...]]
# Privileges on what a dump reads, as `missing_for_dump` looks for them.
DUMPED_TABLE = ("SELECT", "TRIGGER")
DUMPED_DATABASE = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")

_SESSIONS = {
    "session_cleanup": (
        # Without session_data.
        Statement("GRANT SELECT (session_key, expire_date), DELETE ON {table} TO {account}"),
    ),
    "health": (Statement("GRANT SELECT (expire_date) ON {table} TO {account}"),),
}
_MYSQL: Needs = {
    **_SESSIONS,
    "backup_table": (Statement(f"GRANT {', '.join(DUMPED_TABLE)} ON {{table}} TO {{account}}"),),
    "backup_database": (
        Statement(f"GRANT {', '.join(DUMPED_DATABASE)} ON {{database}}.* TO {{account}}"),
        # Without these rights the dump silently omits procedures.
        *(Statement(f"GRANT {right} TO {{account}}", server) for server, right in ROUTINES.items()),
    ),
    "restore": (Statement(r"GRANT ALL ON `iact\_restore\_%`.* TO {account}"),),
}
_READS_ALL = (
    Statement("GRANT CONNECT ON DATABASE {database} TO {account}"),
    Statement("GRANT pg_read_all_data TO {account}"),
    Statement("ALTER ROLE {account} SET default_transaction_read_only = on", own_account_only=True),
)
_POSTGRESQL: Needs = {
    **_SESSIONS,
    "backup_table": _READS_ALL,
    "backup_database": _READS_ALL,
    "restore": (Statement("ALTER ROLE {account} CREATEDB"),),
}
RESTORE_ACCOUNT = Account("iact_restore")


class Subject(NamedTuple):
    """The object of a right: a database, and a table in it if the job needs no more. `schema` is PostgreSQL's."""

    database: str = ""
    table: str = ""
    schema: str = "public"


class Rights(Protocol):
    """How one kind of server writes accounts and names, and what each job needs there."""

    title: str
    needs: Needs

    def account(self, account: Account) -> str:
        """Return an account's name in a statement."""

    def names(self, subject: Subject) -> dict[str, str]:
        """Return `database` and `table` in a statement."""

    def creation(self, account: str) -> str:
        """Return the statement that creates an account without a password, which nobody can log in to."""

    def creation_once(self, account: str) -> str:
        """Return `creation` as a statement that does nothing if the account exists."""
        return self.creation(account)

    def password(self, account: str) -> str:
        """Return the statement with which an administrator sets an account's password; `…` is the password."""

    def about(self, account: Account) -> str:
        """Return a comment on an account that stands above its statements; empty for none."""
        return ""


class _MySQLRights(Rights):
    title, needs = "MySQL or MariaDB", _MYSQL

    def account(self, account: Account) -> str:
        """Return the account as statements of this server name it."""
        return "@".join(_literal(part) for part in account)

    def names(self, subject: Subject) -> dict[str, str]:
        """Return the quoted names of the database and the table."""
        table = ".".join(_quoted(name, "`") for name in (subject.database, subject.table))
        # Wildcards in a grant on a whole database.
        database = _quoted(re.sub(r"[\\%_]", r"\\\g<0>", subject.database), "`")
        return {"database": database, "table": table}

    def creation(self, account: str) -> str:
        """Return the statement that creates an account without a password."""
        return f"CREATE USER IF NOT EXISTS {account} ACCOUNT LOCK;"

    def password(self, account: str) -> str:
        """Return the statement with which an administrator sets the password."""
        return f"ALTER USER {account} IDENTIFIED BY '…' ACCOUNT UNLOCK;"

    def about(self, account: Account) -> str:
        """Return a comment on an account that may log in from anywhere."""
        return "-- from anywhere: replace % by the address of this host" if account.place == "%" else ""


class _PostgreSQLRights(Rights):
    title, needs = "PostgreSQL", _POSTGRESQL

    def account(self, account: Account) -> str:
        """Return the account as statements of this server name it."""
        return _quoted(account.name, '"')

    def names(self, subject: Subject) -> dict[str, str]:
        """Return the quoted names of the database and the table."""
        table = ".".join(_quoted(name, '"') for name in (subject.schema, subject.table))
        return {"database": _quoted(subject.database, '"'), "table": table}

    def creation(self, account: str) -> str:
        """Return the statement that creates an account without a password."""
        return f"CREATE ROLE {account} LOGIN;"

    def creation_once(self, account: str) -> str:
        """Return a statement that creates the account unless it exists."""
        return f"DO $role$BEGIN {self.creation(account)} EXCEPTION WHEN duplicate_object THEN END$role$;"

    def password(self, account: str) -> str:
        """Return the statement with which an administrator sets the password."""
        return f"\\password {account}"


REQUIRED: Mapping[str, Rights] = {"mysql": _MySQLRights(), "postgresql": _PostgreSQLRights()}


def creation(engine: str, account: Account) -> str:
    """Return the statement that creates an account without a password, which nobody can log in to."""
    return REQUIRED[engine].creation(REQUIRED[engine].account(account))


def creation_once(engine: str, account: Account) -> str:
    """Return `creation` as a statement that does nothing if the account exists."""
    return REQUIRED[engine].creation_once(REQUIRED[engine].account(account))


def password(engine: str, account: Account) -> str:
    """Return the statement with which an administrator sets an account's password; `…` is the password."""
    return REQUIRED[engine].password(REQUIRED[engine].account(account))


def statements(engine: str, need: str, account: Account, subject: Subject, *, own_account: bool) -> list[str]:
    """Return the statements that give an account the rights for a job.

    `need` is a job; for a backup `backup_table` or `backup_database`. They work as printed; MySQL's work on MariaDB
    too.
    """
    names = {"account": REQUIRED[engine].account(account), **REQUIRED[engine].names(subject)}
    return [
        _ONLY_ON[each.server].format(each.text.format(**names))
        for each in REQUIRED[engine].needs[need]
        if own_account or not each.own_account_only
    ]


def restore_hint(engine: str) -> str:
    """Return the hint if there is no account to restore with, or one with too many rights."""
    rights = statements(engine, "restore", RESTORE_ACCOUNT, Subject(), own_account=True)
    made = " ".join([creation(engine, RESTORE_ACCOUNT), *rights])
    return (
        f"create a separate account, as administrator: {made} {password(engine, RESTORE_ACCOUNT)} "
        f"(`iact-maintenance grants restore` prints them); set it in restore.{engine}, in the role "
        f"iact_maintenance_restore_{engine}"
    )


def _quoted(name: str, quote: str) -> str:
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


def _literal(text: str) -> str:
    # Only quotes are escaped, because the meaning of a backslash depends on sql_mode.
    return "'" + text.replace("'", "''") + "'"
