"""The command `iact-maintenance`: flags in, one report out. Only this file decides on an exit status."""

from __future__ import annotations

import sys

from .. import guards
from ..about import NAME, VERSION
from ..errors import Interrupted, LockHeld, Refused
from ..report import OK, Report, report_of, stamped
from ..secret import printable
from . import json, nagios, terminal, text
from .flags import Parsed, parse


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status of a command line after printing its report."""
    try:
        return _main(sys.argv[1:] if arguments is None else arguments)
    except Interrupted as ended:
        return ended.exit_status
    except Exception as fault:
        # The report could not be made or written; a traceback could contain a password.
        terminal.write(sys.stderr, f"{NAME}: {report_of(NAME, fault).summary}\n")
        return 1


def _main(words: list[str]) -> int:
    terminal.secure_streams()
    guards.protect()
    # Even an invalid command line is answered in the requested format.
    parsed = Parsed.guess(words)
    try:
        parsed = parse(words)
        report = _answer(parsed)
    except (Exception, Interrupted) as ending:
        report = report_of(parsed.job, ending)
    # Before writing the report, because its reader may block.
    guards.release()
    return _present(report, parsed)


def _answer(parsed: Parsed) -> Report:
    if parsed.command == "version":
        return Report("version", f"{NAME} {VERSION}", facts={"version": VERSION})
    # Imported here to keep other commands fast.
    from .performing import perform

    return perform(parsed)


def _present(report: Report, parsed: Parsed) -> int:
    """Write the report to its destination and return the exit status."""
    if parsed.nagios:
        terminal.write(sys.stdout, nagios.render(report))
        return nagios.exit_status(report)
    if parsed.json:
        terminal.write(sys.stdout, json.render(_stamped(report)))
        if report.exit_status and not parsed.scheduled:
            terminal.write(sys.stderr, _line(report))
    elif report.exit_status in (Refused.exit_status, LockHeld.exit_status):
        terminal.write(sys.stderr, _line(report))
    elif parsed.command == "version":
        terminal.write(sys.stdout, report.summary + "\n")
    elif not (parsed.quiet and report.exit_status == 0 and report.status == OK):
        colour = terminal.has_colour(sys.stdout) and not parsed.scheduled
        terminal.write(sys.stdout, text.render(report, verbose=parsed.verbose, colour=colour))
    return report.exit_status


def _stamped(report: Report) -> Report:
    if report.started_at:
        return report
    from ..host import Host
    from ..timestamps import iso

    host = Host()
    return stamped(report, iso(host.now()), host.name())


def _line(report: Report) -> str:
    """Return one line for people: what failed and what to do."""
    hint = next((finding.hint for finding in report.findings if finding.hint), "")
    return f"{NAME}: {printable(report.summary)}" + (f" ({printable(hint)})" if hint else "") + "\n"
