"""Change the user: a process of root with a config file that names a user becomes that user first.

So cron, `sudo iact-maintenance health` and `ansible -b -m iact_health` use the same files with the same rights, share
locks and state, and leave no files of root.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable, Mapping

from . import guards
from .errors import BadOption, MaintenanceError
from .secret import printable

_HINT = "correct user in the config file (in the inventory: iact_maintenance_user), or create the account"


def must_become(user: str | None) -> bool:
    """Return whether this is a process of root and the settings name another user."""
    return user is not None and os.geteuid() == 0


def become(user: str) -> None:
    """Change this process to `user` permanently. Raise BadOption."""
    try:
        account = pwd.getpwnam(user)
    except (KeyError, ValueError):
        message = f"user is {printable(user, 80)}: this host has no account with that name"
        raise BadOption(message, hint=_HINT) from None
    if account.pw_uid == 0:
        raise BadOption(f"user is {user}: any account except root is allowed", hint=_HINT)
    os.initgroups(user, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ.update(HOME=account.pw_dir, USER=user, LOGNAME=user)
    # Children would fail in a working directory that only root can enter.
    os.chdir("/")


def run_as(user: str, action: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
    """Return what `action` returns in a forked child that became `user`; it must be plain data. Raise MaintenanceError.

    In a child, because AnsiballZ's zip belongs to root and every later import in the module's process reads it (tried
    on ansible-core 2.19). For the same reason everything must be imported before the call.
    """
    reading, writing = os.pipe()
    alive_reading, alive_writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.close(alive_writing)
        _child(user, action, writing, alive_reading)
    os.close(writing)
    os.close(alive_reading)
    with os.fdopen(reading, "rb") as stream, os.fdopen(alive_writing, "wb"):
        content = stream.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        answer = json.loads(content)
    except ValueError:
        raise MaintenanceError(
            "internal_fault", f"the run as {user} ended with status {status} and no report"
        ) from None
    if "refused" in answer:
        raise BadOption(answer["refused"], hint=answer["hint"])
    result: Mapping[str, object] = answer["result"]
    return result


def _child(user: str, action: Callable[[], Mapping[str, object]], writing: int, alive: int) -> None:
    status = 1
    try:
        guards.protect()
        # The child must not continue after the module was killed or its connection was lost.
        guards.end_with_parent(alive)
        try:
            become(user)
            answer: dict[str, object] = {"result": action()}
        except BadOption as error:
            answer = {"refused": error.message, "hint": error.hint}
        with os.fdopen(writing, "wb") as stream:
            stream.write(json.dumps(answer).encode())
        status = 0
    finally:
        # Never return to the caller's code, because this process is a copy of a module that must end only once.
        os._exit(status)
