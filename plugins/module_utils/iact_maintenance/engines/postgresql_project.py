"""Connect to PostgreSQL as a Django project's driver does: libpq receives the same parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..host import Host
from ..sections.connections import ProjectConnection, Server
from .credentials import account_name, home_file, read_private
from .endpoint import Endpoint

# libpq's defaults below HOME; set explicitly, because HOME may be another account's.
_HOME_FILES = {
    "passfile": ".pgpass",
    "sslrootcert": ".postgresql/root.crt",
    "sslcert": ".postgresql/postgresql.crt",
    "sslkey": ".postgresql/postgresql.key",
    "sslcrl": ".postgresql/root.crl",
}


def resolve_project(server: Server, project: ProjectConnection, host: Host) -> Endpoint:
    """Return the address of the project's driver. Raise Refused for a password file that is not trustworthy."""
    if server.passfile and server.login_password is None:
        # libpq ignores a file that others can read, and only reports a missing password.
        read_private(host, server.passfile, required=True)
    parameters = {**_home_files(project.parameters, host), **project.parameters}
    account = server.login_user or account_name(host)
    return Endpoint(
        engine="postgresql",
        host=parameters.get("host", ""),
        port=0,
        socket=None,
        user=account,
        password=server.login_password,
        database=server.login_db or account,
        tls="",
        ca_cert=None,
        client_cert=None,
        client_key=None,
        connect_timeout=server.connect_timeout,
        read_only=server.read_only,
        libpq_options=server.libpq_options,
        project=project._replace(parameters=parameters),
    )


def _home_files(parameters: Mapping[str, str], host: Host) -> dict[str, str]:
    missing = {name: home_file(host, path) for name, path in _HOME_FILES.items() if name not in parameters}
    if "sslcrldir" in parameters:
        missing.pop("sslcrl", None)
    return missing


def arguments(endpoint: Endpoint, project: ProjectConnection) -> dict[str, Any]:
    """Return the driver's arguments for address, account and encryption."""
    secret = {"password": endpoint.password.reveal()} if endpoint.password else {}
    return {**project.parameters, "user": endpoint.user, "dbname": endpoint.database, **secret}


def assume_role(project: ProjectConnection | None) -> str:
    """Return the statement with which a transaction assumes the project's role; empty if there is none.

    For the transaction only, so that a pooler gives the role to no other client.
    """
    if project is None or not project.role:
        return ""
    return '; SET LOCAL ROLE "' + project.role.replace('"', '""') + '"'
