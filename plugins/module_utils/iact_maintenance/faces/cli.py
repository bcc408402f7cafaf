"""The command `iact-maintenance`: flags in, one report out. The only place that decides an exit status."""

from __future__ import annotations

import sys
from dataclasses import replace

from .. import account, config_file, guards
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


def main(arguments: list[str] | None = None) -> int:
    """The exit status of one command line, after its report was printed."""
    try:
        return _main(sys.argv[1:] if arguments is None else arguments)
    except Exception as fault:
        # The report itself could not be made or shown; a traceback could show a password.
        terminal.write(sys.stderr, f"{NAME}: {internal(NAME, fault).summary}\n")
        return 1


def _main(words: list[str]) -> int:
    terminal.secure_streams()
    guards.protect()
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
    # Before the report is shown, because whoever reads it may never read on.
    guards.release()
    return _present(stamped(report, host), parsed)


def _perform(parsed: Parsed, host: Host) -> Report:
    if parsed.command == "version":
        return Report("version", f"{NAME} {VERSION}", facts={"version": VERSION})
    settings = config_file.load(host, parsed.config, Layer(COMMAND_LINE, parsed.options))
    if parsed.must_ask:
        # Before any database is asked, because without a terminal nobody could answer.
        terminal.require()
    if parsed.command == "check-config":
        return check_config.report(settings)
    job = table.job(parsed.job)
    if account.must_become(settings.user):
        account.become(str(settings.user))
    return run(job, settings, host, _mode(parsed, settings))


def _mode(parsed: Parsed, settings: Settings) -> Mode:
    confirm = terminal.confirm if parsed.must_ask else None
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
