"""The command `iact-maintenance`: flags in, one report out. The only place that decides an exit status."""

from __future__ import annotations

import sys

from .. import guards
from ..about import NAME, VERSION
from ..errors import Interrupted, MaintenanceError, Refused
from ..report import Report, report_of, report_of_fault
from ..secret import printable
from . import json, nagios, terminal, text
from .flags import Parsed, parse


def main(arguments: list[str] | None = None) -> int:
    """The exit status of one command line, after its report was printed."""
    try:
        return _main(sys.argv[1:] if arguments is None else arguments)
    except Interrupted as ended:
        return ended.exit_status
    except Exception as fault:
        # The report itself could not be made or shown; a traceback could show a password.
        terminal.write(sys.stderr, f"{NAME}: {report_of_fault(NAME, fault).summary}\n")
        return 1


def _main(words: list[str]) -> int:
    terminal.secure_streams()
    guards.protect()
    # Even a command line that cannot be read is answered in the form it asked for.
    parsed = Parsed.guess(words)
    try:
        parsed = parse(words)
        report = _answer(parsed)
    except MaintenanceError as error:
        report = report_of(parsed.job, error)
    except Interrupted as ended:
        report = report_of(parsed.job, MaintenanceError("interrupted", str(ended)))
        report = report._replace(exit_status=ended.exit_status)
    except Exception as fault:
        report = report_of_fault(parsed.job, fault)
    # Before the report is shown, because whoever reads it may never read on.
    guards.release()
    return _present(report, parsed)


def _answer(parsed: Parsed) -> Report:
    if parsed.command == "version":
        return Report("version", f"{NAME} {VERSION}", facts={"version": VERSION})
    # Here, so that a question that needs none of it is answered at once.
    from .performing import perform

    return perform(parsed)


def _present(report: Report, parsed: Parsed) -> int:
    """The exit status, after the report was written where it belongs."""
    if parsed.nagios:
        terminal.write(sys.stdout, nagios.render(report))
        return nagios.exit_status(report)
    if parsed.json:
        terminal.write(sys.stdout, json.render(_stamped(report)))
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


def _stamped(report: Report) -> Report:
    from ..host import Host
    from ..jobs.runner import stamped

    return stamped(report, Host())


def _line(report: Report) -> str:
    """The one line for people: what went wrong and what to do next."""
    hint = next((finding.hint for finding in report.findings if finding.hint), "")
    return f"{NAME}: {printable(report.summary)}" + (f" ({printable(hint)})" if hint else "") + "\n"
