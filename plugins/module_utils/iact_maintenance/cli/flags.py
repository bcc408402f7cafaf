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
        "look at the project, the databases, the disks and the jobs",
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
        "list the archives and what each is worth",
        "archives --verbose",
        _named("backup", "directory"),
        dry_run=True,
        switches={"adopt": ("adopt", "take over archives of this host's earlier identity, by host name and servers")},
    ),
    _command(
        "verify",
        "read an archive, or all of them, and prove every byte",
        "verify latest",
        _named("backup", "directory"),
        positional=Option(
            "archive", "str", "Name of the archive or its absolute path, latest or all.", "latest", section="restore"
        ),
    ),
    _command(
        "restore",
        "restore from a verified archive, never over anything",
        "restore --components logs --target-directory /var/tmp/restored",
        run_options("restore"),
        dry_run=True,
    ),
    _command(
        "prune",
        "delete the archives that retention no longer keeps",
        "prune --dry-run",
        _named("backup", "directory", "retention_days", "retention_count", "keep_minimum"),
        dry_run=True,
    ),
    Command(
        "grants",
        "grants",
        "print the statements that give a job the rights that it needs on its database servers",
        "grants backup",
        positional=Option("job", "str", "The job: session-cleanup, health, backup or restore."),
    ),
    Command(
        "check-config",
        "check_config",
        "validate the config file and show what it comes to",
        "check-config",
        switches={
            "example": ("example", "print a config file to start from, and read none"),
            "schema": ("schema", "print the JSON Schema of the config file, for editors, and read none"),
        },
    ),
    Command("version", "version", "say which version this is", "version"),
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
    found, unknown = _parser(words).parse_known_args(words)
    _refuse_unknown(unknown, found)
    rows = {command.name: command for command in COMMANDS}
    command = rows.get(found.command)
    if command is None:
        raise BadOption("no command is given", hint=f"one of {', '.join(rows)}; see {NAME} --help")
    given = vars(found)
    own = {option.name: given[option.name] for option in command.options if option.name in given}
    options: dict[str, object] = {command.section: own} if own else {}
    argument = ""
    if command.positional is not None and given.get(command.positional.name) is not None:
        word = given[command.positional.name]
        if command.positional.section:
            options[command.positional.section] = {command.positional.name: word}
        else:
            argument = word
    flags = {
        name: given[name] for name in ("json", "verbose", "scheduled", "dry_run", "force", "nagios") if name in given
    }
    if flags.get("json") and flags.get("nagios"):
        raise BadOption("--json and --nagios exclude each other: one form of the answer is allowed")
    config = given["file"] if given.get("file") is not None else given.get("config")
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


def _refuse_unknown(unknown: list[str], found: argparse.Namespace) -> None:
    if unknown:
        known = [name for command in COMMANDS if command.name == found.command for name in _flag_names(command)]
        word = printable(unknown[0].partition("=")[0], 80)
        if word in known:
            raise BadOption(f"{word} stands before the command", hint=f"write it after {found.command}")
        raise BadOption(
            f"{word} is not an option of {NAME} {found.command or ''}".rstrip(), hint=nearest(word, known or ["--help"])
        )


def _flag_names(command: Command) -> list[str]:
    own = ["--" + option.name.replace("_", "-") for option in command.options if option.kind != "section"]
    shared = ["--config", "--json", "--verbose", "--scheduled"]
    further = {"--dry-run": command.dry_run, "--force": command.asks, "--nagios": command.nagios}
    switches = [f"--{name}" for name in command.switches]
    return [*own, *switches, *shared, *(flag for flag, has in further.items() if has)]


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        NAME,
        description="Looks after an IACT host: expired sessions, health, backups.",
        epilog=f"Settings: {DEFAULT_CONFIG}. Exit status: 0 done or healthy, 1 not, 2 refused, 75 busy.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    asked = next((word for word in words if not word.startswith("-")), "")
    for command in COMMANDS:
        added = _add(commands, command)
        if command.name == asked:
            # Only where they are asked for, because of all the commands they are the most work of a start.
            _add_flags(added, command)
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


def _add_flags(parser: argparse.ArgumentParser, command: Command) -> None:
    if command.name == "check-config":
        parser.add_argument("file", nargs="?", metavar="FILE", help=f"config file to check (default {DEFAULT_CONFIG})")
    if command.positional is not None:
        parser.add_argument(command.positional.name, nargs="?", help=_help(command.positional))
    for option in command.options:
        _add_option(parser, option)
    for name, (_job, text) in command.switches.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    if command.dry_run:
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    if command.asks:
        parser.add_argument("--force", action="store_true", help="do not ask")
    if command.nagios:
        parser.add_argument("--nagios", action="store_true", help="one line and an exit status for Nagios")
    parser.add_argument("--config", metavar="FILE", help=f"config file (default {DEFAULT_CONFIG})")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--verbose", action="store_true", help="print every message and figure")
    parser.add_argument("--scheduled", action="store_true", help="started by a timer: no question, colour or progress")


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    flag = "--" + option.name.replace("_", "-")
    if option.kind == "section":
        return
    if option.kind == "bool":
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=_help(option))
    else:
        # Every value stays text: one parser of values serves flags, config file and modules alike.
        parser.add_argument(flag, metavar=option.kind.upper(), help=_help(option))


def _help(option: Option) -> str:
    shown = option.plain_help.replace("%", "%%")
    default = "" if option.default in (None, ()) else f" Default: {_default(option.default)}."
    return shown + default


def _default(value: object) -> str:
    return ",".join(map(str, value)).replace("%", "%%") if isinstance(value, tuple) else str(value)
