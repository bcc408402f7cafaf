"""Which database holds the sessions, and how the site stores times in it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple, Union, cast

from ..django import client
from ..django.project import Database, Project
from ..engines.facts import Convention, Sessions
from ..engines.table import ENGINES
from ..errors import DatabaseFault, MaintenanceError, Refused
from ..host import Host
from ..settings import Server, Settings, SQLiteFile

Connection = Union[Server, SQLiteFile]

_ASKING_SECONDS = 60.0


class SessionTarget(NamedTuple):
    """Where the sessions are: engine, connection, table and time convention.

    `project_connection` is how the Django project itself reaches them, where the config file says it differently.
    """

    engine: str
    connection: Connection
    table: str
    convention: Convention
    project_connection: Connection | None = None

    def check_writable(self) -> None:
        """Nothing where the settings let rows be deleted there. Raises Refused."""
        if self.connection.read_only:
            hint = "name the database that holds the sessions with session_cleanup.engine"
            raise Refused("read_only", f"{self.engine}.read_only is true: nothing may ever write there", hint=hint)

    def open(self, host: Host, *, writable: bool) -> Sessions:
        """An open connection to it. Raises DatabaseFault."""
        return self._open(self.connection, host, writable)

    def _open(self, connection: Connection, host: Host, writable: bool) -> Sessions:
        opened = ENGINES[self.engine].open_sessions(connection, host, self.convention, writable=writable)
        return cast(Sessions, opened)

    def check_same(self, sessions: Sessions, host: Host) -> None:
        """Nothing where the project's own connection leads to the same database. Raises DatabaseFault `wrong_database`.

        The servers are asked, because comparing names would refuse `localhost` against `127.0.0.1` and every proxy.
        """
        if self.project_connection is None:
            return
        with closing(self._open(self.project_connection, host, writable=False)) as project:
            ours, theirs = sessions.identity(self.table), project.identity(self.table)
        if ours != theirs:
            raise DatabaseFault(
                "wrong_database",
                f"the section {self.engine} leads to {_shown(ours)}, the Django project to {_shown(theirs)}",
                hint=f"correct the section {self.engine} of the config file; nothing was deleted",
            )


def _shown(identity: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in identity.items())


def session_target(settings: Settings, host: Host) -> SessionTarget:
    """The database that holds the sessions; the Django project is asked where the engine is left to it.

    Raises Refused where the settings leave it open, MaintenanceError where the project cannot answer.
    """
    options = settings.session_cleanup
    if options.engine == "auto" and settings.django is not None:
        return target_of(settings, client.ask(host, settings.django, _ASKING_SECONDS, migrations=False))
    target = configured_target(settings)
    if options.use_tz is None and target.engine != "postgresql":
        hint = "set session_cleanup.use_tz, and time_zone where it is false; or let the section django be asked"
        message = f"the project is not asked how it stores times, and columns of {target.engine} do not tell"
        raise Refused("not_configured", message, hint=hint)
    return target


def configured_target(settings: Settings) -> SessionTarget:
    """The database that the settings alone name. Raises Refused."""
    options, connections = settings.session_cleanup, _connections(settings)
    if options.engine == "auto":
        engine = _only_one(connections)
    elif options.engine in connections:
        engine = options.engine
    else:
        message = f"session_cleanup.engine is {options.engine}, but there is no section {options.engine}"
        raise Refused("not_configured", message, hint=f"add the section {options.engine} to the config file")
    convention = Convention(options.use_tz is not False, options.time_zone)
    return SessionTarget(engine, connections[engine], options.table, convention)


def _only_one(connections: Mapping[str, Connection]) -> str:
    writable = [engine for engine, connection in connections.items() if not connection.read_only]
    if len(writable) == 1:
        return writable[0]
    if not writable:
        hint = "set sqlite.path, or the section mysql or postgresql, in the config file"
        raise Refused("not_configured", "no database is configured that may be written to", hint=hint)
    hint = "set session_cleanup.engine, or the section django, which is then asked"
    raise Refused("not_configured", f"several databases are configured: {', '.join(sorted(writable))}", hint=hint)


def target_of(settings: Settings, project: Project) -> SessionTarget:
    """The database that the project keeps its sessions in, reached as the settings say. Raises MaintenanceError."""
    database = project.database(project.sessions_alias)
    if database is None or database.vendor not in ENGINES or not database.time_zone:
        raise _unanswered(project, database)
    options = settings.session_cleanup
    if (
        settings.sources.get("session_cleanup.table", "default") != "default"
        and options.table != project.sessions_table
    ):
        message = (
            f"session_cleanup.table is {options.table}, but the project's session table is {project.sessions_table}"
        )
        raise Refused("not_a_session_table", message, hint="leave session_cleanup.table out")
    own = _connection_of(database)
    named = _connections(settings).get(database.vendor)
    # The alias's own zone, because Django stores by DATABASES[alias]["TIME_ZONE"] where the database knows no zones.
    convention = Convention(database.time_zone == "UTC", database.time_zone)
    if named is None:
        return SessionTarget(database.vendor, own, project.sessions_table, convention)
    if isinstance(named, Server):
        named = like_the_project(named, own)
    return SessionTarget(database.vendor, named, project.sessions_table, convention, project_connection=own)


def _unanswered(project: Project, database: Database | None) -> MaintenanceError:
    reasons = [trouble.text for trouble in project.troubles] + ([project.ending] if project.ending else [])
    if database is not None and database.vendor:
        reasons.insert(0, f"the alias {database.alias} uses {database.vendor}, which is not known here")
    message = "the Django project did not say where its sessions are"
    hint = "mend the project's settings, or set session_cleanup.engine and use_tz"
    return MaintenanceError("django", f"{message}: {reasons[0]}" if reasons else message, hint=hint)


def like_the_project(named: Server, own: Connection) -> Server:
    """The named connection, into the project's database and with its search path where it says nothing else."""
    if not isinstance(own, Server):
        return named
    return named._replace(login_db=named.login_db or own.login_db, libpq_options=own.libpq_options)


def _connection_of(database: Database) -> Connection:
    if database.vendor == "sqlite":
        return SQLiteFile(database.name)
    if "service" in database.options:
        # Where it leads is written in files of the project's own account: our guess could be another server.
        message = f"the project reaches {database.alias} by a service of pg_service.conf, which is not followed here"
        hint = "name host, port and database in DATABASES; or set session_cleanup.engine and the section postgresql"
        raise Refused("not_configured", message, hint=hint)
    socket = database.host if database.host.startswith("/") else database.options.get("unix_socket")
    return Server(
        login_host=None if socket else database.host or None,
        login_unix_socket=socket,
        login_port=int(database.port) if database.port.isdigit() else None,
        login_user=database.user or None,
        login_password=database.password if database.password.reveal() else None,
        login_db=database.name,
        config_file=database.options.get("read_default_file"),
        passfile=database.options.get("passfile"),
        libpq_options=database.options.get("options"),
        own_account=True,
    )


def _connections(settings: Settings) -> dict[str, Connection]:
    options = settings.session_cleanup
    found = {"mysql": options.mysql, "postgresql": options.postgresql, "sqlite": settings.sqlite}
    return {engine: connection for engine, connection in found.items() if connection is not None}
