"""The credentials files of a site: their paths, their content, and existing files that the role did not write."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..engines import option_file, password_file
from ..files import close, open_existing
from ..formatting import plural
from ..secret import Secret
from ..sections.table import JOB_SECTIONS
from .places import MARKER
from .refusal import Refusal
from .variables import PREFIX, Site, secret_text

_LARGEST_BYTES = 1024 * 1024
_SECTION = re.compile(r"\s*(\[[^\]]*\])")
_KEY = re.compile(r"\s*([A-Za-z_-]+)\s*=")
# Names of the address and account options in an option file of MySQL.
_CLIENT_NAMES = {
    "login_host": "host",
    "login_port": "port",
    "login_unix_socket": "socket",
    "login_user": "user",
    "login_password": "password",
}
# Hosts that libpq and the command call localhost in a password file.
_USUAL_SOCKETS = ("/var/run/postgresql", "/run/postgresql")


class Kind(NamedTuple):
    """The names of an engine's credentials files: in a home, for a job's own account, and the option that names one."""

    engine: str
    home_name: str
    suffix: str
    option: str


KINDS = (Kind("mysql", ".my.cnf", "cnf", "config_file"), Kind("postgresql", ".pgpass", "pgpass", "passfile"))


class CredentialsFile(NamedTuple):
    """A file that the role writes: for the shared connection (`job` is empty) or for a job's own."""

    kind: Kind
    job: str
    path: str
    connection: Mapping[str, Any]
    variable: str


class Present(NamedTuple):
    """A credentials file on the host: whether the role wrote it, and the names in it, without values."""

    path: str
    is_ours: bool
    names: str


def wanted(site: Site, home: str) -> list[CredentialsFile]:
    """Return the file of each account with a password: shared ones and those of single jobs."""
    return [file for kind in KINDS for job in ("", *JOB_SECTIONS) if (file := _file(site, home, kind, job))]


def _file(site: Site, home: str, kind: Kind, job: str) -> CredentialsFile | None:
    shared = site.sections[kind.engine]
    overrides = site.sections[job].get(kind.engine, {}) if job else shared
    if "login_password" not in overrides:
        return None
    variable = f"{PREFIX}{job}_{kind.engine}.login_password" if job else f"{PREFIX}{kind.engine}_login_password"
    return CredentialsFile(kind, job, _path(overrides, home, kind, job), {**shared, **overrides}, variable)


def _path(overrides: Mapping[str, Any], home: str, kind: Kind, job: str) -> str:
    usual = f".iact/{job}.{kind.suffix}" if job else kind.home_name
    return str(overrides.get(kind.option) or f"{home}/{usual}")


def shared_paths(site: Site, home: str) -> dict[str, str]:
    """Return the path of each engine's shared credentials, whether or not the role writes them."""
    return {kind.engine: _path(site.sections[kind.engine], home, kind, "") for kind in KINDS}


def places(site: Site, home: str) -> list[str]:
    """Return every possible path of credentials, for all jobs, because a removal may have fewer variables."""
    jobs = [f"{home}/.iact/{job}.{kind.suffix}" for job in JOB_SECTIONS for kind in KINDS]
    paths = [file.path for file in wanted(site, home)]
    return list(dict.fromkeys([*paths, *shared_paths(site, home).values(), *jobs]))


def content(file: CredentialsFile) -> str:
    """Return the text of a file, written by the code that also reads such files. Raise Refused for invalid values."""
    connection = {name: secret_text(value) for name, value in file.connection.items()}
    if file.kind.engine == "mysql":
        named = {name: str(connection[option]) for option, name in _CLIENT_NAMES.items() if option in connection}
        return f"{MARKER}\n{option_file.render(named)}"
    return f"{MARKER}\n{password_file.render(_password(connection), _server(connection))}"


def _password(connection: Mapping[str, Any]) -> Secret:
    return Secret(str(connection["login_password"]))


def _server(connection: Mapping[str, Any]) -> tuple[str, str, str, str]:
    socket = connection.get("login_unix_socket")
    host = "localhost" if socket in _USUAL_SOCKETS else socket or connection.get("login_host") or "127.0.0.1"
    return str(host), str(connection.get("login_port") or "*"), "*", str(connection.get("login_user") or "*")


def unwritable(files: list[CredentialsFile]) -> Iterator[Refusal]:
    """Return the passwords that their engine's file cannot hold."""
    for file in files:
        if file.kind.engine == "postgresql" and re.search("[\r\n]", str(file.connection["login_password"])):
            message = (
                f"{file.variable} holds a line break, which PostgreSQL's programs cannot take from a password file; "
                "give the account another password"
            )
            yield Refusal("bad_password", message, file.variable)


def present(paths: list[str]) -> list[Present]:
    """Return those of the files that exist, without values."""
    return [file for path in paths if os.path.lexists(path) and (file := _present(path))]


def _present(path: str) -> Present | None:
    try:
        descriptor = open_existing(path)
    except FileNotFoundError:
        return None
    except OSError:
        return Present(path, False, "what cannot be read, or is a link")
    try:
        # Reading a FIFO that the account created would block.
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Present(path, False, "no text, since it is not a file")
        with open(descriptor, "rb", closefd=False) as stream:
            text = stream.read(_LARGEST_BYTES).decode("utf-8", "replace")
    finally:
        close(descriptor)
    lines = text.split("\n")
    is_ours = lines[0] == MARKER
    return Present(path, is_ours, "" if is_ours else _names(path, lines))


def _names(path: str, lines: list[str]) -> str:
    """Return the names of sections and keys; for a password file, which has none, the number of lines."""
    matches = [match for line in lines for match in [_SECTION.match(line) or _KEY.match(line)] if match]
    number = sum(1 for line in lines if line.strip())
    if not matches or path.endswith("pgpass"):
        return plural(number, "line")
    return " ".join(match[1] for match in matches)


def foreign(site: Site, files: list[CredentialsFile], existing: list[Present]) -> Iterator[Refusal]:
    """Return the files that the role would replace and did not write."""
    if site.credentials == "keep":
        return
    paths = {file.path for file in files}
    for each in existing:
        if each.path in paths and not each.is_ours:
            message = (
                f"the role did not write {each.path} and would replace it; it holds {each.names}. Set "
                f"{PREFIX}credentials to keep to use it unchanged, or move it away"
            )
            yield Refusal("foreign_credentials", message, f"{PREFIX}credentials")
