"""Run the job of a command line: settings, account, job, report."""

from __future__ import annotations

import contextlib
import os
import pwd
import sys
from collections.abc import Callable

from .. import account, config_file, limits, permissions
from ..host import Host
from ..jobs import check_config, table
from ..jobs.model import Mode
from ..jobs.runner import run
from ..report import Report
from ..secret import printable
from ..settings import COMMAND_LINE, Layer, Settings
from . import terminal
from .flags import Parsed

CHECK_HOST = "check_host"
_LONGEST_NAME = 64


def perform(parsed: Parsed) -> Report:
    """Return the report of the requested job, run as the user that the settings name.

    Raise MaintenanceError, and Interrupted for a signal before the job began.
    """
    if parsed.job in check_config.DOCUMENTS:
        return check_config.document(parsed.job)
    limits.check()
    host = Host()
    settings = config_file.load(host, parsed.config, Layer(COMMAND_LINE, parsed.options))
    permissions.run_for(settings.user)
    if parsed.must_ask:
        # Before any database is contacted, because without a terminal nobody could answer.
        terminal.require()
    if parsed.job == check_config.NAME:
        return check_config.report(settings)
    work = _work(parsed, settings, host)
    # Without the account, the check of the host says so itself.
    is_possible = parsed.job != CHECK_HOST or host.account(str(settings.user)) is not None
    if is_possible and account.must_become(settings.user):
        account.become(str(settings.user))
    return work()


def _work(parsed: Parsed, settings: Settings, host: Host) -> Callable[[], Report]:
    """Return the function for the command; everything that it needs is imported before the user changes."""
    if parsed.command == "grants":
        from ..jobs import grants

        return lambda: grants.report(settings, host, parsed.argument)
    if parsed.job == CHECK_HOST:
        from ..jobs import check_host

        return lambda: check_host.report(settings, host)
    job = table.job(parsed.job)
    # Now, because it is unknown after the user changed.
    mode = _mode(parsed)
    return lambda: run(job, settings, host, mode)


def _person() -> str:
    """Return the user who typed the command; with sudo the name that sudo gives."""
    with contextlib.suppress(KeyError):
        return printable(os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name, _LONGEST_NAME)
    return f"uid {os.getuid()}"


def _mode(parsed: Parsed) -> Mode:
    confirm = terminal.confirm if parsed.must_ask else None
    progress = terminal.Progress(sys.stderr) if not (parsed.json or parsed.scheduled or parsed.quiet) else None
    shown = progress.show if progress is not None and progress.wanted else lambda text: None
    mode = Mode(dry_run=parsed.dry_run, scheduled=parsed.scheduled, confirm=confirm, progress=shown)
    return mode._replace(started_by="cron") if parsed.scheduled else mode._replace(user=_person())
