"""The command line as a table: commands, their flags from the option table, and what a line of words means."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from ..about import DEFAULT_CONFIG, NAME
from ..errors import BadOption, Refused
from ..secret import printable
from ..sections.jobs import job_named
from ..sections.table import run_options
from ..values import Option, nearest
from .arranging import arrange, asks_help
from .defaults import Effective, effective, help_of

# Where the word that is no option goes: an option of the same name may be there as well.
_WORD = "word"
_SWITCHES = ("json", "verbose", "quiet", "scheduled", "dry_run", "force", "nagios")


class Command(NamedTuple):
    """A command: its job, the section its flags belong to, whether it can be tried dry, and whether it asks first."""

    name: str
    job: str
    help: str
    example: str
    section: str = ""
    options: tuple[Option, ...] = ()
    positional: Option | None = None
    dry_run: bool = False
    asks: bool = False
    nagios: bool = False
    switches: Mapping[str, tuple[str, str]] = {}
    """Flags that ask for another job instead, by name: the job, and the help."""


def _named(job: str, *names: str) -> tuple[Option, ...]:
    return tuple(option for option in run_options(job) if option.name in names)


def _command(job: str, help_text: str, example: str, options: tuple[Option, ...], **further: Any) -> Command:
    """Return the command of a row of the table of jobs."""
    row = job_named(job)
    return Command(row.command, row.name, help_text, example, row.section, options, asks=row.asks, **further)


_ARCHIVE = Option("archive", "str", "Name of the archive, its absolute path, or latest.", section="restore")

COMMANDS = (
    _command(
        "session_cleanup",
        "delete expired sessions",
        "session-cleanup --days 30 --dry-run",
        run_options("session_cleanup"),
        dry_run=True,
    ),
    _command(
        "health",
        "check the project, the databases, the disks and the jobs",
        "health --verbose",
        run_options("health"),
        nagios=True,
    ),
    _command(
        "backup",
        "save the configured databases and logs into one archive",
        "backup --dry-run",
        run_options("backup"),
        dry_run=True,
    ),
    _command(
        "archives",
        "list the archives and the state of each",
        "archives --verbose",
        _named("backup", "directory"),
        positional=_ARCHIVE._replace(
            help="Name of the archive whose components are listed, or latest. Default: list all archives."
        ),
        dry_run=True,
        switches={"adopt": ("adopt", "take over archives of this host's earlier identity, by host name and servers")},
    ),
    _command(
        "verify",
        "verify an archive, or all archives: read every byte",
        "verify latest",
        _named("backup", "directory"),
        positional=Option(
            "archive", "str", "Name of the archive, its absolute path, latest, or all.", "latest", section="restore"
        ),
    ),
    _command(
        "restore",
        "restore from a verified archive into new databases and directories",
        "restore --components logs --target-directory /var/tmp/restored",
        run_options("restore"),
        positional=_ARCHIVE,
        dry_run=True,
    ),
    _command(
        "prune",
        "delete the archives that the retention settings no longer keep",
        "prune --dry-run",
        _named("backup", "directory", "retention_days", "retention_count", "keep_minimum"),
        dry_run=True,
    ),
    Command(
        "grants",
        "grants",
        "print the GRANT statements with the rights that a job needs on its database servers",
        "grants backup",
        positional=Option("job", "str", "Name of the job: session-cleanup, health, backup or restore."),
    ),
    Command(
        "check-config",
        "check_config",
        "validate the config file and print the effective settings",
        "check-config",
        switches={
            "example": ("example", "print an example config file; no config file is read"),
            "host": ("check_host", "check that this host has what the settings need; nothing is changed"),
            "schema": ("schema", "print the JSON Schema of the config file, for editors; no config file is read"),
        },
    ),
    Command("version", "version", "print the version", "version"),
)


class Parsed(NamedTuple):
    """What a command line asks for: `options` are raw values by section, `argument` a word that is no option."""

    command: str = ""
    job: str = NAME
    options: dict[str, object] = {}
    config: str | None = None
    json: bool = False
    verbose: bool = False
    scheduled: bool = False
    dry_run: bool = False
    force: bool = False
    asks: bool = False
    nagios: bool = False
    quiet: bool = False
    argument: str = ""

    @property
    def must_ask(self) -> bool:
        """Return whether a person has to say yes before anything is done."""
        return self.asks and not self.force and not self.dry_run

    @staticmethod
    def guess(words: Sequence[str]) -> Parsed:
        """Return what is known of a line before it is read in full: the form of the answer, and the job for the log."""
        jobs = {command.name: command.job for command in COMMANDS}
        job = next((jobs[word] for word in words if word in jobs), NAME)
        has = words.__contains__
        return Parsed(job=job, json=has("--json"), scheduled=has("--scheduled"), nagios=has("--nagios"))


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are refusals like every other one: one line, exit status 2."""

    def error(self, message: str) -> NoReturn:
        raise BadOption(printable(message, 200), hint=f"see {self.prog} --help")


def parse(words: Sequence[str]) -> Parsed:
    """Return what the words ask for. Raise BadOption, or Refused for a password among them."""
    _refuse_passwords(words)
    words = arrange(words, [command.name for command in COMMANDS])
    parsed, unknown = _parser(words).parse_known_args(words)
    _refuse_unknown(unknown, parsed)
    rows = {command.name: command for command in COMMANDS}
    command = rows.get(parsed.command)
    if command is None:
        raise BadOption("no command was given", hint=f"one of {', '.join(rows)}; see {NAME} --help")
    given = vars(parsed)
    options_of_job = {option.name: given[option.name] for option in command.options if option.name in given}
    options: dict[str, object] = {command.section: options_of_job} if options_of_job else {}
    argument = ""
    if command.positional is not None and given.get(_WORD) is not None:
        word = given[_WORD]
        section, name = command.positional.section, command.positional.name
        if section == command.section and name in options_of_job:
            raise BadOption(
                f"the {name} is given twice, as {printable(word, 80)} and with --{name}", hint="give it once"
            )
        if section:
            options[section] = {**(options_of_job if section == command.section else {}), name: word}
        else:
            argument = word
    flags = {name: given[name] for name in _SWITCHES if name in given}
    if flags.get("json") and flags.get("nagios"):
        raise BadOption("--json and --nagios exclude each other: only one of them is allowed")
    if flags.get("verbose") and flags.get("quiet"):
        raise BadOption("--verbose and --quiet exclude each other: only one of them is allowed")
    config = given["file"] if given.get("file") is not None else given.get("config")
    switch = next((f"--{name}" for name in command.switches if given.get(name)), "")
    if switch and given.get(_WORD) is not None:
        raise BadOption(
            f"{switch} takes no {command.positional.name if command.positional else 'word'}", hint="leave it out"
        )
    job = next((job for name, (job, _text) in command.switches.items() if given.get(name)), command.job)
    return Parsed(command.name, job, options, config, asks=command.asks, argument=argument)._replace(**flags)


def _refuse_passwords(words: Sequence[str]) -> None:
    """Raise Refused for a password among the words, before anything else, since every process list shows it."""
    flags = [word.partition("=")[0].lower() for word in words if word.startswith("-")]
    # -p is how MySQL's own programs take one; no flag of ours begins with it.
    if any("password" in flag or flag.startswith("-p") for flag in flags):
        raise Refused(
            "secret_on_command_line",
            "a password on the command line can be read by everyone on this host",
            hint="put it into ~/.my.cnf or ~/.pgpass, mode 0600",
        )


def _refuse_unknown(unknown: list[str], parsed: argparse.Namespace) -> None:
    if unknown:
        known = [name for command in COMMANDS if command.name == parsed.command for name in _flag_names(command)]
        word = printable(unknown[0].partition("=")[0], 80)
        if not parsed.command and any(word in _flag_names(command) for command in COMMANDS):
            return
        raise BadOption(
            f"{word} is not an option of {NAME} {parsed.command or ''}".rstrip(),
            hint=nearest(word, known or ["--help"]),
        )


def _flag_names(command: Command) -> list[str]:
    options_of_job = ["--" + option.name.replace("_", "-") for option in command.options if option.kind != "section"]
    shared = ["--config", "--json", "--verbose", "--quiet", "--scheduled"]
    further = {"--dry-run": command.dry_run, "--force": command.asks, "--nagios": command.nagios}
    switches = [f"--{name}" for name in command.switches]
    return [*options_of_job, *switches, *shared, *(flag for flag, has in further.items() if has)]


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        NAME,
        description="Maintain an IACT host: delete expired sessions, check its health, back up and restore its data.",
        epilog=f"Settings: {DEFAULT_CONFIG}. Exit status: 0 success or healthy, "
        "1 failure or not healthy, 2 refused, 75 busy.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("-V", "--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in COMMANDS:
        added = _add(commands, command)
        if words and command.name == words[0]:
            # Only where they are asked for, because of all the commands they are the most work of a start.
            _add_flags(added, command, _known_values(words, command) if asks_help(words) else {})
    return parser


def _add(commands: argparse._SubParsersAction[_Parser], command: Command) -> argparse.ArgumentParser:
    return commands.add_parser(
        command.name,
        help=command.help,
        description=command.help[0].upper() + command.help[1:] + ".",
        epilog=f"Example: {NAME} {command.example}",
        # Else a long example is broken in two and cannot be copied.
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )


def _known_values(words: Sequence[str], command: Command) -> Mapping[str, Effective]:
    """Return what the config file sets of a command's options; the file is the one that the line names."""
    place = words.index("--config") if "--config" in words else len(words)
    named = next((word.partition("=")[2] for word in words if word.startswith("--config=")), None)
    return effective(command.section, named or next(iter(words[place + 1 : place + 2]), None))


def _add_flags(parser: argparse.ArgumentParser, command: Command, known: Mapping[str, Effective]) -> None:
    if command.name == "check-config":
        parser.add_argument("file", nargs="?", metavar="FILE", help=f"config file to check (default {DEFAULT_CONFIG})")
    if command.positional is not None:
        metavar = command.positional.name.upper()
        parser.add_argument(_WORD, nargs="?", metavar=metavar, help=help_of(command.positional, {}))
    for option in command.options:
        _add_option(parser, option, known)
    # One of them, because a second one would be ignored; argparse cannot show a group without any.
    switches = parser.add_mutually_exclusive_group() if command.switches else parser
    for name, (_job, text) in command.switches.items():
        switches.add_argument(f"--{name}", action="store_true", help=text)
    if command.dry_run:
        parser.add_argument("-n", "--dry-run", action="store_true", help="print what would be done; nothing is changed")
    if command.asks:
        parser.add_argument("--force", action="store_true", help="do not ask for confirmation")
    if command.nagios:
        parser.add_argument("--nagios", action="store_true", help="print Nagios plugin output and exit with its status")
    parser.add_argument("--config", metavar="FILE", help=f"config file (default {DEFAULT_CONFIG})")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON document")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every message and figure")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only warnings and faults, and no progress")
    parser.add_argument(
        "--scheduled", action="store_true", help="for cron and timers: no question, no colour, no progress"
    )


def _add_option(parser: argparse.ArgumentParser, option: Option, known: Mapping[str, Effective]) -> None:
    flag = "--" + option.name.replace("_", "-")
    if option.kind == "section":
        return
    if option.kind == "bool":
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=help_of(option, known))
    else:
        # Every value stays text: one parser of values serves flags, config file and modules alike.
        parser.add_argument(flag, metavar=option.kind.upper(), help=help_of(option, known))
