"""The option table: every section with its rows and its record; the only list of options.

It is the source of the modules' argument_spec, the command's flags, the config file and validation. `settings` applies
a row's default last: neither argparse nor the argument_spec has it, because a module without parameters would override
the site's config file with defaults.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from ..values import Option
from .backup import BACKUP, Backup
from .connections import DERIVED, JOB_SERVERS, MYSQL, POSTGRESQL, SQLITE, Server, Servers, SQLiteFile
from .django import DJANGO, Django
from .health import HEALTH, Health
from .jobs import JOBS
from .restore import RESTORE, Restore
from .session_cleanup import SESSION_CLEANUP, SessionCleanup


class Section(NamedTuple):
    """A section of the config file: its rows, and the record of their values."""

    rows: tuple[Option, ...]
    # Any, because no type can say "some NamedTuple".
    record: Any
    # What a module's parameter of that name is, for its documentation.
    help: str = ""


_TABLE: Mapping[str, Section] = {
    "mysql": Section(
        MYSQL,
        Server,
        "Connection to MySQL or MariaDB; its options override those of the config file's section C(mysql).",
    ),
    "postgresql": Section(
        POSTGRESQL,
        Server,
        "Connection to PostgreSQL; its options override those of the config file's section C(postgresql).",
    ),
    "sqlite": Section(SQLITE, SQLiteFile, "An SQLite database file."),
    "django": Section(DJANGO, Django, "The Django project, whose settings say where its sessions are."),
    "session_cleanup": Section(SESSION_CLEANUP, SessionCleanup),
    "health": Section(HEALTH, Health),
    "backup": Section(BACKUP, Backup),
    "restore": Section(RESTORE, Restore),
}

SECTIONS: dict[str, tuple[Option, ...]] = {name: section.rows for name, section in _TABLE.items()}
SECTION_HELP: dict[str, str] = {name: section.help for name, section in _TABLE.items()}
RECORDS: dict[str, Any] = {name: section.record for name, section in _TABLE.items()}
JOB_SECTIONS = tuple(dict.fromkeys(row.section for row in JOBS))
SHARED_SECTIONS = tuple(name for name in _TABLE if name not in JOB_SECTIONS)

SITE = (
    Option("user", "str", "Account that runs the jobs; a run as root switches to it first."),
    Option(
        "state_directory",
        "path",
        "Directory of the history, the verification records and the locks.",
        "/var/lib/iact/state",
    ),
    *(Option(name, "section", f"The section {name}.", section=name) for name in (*SHARED_SECTIONS, *JOB_SECTIONS)),
)


def run_options(job: str) -> tuple[Option, ...]:
    """Return a job's options that a single run can set: its flags, and its module's own parameters."""
    return tuple(option for option in SECTIONS[job] if not option.config_only)


def check_fields(record: Any, rows: Collection[Option], derived: Collection[str] = ()) -> None:
    """Raise TypeError if a row has no field in the record, or a field has no row."""
    apart = {row.name for row in rows}.symmetric_difference(set(record._fields).difference(derived))
    if apart:
        raise TypeError(f"{record.__name__}: rows and fields differ in {', '.join(sorted(apart))}")


for _record in set(RECORDS.values()):
    _rows = {row for section in _TABLE.values() if section.record is _record for row in section.rows}
    check_fields(_record, _rows.difference(JOB_SERVERS), DERIVED if _record is Server else ("servers",))
check_fields(Servers, JOB_SERVERS)
