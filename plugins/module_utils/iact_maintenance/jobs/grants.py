"""Print the statements that give the accounts of this site the rights that a job needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..dumps.table import DUMPERS
from ..engines.endpoint import Endpoint, is_loopback
from ..engines.required_rights import REQUIRED, RESTORE_ACCOUNT, Account, Subject, creation_once, password, statements
from ..engines.table import ENDPOINTS
from ..errors import BadOption, MaintenanceError
from ..host import Host
from ..report import Finding, Report
from ..secret import printable
from ..sections.connections import Server
from ..sections.table import JOB_SECTIONS
from ..sessions.target import NoSessionTable, configured_target, session_target
from ..settings import Settings
from ..values import nearest

NAME = "grants"


class Need(NamedTuple):
    """The rights that one account needs on one server: `need` is a key of `required_rights`.

    `server` is the account's own connection; if there is none yet, `near` is another one to the same server.
    """

    engine: str
    need: str
    server: Server | None
    subject: Subject
    near: Server | None = None


def report(settings: Settings, host: Host, word: str) -> Report:
    """Return the statements for a job, to be run by an administrator on its servers. Raise MaintenanceError.

    Nothing is changed and no server is contacted; the Django project may be, to find its sessions.
    """
    job = word.replace("-", "_")
    if job not in JOB_SECTIONS:
        message = f"{printable(word, 80)} is not a job" if word else "no job was given"
        raise BadOption(message, hint=nearest(word, [name.replace("_", "-") for name in JOB_SECTIONS]))
    needs = list(_needs(settings, host, job))
    lines = [line for engine in REQUIRED for line in _script(host, job, engine, needs)]
    if not lines:
        message = f"{word} uses no MySQL, MariaDB or PostgreSQL here, so there are no rights to grant"
        hint = "an SQLite file needs write access for the account that runs the jobs"
        return Report(
            NAME,
            message,
            (Finding("info", "no_server", subject=job, message=message, hint=hint),),
            facts={"statements": []},
        )
    return Report(NAME, f"rights for {word}: run as administrator of the server", facts={"statements": lines})


def _needs(settings: Settings, host: Host, job: str) -> Iterator[Need]:
    if job in ("session_cleanup", "health"):
        return _of_sessions(settings, host, job)
    return _of_backup(settings) if job == "backup" else _of_restore(settings)


def _of_sessions(settings: Settings, host: Host, job: str) -> Iterator[Need]:
    try:
        asked = settings.session_cleanup.engine == "auto" and settings.django is not None
        target = session_target(settings, host) if asked else configured_target(settings)
    except NoSessionTable:
        return
    options = settings.health if job == "health" else settings.session_cleanup
    server = options.servers.get(target.engine)
    if server is None and isinstance(target.connection, Server):
        server = target.connection
    if server is not None:
        connection = target.connection if isinstance(target.connection, Server) else server
        database = server.login_db or connection.login_db or ""
        yield Need(target.engine, job, server, Subject(database, target.table, target.schema or "public"))


def _of_backup(settings: Settings) -> Iterator[Need]:
    backup = settings.backup
    for engine in REQUIRED:
        server = backup.servers.get(engine)
        if server is None:
            continue
        for table in backup.tables:
            yield Need(engine, "backup_table", server, Subject(server.login_db or "", table))
        for database in DUMPERS[engine].named(backup):
            yield Need(engine, "backup_database", server, Subject(database))


def _of_restore(settings: Settings) -> Iterator[Need]:
    for engine in REQUIRED:
        server, saved = settings.restore.servers.get(engine), settings.backup.servers.get(engine)
        if server or saved:
            yield Need(engine, "restore", server, Subject(), near=saved)


def _script(host: Host, job: str, engine: str, needs: list[Need]) -> list[str]:
    """Return the lines for one kind of server: a comment, the account, its distinct rights, its password."""
    engine_needs = [need for need in needs if need.engine == engine]
    if not engine_needs:
        return []
    account, place, database = _account(host, engine_needs[0])
    rights: list[str] = []
    for need in engine_needs:
        subject = need.subject._replace(database=need.subject.database or database or "DATABASE")
        is_own = need.server is None or need.server.own_account
        rights += statements(engine, need.need, account, subject, own_account=is_own)
    title, shown = REQUIRED[engine].title, REQUIRED[engine].about(account)
    variable = (
        f"iact_maintenance_{job}_{engine}" if engine_needs[0].need == "restore" else f"iact_maintenance_{engine}_…"
    )
    last = f"-- then its password, which the role takes from {variable}: {password(engine, account)}"
    return [
        line
        for line in (f"-- {title} at {place}", shown, creation_once(engine, account), *dict.fromkeys(rights), last)
        if line
    ]


def _account(host: Host, need: Need) -> tuple[Account, str, str]:
    """Return the account, the address of its server for people, and its database."""
    endpoint = _endpoint(host, need.engine, need.server or need.near)
    name = endpoint.user if endpoint and need.server else need.server and need.server.login_user
    account = Account(name) if name else RESTORE_ACCOUNT
    if endpoint is None:
        return account, "the server", ""
    local = endpoint.socket is not None or is_loopback(endpoint.host)
    return account._replace(place="localhost" if local else "%"), endpoint.place, endpoint.database or ""


def _endpoint(host: Host, engine: str, server: Server | None) -> Endpoint | None:
    """Return address and account of a connection; None if its credentials file does not exist yet."""
    try:
        return None if server is None else ENDPOINTS[engine](server, host)
    except MaintenanceError:
        return None
