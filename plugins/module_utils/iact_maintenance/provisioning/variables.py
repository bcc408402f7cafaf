"""The role's variables: their names, types and values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from ..errors import BadOption, Refused
from ..secret import printable
from ..sections.table import SECTIONS, check_fields
from ..values import Option, mapping, nearest, parse
from .refusal import Refusal

PREFIX = "iact_maintenance_"
# The role's own options.
ROLE_OPTIONS = (
    Option(
        "state",
        "str",
        "C(absent) removes what the role created; logs and backups are kept.",
        "present",
        choices=("present", "absent"),
    ),
    Option("purge", "bool", "With C(absent), delete the jobs' logs and archives too.", False),
    Option(
        "strict", "bool", "Fail the play if the health check at its end reports that the host is not healthy.", False
    ),
    Option(
        "user", "str", "Account of the jobs; created if it does not exist, otherwise not changed. Not C(root).", "iact"
    ),
    Option("groups", "list", "Groups to add the account to, such as the application's.", ()),
    Option(
        "state_directory",
        "path",
        "Directory of the history, the verification records and the locks.",
        "/var/lib/iact/state",
    ),
    Option(
        "log_directory",
        "path",
        "Directory of C(cleanup.log), C(health.log) and C(backup.log).",
        "/var/log/iact",
    ),
    Option("log_group", "str", "Group that can read the jobs' logs.", "adm"),
    Option(
        "logrotate",
        "str",
        "C(keep) leaves the rotation of the logs to a rule of the site.",
        "manage",
        choices=("manage", "keep"),
    ),
    Option(
        "credentials",
        "str",
        "C(keep) uses the existing C(~/.my.cnf) and C(~/.pgpass) unchanged.",
        "manage",
        choices=("manage", "keep"),
    ),
)


class Site(NamedTuple):
    """What the variables ask for: the role's own options, and each section's options as given, without nulls."""

    state: str
    purge: bool
    strict: bool
    user: str
    groups: tuple[str, ...]
    state_directory: str
    log_directory: str
    log_group: str
    logrotate: str
    credentials: str
    sections: Mapping[str, Mapping[str, Any]]

    def option(self, section: str, name: str) -> Any:
        """Return the typed value of an option that was validated before."""
        row = next(row for row in SECTIONS[section] if row.name == name)
        given = self.sections[section].get(name)
        return row.default if given is None else parse(row, given, name)


check_fields(Site, ROLE_OPTIONS, ("sections",))


def from_json(text: str) -> Mapping[str, object]:
    """Return the variables of a JSON text. Raise BadOption without showing it, because it may contain passwords."""
    try:
        variables = json.loads(text)
    except (ValueError, RecursionError):
        variables = None
    if not isinstance(variables, dict):
        raise BadOption("variables: a JSON object with the role's variables by their full names is allowed")
    return variables


def known() -> dict[str, tuple[str, Option]]:
    """Return every variable with its section, empty for the role's own, and its option."""
    options_of_role = {PREFIX + row.name: ("", row) for row in ROLE_OPTIONS}
    return options_of_role | {
        f"{PREFIX}{name}_{row.name}": (name, row) for name, rows in SECTIONS.items() for row in rows
    }


def read(variables: Mapping[str, object]) -> tuple[Site, list[Refusal]]:
    """Return what the variables ask for, without invalid ones, and everything that is wrong with them."""
    table = known()
    refusals = [_unknown(name, list(table)) for name in sorted(set(variables).difference(table))]
    values: dict[str, object] = {row.name: row.default for row in ROLE_OPTIONS}
    sections: dict[str, dict[str, object]] = {name: {} for name in SECTIONS}
    for name, (section, row) in table.items():
        raw = variables.get(name)
        if raw is None:
            continue
        wrong = list(_wrong(row, raw, name))
        refusals += wrong
        if not wrong and section:
            sections[section][row.name] = without_nulls(raw) if row.kind == "section" else raw
        elif not wrong:
            values[row.name] = parse(row, raw, name)
    return Site(**values, sections=sections), refusals  # type: ignore[arg-type]


def without_nulls(raw: Any) -> dict[str, object]:
    """Return a mapping without null values, which count as not set."""
    return {key: value for key, value in raw.items() if value is not None}


def secret_text(raw: object) -> object:
    """Return a password as text, because YAML reads digits as a number."""
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw


def _unknown(name: str, names: list[str]) -> Refusal:
    # Without the prefix, which would make all names similar.
    close = get_close_matches(name[len(PREFIX) :], [each[len(PREFIX) :] for each in names], n=1)
    hint = (
        f"did you mean {PREFIX}{close[0]}?"
        if close
        else "`ansible-doc -t role iact.maintenance.iact_maintenance` lists all variables"
    )
    return Refusal("unknown_variable", f"{printable(name, 100)} is not a variable of the role: {hint}", name)


def _wrong(row: Option, raw: object, name: str) -> Iterator[Refusal]:
    """Return what is wrong with a variable; a value that belongs to a connection is never shown."""
    try:
        if row.kind != "section":
            _check(row, raw, name)
            return
        given = without_nulls(mapping(raw, name))
    except Refused as error:
        yield _bad(error, name)
        return
    rows = {inner.name: inner for inner in SECTIONS[row.section]}
    for key, value in given.items():
        try:
            if key not in rows:
                raise BadOption(f"{name}.{printable(key, 80)} is not an option", hint=nearest(key, list(rows)))
            _check(rows[key], value, f"{name}.{key}")
        except Refused as error:
            yield _bad(error, name)


def _check(row: Option, raw: object, name: str) -> None:
    """Raise BadOption if the option does not allow the value."""
    if row.secret:
        if raw != "":
            parse(row, secret_text(raw), name)
        return
    parse(row, raw, name)


def _bad(error: Refused, name: str) -> Refusal:
    message = f"{error.message}; {error.hint}" if error.hint else error.message
    return Refusal("bad_option", message, name)
