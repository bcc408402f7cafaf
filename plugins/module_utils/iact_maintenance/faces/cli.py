"""The command `iact-maintenance`: flags in, one report out. The only place that decides an exit status."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

from .. import account, config_file
from ..about import NAME, VERSION
from ..errors import Interrupted, MaintenanceError, Refused
from ..host import Host
from ..jobs import check_config, table
from ..jobs.runner import Mode, internal, run, stamped
from ..report import Report, report_of
from ..secret import printable
from ..settings import COMMAND_LINE, Layer, Settings
from . import json, nagios, terminal, text
from .flags import Parsed, parse

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: list[str] | None = None) -> int:
    """The exit status of one command line, after its report was printed."""
    try:
        return _main(sys.argv[1:] if arguments is None else arguments)
    except Exception as fault:
        # The report itself could not be made or shown; a traceback could show a password.
        terminal.write(sys.stderr, f"{NAME}: {internal(NAME, fault).summary}\n")
        return 1


def _main(words: list[str]) -> int:
    _prepare_process()
    host = Host()
    # Even a command line that cannot be read is answered in the form it asked for.
    parsed = Parsed.guess(words)
    try:
        parsed = parse(words)
        report = _perform(parsed, host)
    except MaintenanceError as error:
        report = report_of(parsed.job, error)
    except Interrupted as ended:
        report = report_of(parsed.job, MaintenanceError("interrupted", str(ended)))
        report = replace(report, exit_status=ended.exit_status)
    except Exception as fault:
        report = internal(parsed.job, fault)
    # Nothing is left to be put in order: from here a signal just ends the process, also one that waits for its reader.
    _on_signals(signal.SIG_DFL)
    return _present(stamped(report, host), parsed)


def _prepare_process() -> None:
    """Files are private, a crash leaves no memory image with passwords, and a signal ends a run in order."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    terminal.secure_streams()
    _on_signals(_interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _on_signals(_go_on)
    raise Interrupted(number)


def _go_on(number: int, frame: FrameType | None) -> None:
    """Nothing: the run is ending already, and its order must not be disturbed."""


def _on_signals(action: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Sets what an ending signal does, unless whoever started us (nohup, a shell's `&`) had it ignored."""
    for number in _ENDING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, action)


def _perform(parsed: Parsed, host: Host) -> Report:
    if parsed.command == "version":
        return Report("version", f"{NAME} {VERSION}", facts={"version": VERSION})
    settings = config_file.load(host, parsed.config, Layer(COMMAND_LINE, parsed.options))
    if parsed.command == "check-config":
        return check_config.report(settings)
    job = table.job(parsed.job)
    if account.must_become(settings.user):
        account.become(str(settings.user))
    return run(job, settings, host, _mode(parsed, settings))


def _mode(parsed: Parsed, settings: Settings) -> Mode:
    confirm = terminal.confirm if parsed.asks and not parsed.force else None
    progress = terminal.Progress(sys.stderr) if not parsed.json and not parsed.scheduled else None
    shown = progress.show if progress is not None and progress.wanted else lambda said: None
    return Mode(dry_run=parsed.dry_run, scheduled=parsed.scheduled, confirm=confirm, progress=shown)


def _present(report: Report, parsed: Parsed) -> int:
    """The exit status, after the report was written where it belongs."""
    if parsed.nagios:
        terminal.write(sys.stdout, nagios.render(report))
        return nagios.exit_status(report)
    if parsed.json:
        terminal.write(sys.stdout, json.render(report))
        if report.exit_status and not parsed.scheduled:
            terminal.write(sys.stderr, _line(report))
    elif report.exit_status in (Refused.exit_status, 75):
        terminal.write(sys.stderr, _line(report))
    elif parsed.command == "version":
        terminal.write(sys.stdout, report.summary + "\n")
    else:
        colour = terminal.has_colour(sys.stdout) and not parsed.scheduled
        terminal.write(sys.stdout, text.render(report, verbose=parsed.verbose, colour=colour))
    return report.exit_status


def _line(report: Report) -> str:
    """The one line for people: what went wrong and what to do next."""
    hint = next((finding.hint for finding in report.findings if finding.hint), "")
    return f"{NAME}: {printable(report.summary)}" + (f" ({printable(hint)})" if hint else "") + "\n"
