"""Which database holds the sessions, and how the site stores times in it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import NamedTuple

from ..django import client, takeover
from ..django.project import Database, Project
from ..django.session_store import needs_no_table, tells_no_table
from ..engines.facts import Convention, Sessions
from ..engines.table import SESSION_STORES
from ..errors import DatabaseFault, MaintenanceError, Refused
from ..host import Host
from ..sections.connections import Connection, Server
from ..settings import Settings

_ASKING_SECONDS = 60.0
_DATABASE = frozenset({"database", "schema", "path"})


class NoSessionTable(Exception):
    """The project keeps no sessions in a table; the text says where it keeps them."""


class SessionTarget(NamedTuple):
    """Where the sessions are: engine, connection, table and time convention.

    `project_connection` is the Django project's own connection, if the config file has another one. `schema` is the
    schema of the table; `identity` is the database and schema that every connection must lead to.
    """

    engine: str
    connection: Connection
    table: str
    convention: Convention
    project_connection: Connection | None = None
    schema: str | None = None
    identity: Mapping[str, object] | None = None

    def check_writable(self) -> None:
        """Raise Refused if the settings forbid deleting rows there."""
        if self.connection.read_only:
            hint = "set session_cleanup.engine to the engine of the database that holds the sessions"
            raise Refused(
                "read_only", f"{self.engine}.read_only is true, so a session cleanup is not allowed", hint=hint
            )

    def identified(self, host: Host) -> SessionTarget:
        """Return the target with the identity that the project's own connection leads to, if it has one.

        The servers are asked, because comparing names would refuse `localhost` against `127.0.0.1` and every proxy.
        Raise MaintenanceError if the project's connection does not lead to a database.
        """
        if self.project_connection is None:
            return self
        try:
            with closing(self._open(self.project_connection, host, writable=False)) as project:
                return self.pinned(project)
        except DatabaseFault as fault:
            fault.message = f"by the Django project's own connection: {fault.message}"
            raise

    def pinned(self, sessions: Sessions) -> SessionTarget:
        """Return the target with the identity of an open connection, unless it is known.

        The search path is used only here: every later connection names the schema.
        """
        if self.identity is not None:
            return self
        identity = sessions.identity(self.table)
        # A table that does not exist has no schema.
        schema = str(identity["schema"] or "") if "schema" in identity else self.schema
        return self._replace(identity=identity, schema=schema)

    def open(self, host: Host, *, writable: bool) -> Sessions:
        """Return an open connection to it. Raise DatabaseFault; `wrong_database` if it leads to another database."""
        opened = self._open(self.connection, host, writable)
        try:
            self._check_place(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    def _open(self, connection: Connection, host: Host, writable: bool) -> Sessions:
        opening = SESSION_STORES[self.engine]
        return opening(connection, host, self.convention, writable=writable, schema=self.schema)

    def _check_place(self, sessions: Sessions) -> None:
        if self.identity is None:
            return
        ours, asked = sessions.identity(self.table), self.project_connection is not None
        # One address may lead to several servers of a cluster; two different connections must lead to the same one.
        names = self.identity if asked else _DATABASE.intersection(self.identity)
        if any(ours.get(name) != self.identity[name] for name in names):
            way = (f"the section {self.engine}", "the Django project") if asked else ("a connection", "the one before")
            raise DatabaseFault(
                "wrong_database",
                f"{way[0]} leads to {_shown(ours)}, {way[1]} to {_shown(self.identity)}",
                hint=f"correct the section {self.engine} of the config file",
            )


def _shown(identity: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in identity.items())


def session_target(settings: Settings, host: Host) -> SessionTarget:
    """Return the database that holds the sessions; the Django project is asked if `engine` is `auto`.

    Raise Refused if the settings do not say, MaintenanceError if the project cannot answer.
    """
    options = settings.session_cleanup
    if options.engine == "auto" and settings.django is not None:
        return target_of(settings, client.ask(host, settings.django, _ASKING_SECONDS, servers=False))
    target = configured_target(settings)
    if options.use_tz is None and target.engine != "postgresql":
        hint = "set session_cleanup.use_tz, and time_zone if it is false; or set the section django"
        message = f"it is not known how the project stores times, and columns of {target.engine} do not show it"
        raise Refused("not_configured", message, hint=hint)
    return target


def configured_target(settings: Settings) -> SessionTarget:
    """Return the database that the settings name. Raise Refused."""
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
        raise Refused("not_configured", "no database is configured that is not read_only", hint=hint)
    hint = "set session_cleanup.engine, or the section django"
    raise Refused("not_configured", f"several databases are configured: {', '.join(sorted(writable))}", hint=hint)


def target_of(settings: Settings, project: Project) -> SessionTarget:
    """Return the database in which the project keeps its sessions, with the settings' connection.

    Raise NoSessionTable, or MaintenanceError if the project cannot say.
    """
    elsewhere = needs_no_table(project)
    if elsewhere:
        raise NoSessionTable(elsewhere)
    database = project.database(project.sessions_alias)
    if database is None or database.vendor not in SESSION_STORES or not database.time_zone:
        raise _unanswered(project, database)
    schema, table = takeover.table_of(database, project.sessions_table)
    named_table = settings.session_cleanup.table
    is_named = settings.sources.get("session_cleanup.table", "default") != "default"
    if is_named and named_table not in (table, project.sessions_table):
        message = f"session_cleanup.table is {named_table}, but the project's session table is {project.sessions_table}"
        raise Refused("not_a_session_table", message, hint="remove session_cleanup.table")
    of_project = takeover.connection_of(database, project.trouble("connection", database.alias))
    named = _connections(settings).get(database.vendor)
    # The alias's own zone, because Django stores by DATABASES[alias]["TIME_ZONE"] if the database stores no zones.
    convention = Convention(database.time_zone == "UTC", database.time_zone)
    if named is None:
        return SessionTarget(database.vendor, of_project, table, convention, schema=schema)
    if isinstance(named, Server):
        named = like_the_project(named, of_project)
    return SessionTarget(database.vendor, named, table, convention, project_connection=of_project, schema=schema)


def _unanswered(project: Project, database: Database | None) -> MaintenanceError:
    """Return the error for a project that does not say where its sessions are, with the project's reason."""
    message = "the Django project's answer does not say where its sessions are"
    hint = "correct the project's settings, or set session_cleanup.engine and use_tz"
    steps = ("session_engine", "sessions", "applications", "settings")
    told = [text for text in (*(project.trouble(step) for step in steps), project.ending) if text]
    if tells_no_table(project):
        told = [f"{project.session_engine} has no get_model_class"]
        hint = "set session_cleanup.engine, session_cleanup.table and session_cleanup.use_tz"
    elif database is not None and database.vendor:
        told = [f"the alias {database.alias} uses {database.vendor}, which is not supported"]
    elif database is None and project.sessions_alias:
        told.append(f"its router sends them to the alias {project.sessions_alias}, for which DATABASES has no ENGINE")
    told += [each.text for each in project.troubles]
    reason = told[0] if told else ""
    return MaintenanceError("django", f"{message}: {reason}" if reason else message, hint=hint)


def like_the_project(named: Server, of_project: Connection) -> Server:
    """Return the named connection, with the project's database and search path unless it has its own."""
    if not isinstance(of_project, Server):
        return named
    return named._replace(login_db=named.login_db or of_project.login_db, libpq_options=of_project.libpq_options)


def _connections(settings: Settings) -> dict[str, Connection]:
    return settings.connections(settings.session_cleanup.servers)
