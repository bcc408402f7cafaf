"""Reproduce the connection of a project's alias exactly, or refuse it and name the option that prevents it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import Refused
from ..secret import printable
from ..sections.connections import ProjectConnection, Server, SQLiteFile
from .options import TABLES
from .project import Database, DriverConnection

_POSTGRESQL_DRIVERS = ("psycopg", "psycopg2", "psycopg2cffi.compat")
_MYSQL_DRIVERS = ("MySQLdb", "pymysql", "mysql.connector")
# SET of variables only, and none that changes the session's role.
_SETS_VARIABLES = re.compile(r"(?:\s*SET\s(?![^;]*\b(?:ROLE|PASSWORD|AUTHORIZATION)\b)[^;]*(?:;|$))*\s*", re.IGNORECASE)
# Without keys of an encrypting SQLite, which this host's library does not support.
_SETS_PRAGMAS = re.compile(
    r"(?:\s*PRAGMA\s+(?!(?:hex|text)?(?:re)?key\b|cipher|activate)[^;]*(?:;|$))*\s*", re.IGNORECASE
)
_COMMENT = re.compile(r"--[^\n]*")
_FOUND_ROWS = "2"
_QUOTES = {"mysql": "`", "postgresql": '"', "sqlite": '"'}
_SQLITE_MODES = {"rw", "rwc", "ro"}


def connection_of(database: Database, trouble: str = "") -> Server | SQLiteFile:
    """Return the connection that the project's driver makes to this alias. Raise Refused.

    Parameters are those that Django passes to its driver. `trouble` is the reason for which the project could not
    return them.
    """
    if database.connection is None:
        raise _refused(database, trouble or "the project's answer lacks the parameters of its driver")
    parameters = _judged(database)
    if database.vendor == "sqlite":
        return _sqlite_file(database, parameters)
    if database.vendor == "postgresql":
        return _postgresql(database, parameters)
    return _mysql(database, parameters)


def table_of(database: Database, name: str) -> tuple[str | None, str]:
    """Return schema and table of a model's db_table as Django quotes it: `schema"."table` names both. Raise Refused.

    Django quotes the whole name unless it is quoted already, and does not double quotes inside.
    """
    quote = _QUOTES[database.vendor]
    quoted = name if name.startswith(quote) and name.endswith(quote) else f"{quote}{name}{quote}"
    part = f"{quote}((?:[^{quote}]|{quote}{quote})+){quote}"
    match = re.fullmatch(rf"(?:{part}\s*\.\s*)?{part}", quoted)
    if match is None:
        hint = "correct db_table of the session model"
        raise Refused(
            "not_a_session_table", f"the project's session table {printable(name)} is not a valid name", hint=hint
        )
    schema, table = (text and text.replace(quote * 2, quote) for text in match.groups())
    return schema, table


def _judged(database: Database) -> dict[str, str]:
    """Return the parameters, completed from the environment. Raise Refused for one that cannot be reproduced."""
    table, told = TABLES[database.vendor], database.connection or DriverConnection({})
    parameters = {**_from_variables(database, told), **told.parameters}
    if not parameters.get("options", "x"):
        # Equivalent to none for libpq.
        del parameters["options"]
    for name in sorted({*parameters, *told.withheld} - table.harmless):
        if name not in table.taken or name in told.withheld:
            raise _refused(database, f"its option {name} is not supported")
    for name in sorted(table.files & set(parameters)):
        if not parameters[name].startswith("/") and parameters[name] != "system":
            raise _refused(
                database,
                f"its option {name} is not an absolute path, and the directory that the site starts in is not known",
            )
    empty = sorted(name for name, text in parameters.items() if not text)
    if empty and database.vendor == "postgresql":
        raise _refused(database, f"its option {empty[0]} is empty")
    return {name: text for name, text in parameters.items() if name not in ("password", "passwd", *table.harmless)}


def _from_variables(database: Database, told: DriverConnection) -> dict[str, str]:
    """Return the parameters from the project's environment: libpq's variables. Raise Refused for MySQL's."""
    variables = {name: text for name, text in told.variables.items() if text}
    if database.vendor == "postgresql":
        names = TABLES[database.vendor].environment
        return {names[name]: text for name, text in variables.items() if name in names}
    if variables and database.driver == "MySQLdb":
        raise _refused(database, f"its environment sets {min(variables)}")
    return {}


def _refused(database: Database, reason: str) -> Refused:
    """Return the refusal of an alias; nothing replaces an option that cannot be reproduced."""
    hint = (
        f"change DATABASES[{database.alias!r}] (or the environment of the project); or set session_cleanup.engine, "
        f"session_cleanup.use_tz and the section {database.vendor}, which are then used instead"
    )
    return Refused(
        "connection_option",
        f"the connection of the project's alias {database.alias} cannot be used: {reason}",
        hint=hint,
    )


def _driver(database: Database, known: tuple[str, ...]) -> str:
    if database.driver not in known:
        raise _refused(database, f"its driver {database.driver} is not supported")
    return database.driver


def _postgresql(database: Database, parameters: Mapping[str, str]) -> Server:
    driver = _driver(database, _POSTGRESQL_DRIVERS)
    role, libpq_options = parameters.get("assume_role"), parameters.get("options")
    remaining = {name: text for name, text in parameters.items() if name not in ("assume_role", "options")}
    default_socket = database.connection.default_socket if database.connection else ""
    if "host" not in remaining and "hostaddr" not in remaining:
        if not default_socket:
            raise _refused(database, "it sets no host, and the default socket of its driver is not known")
        remaining["host"] = default_socket
    return _server(database, ProjectConnection(driver, remaining, role=role))._replace(
        login_user=remaining.get("user"),
        login_db=remaining.get("dbname"),
        passfile=remaining.get("passfile"),
        libpq_options=libpq_options,
    )


def _mysql(database: Database, parameters: Mapping[str, str]) -> Server:
    driver = _driver(database, _MYSQL_DRIVERS)
    remaining = dict(parameters)
    command = remaining.pop("init_command", "")
    if command and not _SETS_VARIABLES.fullmatch(command):
        raise _refused(database, "its option init_command does more than set variables")
    if remaining.pop("client_flag", _FOUND_ROWS) != _FOUND_ROWS:
        raise _refused(database, "its option client_flag is not supported")
    port = remaining.get("port", "")
    if port and not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise _refused(database, "its PORT is not a number up to 65535")
    default_socket = database.connection.default_socket if database.connection else ""
    return _server(database, ProjectConnection(driver, remaining, default_socket))._replace(
        login_user=remaining.get("user"),
        login_db=remaining.get("database") or remaining.get("db"),
        config_file=remaining.get("read_default_file"),
    )


def _server(database: Database, project: ProjectConnection) -> Server:
    password = database.connection.password if database.connection else None
    return Server(login_password=password, own_account=True, project=project)


def _sqlite_file(database: Database, parameters: Mapping[str, str]) -> SQLiteFile:
    """Return the file that Django's driver opens; a name that begins with `file:` is a URI."""
    if not _SETS_PRAGMAS.fullmatch(_COMMENT.sub("", parameters.get("init_command", ""))):
        raise _refused(database, "its option init_command does more than set pragmas")
    name = parameters.get("database", "")
    if name.startswith("file:"):
        return _sqlite_uri(database, name)
    if not name or name.startswith(":"):
        raise _refused(database, f"its database {name or '(none)'} is not a file")
    return SQLiteFile(name)


def _sqlite_uri(database: Database, name: str) -> SQLiteFile:
    uri = urlsplit(name)
    query = parse_qs(uri.query, keep_blank_values=True)
    modes = set(query.get("mode", ["rwc"]))
    if uri.netloc not in ("", "localhost") or not uri.path.startswith("/"):
        raise _refused(database, "its URI has no absolute path")
    if set(query) - {"mode", "cache"} or len(modes) != 1 or not modes <= _SQLITE_MODES:
        raise _refused(database, "its URI has a parameter that is not supported")
    return SQLiteFile(unquote(uri.path), read_only=modes == {"ro"})
