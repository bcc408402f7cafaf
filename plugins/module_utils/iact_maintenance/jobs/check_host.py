"""List what this host lacks for its settings, with what to do. Nothing is changed, and no server is contacted."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from ..django import client
from ..dumps.table import DUMPERS
from ..engines.table import DRIVERS, ENDPOINTS
from ..errors import MaintenanceError, ToolMissing
from ..host import Host
from ..permissions import advice, current_account, obstacle
from ..processes import Command, Limits
from ..report import Finding, Report
from ..sections.connections import Server
from ..settings import Settings

NAME = "check_host"
_USUAL_ACCOUNT = "iact"
_PYTHON_SECONDS = 20.0
_DIRECTORY_CODES = {
    "state_directory": "no_state_directory",
    "backup.directory": "unsafe_directory",
    "health.log_directory": "no_directory",
}


class Subject(NamedTuple):
    """What is checked: a host and its settings. `account` runs the jobs."""

    settings: Settings
    host: Host
    account: str

    @property
    def group(self) -> str:
        """Return the primary group of the account; a new account's has its name."""
        account = self.host.account(self.account)
        return (self.host.group_name(str(account.pw_gid)) if account else None) or self.account


def report(settings: Settings, host: Host) -> Report:
    """Return one finding for each thing that is missing; exit status 1 if a job cannot work without it."""
    # Root runs no job: without a name the role's usual account is meant.
    usual = _USUAL_ACCOUNT if host.effective_user_id() == 0 else current_account()
    subject = Subject(settings, host, settings.user or usual)
    findings = [finding for check in _CHECKS for finding in _findings(check, subject)]
    missing = [finding for finding in findings if finding.severity == "critical"]
    if not missing:
        return Report(NAME, "this host has what its settings need", tuple(findings))
    names = ", ".join(dict.fromkeys(finding.subject for finding in missing))
    summary = f"this host lacks what its settings need: {names}"
    return Report(NAME, summary, tuple(findings), exit_status=1, error_code=missing[0].code)


def _findings(check: Callable[[Subject], Iterator[Finding]], subject: Subject) -> Iterator[Finding]:
    """Yield what a check says; trouble in one must not hide what the others say."""
    try:
        yield from check(subject)
    except MaintenanceError as error:
        yield _lacks(error.subject or "host", error)


def _lacks(subject: str, error: MaintenanceError) -> Finding:
    return Finding("critical", error.code, subject=subject, message=error.message, hint=error.hint)


def _attempt(subject: str, action: Callable[[], object]) -> Iterator[Finding]:
    """Yield the trouble of one action, if it has any."""
    try:
        action()
    except MaintenanceError as error:
        yield _lacks(subject, error)


def _config(subject: Subject) -> Iterator[Finding]:
    if subject.settings.is_empty:
        hint = "let the role write it, or start from the output of `iact-maintenance check-config --example`"
        message = "there is no config file, so nothing is configured"
        yield Finding("critical", "not_configured", subject="config", message=message, hint=hint)


def _account(subject: Subject) -> Iterator[Finding]:
    name = subject.settings.user
    if name is None:
        message = f"the settings name no user: each job runs as the account that starts it, here {current_account()}"
        hint = "set user to the account that cron starts the jobs with"
        yield Finding("info", "no_user", subject="user", message=message, hint=hint)
        return
    account = subject.host.account(name)
    if account is None:
        hint = f"create it (adduser --system --group {name}), or correct user in the config file; the role does both"
        message = f"there is no account {name} on this host"
        yield Finding("critical", "no_account", subject="user", message=message, hint=hint)
    elif account.pw_uid == 0:
        message = f"user is {name}, and the jobs do not run as root"
        yield Finding("critical", "bad_option", subject="user", message=message, hint="set another account")


def _directories(subject: Subject) -> Iterator[Finding]:
    settings, backup = subject.settings, subject.settings.backup
    yield from _directory(subject, "state_directory", settings.state_directory, "0750")
    if backup.is_configured and not (backup.create_directory and not os.path.lexists(backup.directory)):
        yield from _directory(subject, "backup.directory", backup.directory, "0700")
    if settings.health.log_directory:
        yield from _directory(subject, "health.log_directory", settings.health.log_directory, "0755")
    if backup.log_directory:
        yield from _readable("backup.log_directory", backup.log_directory, os.R_OK | os.X_OK)


def _directory(subject: Subject, option: str, path: str, mode: str) -> Iterator[Finding]:
    """Yield whether a directory of the jobs' own is missing, is something else, or cannot be written to."""
    code, problem = _DIRECTORY_CODES[option], ""
    hint = f"install -d -m {mode} -o {subject.account} -g {subject.group} {path}"
    if not os.path.lexists(path):
        problem = "does not exist"
    elif not os.path.isdir(path):
        problem, hint = "is not a directory", f"move it away, or correct {option}"
    elif obstacle(path) is not None:
        problem, hint = f"cannot be used by {current_account()}", advice(path, PermissionError(errno.EACCES, ""))
    if problem:
        yield Finding("critical", code, subject=option, message=f"{path} {problem}", hint=hint)


def _readable(option: str, path: str, wanted: int) -> Iterator[Finding]:
    """Yield whether somebody else's file or directory is missing, or cannot be used as `wanted`."""
    if os.access(path, wanted):
        return
    number = errno.EACCES if os.path.lexists(path) else errno.ENOENT
    is_written = os.access(path, os.R_OK)
    use = "written" if is_written else "read"
    message = f"{path} cannot be {use} by {current_account()}: {os.strerror(number)}"
    hint = advice(path, OSError(number, ""), option=option, is_shared=True, is_written=bool(wanted & os.W_OK))
    yield Finding("critical", "unreadable", subject=option, message=message, hint=hint)


def _connections(subject: Subject) -> Iterator[Finding]:
    for engine, check_driver in DRIVERS.items():
        servers = _servers(subject.settings, engine)
        if servers:
            yield from _attempt(engine, check_driver)
        for name, server in servers.items():
            yield from _attempt(name, partial(ENDPOINTS[engine], server, subject.host))


def _servers(settings: Settings, engine: str) -> dict[str, Server]:
    """Return the connections of an engine by the section that names them, the shared one once."""
    servers: dict[str, Server] = {}
    for job in ("session_cleanup", "health", "backup", "restore"):
        server = getattr(settings, job).servers.get(engine)
        if server is not None:
            servers.setdefault(f"{job}.{engine}" if server.own_account else engine, server)
    return servers


def _programs(subject: Subject) -> Iterator[Finding]:
    backup, host = subject.settings.backup, subject.host
    for dumper in DUMPERS.values():
        if dumper.is_wanted(subject.settings):
            yield from _attempt(dumper.engine, partial(dumper.require_programs, host))
    if backup.is_configured:
        yield from _optional(host, "zstd", "members of archives are compressed with gzip, which is slower")
    yield from _optional(host, "crontab", "no job is started by itself", package="cron")


def _optional(host: Host, name: str, loss: str, package: str = "") -> Iterator[Finding]:
    try:
        host.find_tool(name)
    except ToolMissing as error:
        hint = f"apt-get install {package or name}"
        yield Finding("warning", error.code, subject=name, message=f"{error.message}: {loss}", hint=hint)


def _sqlite(subject: Subject) -> Iterator[Finding]:
    settings = subject.settings
    if settings.sqlite is not None:
        wanted = os.R_OK if settings.sqlite.read_only else os.R_OK | os.W_OK
        yield from _readable("sqlite.path", settings.sqlite.path, wanted)
    for path in settings.backup.sqlite_files:
        yield from _readable("backup.sqlite_files", path, os.R_OK)


def _django(subject: Subject) -> Iterator[Finding]:
    django, host = subject.settings.django, subject.host
    if django is None:
        return
    trouble = list(_attempt("django", lambda: client.check_place(django)))
    yield from trouble
    yield from _attempt("django.env_file", lambda: client.read_env_file(django.env_file))
    if not trouble:
        yield from _attempt("django.python", lambda: _run_python(host, django.python))


def _run_python(host: Host, path: str) -> None:
    """Raise MaintenanceError if the project's Python does not run."""
    done = host.run(Command((path, "-I", "-B", "-c", "")), Limits(_PYTHON_SECONDS))
    if done.status:
        hint = "make the project's virtual environment again, or correct django.python"
        raise MaintenanceError("no_python", f"the project's Python does not run: {done.reason}", hint=hint)


_CHECKS = (_config, _account, _directories, _connections, _programs, _sqlite, _django)
