"""The section `backup`: what is backed up, where to, and how long it is kept."""

from __future__ import annotations

from typing import NamedTuple

from ..values import Option
from .connections import JOB_SERVERS, Servers
from .scheduling import DAY_SECONDS, scheduled

_LONGEST_DAYS = 36500
_GIB = 1024**3

RETENTION = (
    Option("retention_days", "int", "Days for which to keep archives.", 30, minimum=1, maximum=_LONGEST_DAYS),
    Option("retention_count", "int", "Maximum number of archives to keep.", 30, minimum=1, maximum=100_000),
    Option(
        "keep_minimum",
        "int",
        "Number of the newest good archives that are never deleted, whatever their age.",
        3,
        minimum=1,
        maximum=1000,
    ),
)

# What is backed up: one of these configures a backup, and no connection does, since it may be there for health.
CONTENT = (
    Option("tables", "list", "Tables to back up, each from every configured connection that has it.", ()),
    Option("mysql_databases", "list", "Whole MySQL or MariaDB databases to back up.", ()),
    Option("postgresql_databases", "list", "Whole PostgreSQL databases to back up.", ()),
    Option("sqlite_files", "list", "SQLite files to back up, as absolute paths.", ()),
    Option("log_directory", "path", "Directory of the application's JSON logs."),
)

BACKUP = (
    *scheduled("0 2 * * *", 93600, 300.0),
    Option("directory", "path", "Directory of the archives, with mode 0700.", "/var/backups/iact"),
    Option("create_directory", "bool", "Create the directory if it is missing.", False),
    Option(
        "require_mountpoint",
        "bool",
        "Refuse a directory that is neither a mount point nor on another filesystem than C(/) and C(state_directory): "
        "a network disk that is not mounted.",
        False,
    ),
    Option(
        "min_free_bytes",
        "int",
        "Bytes of the directory's filesystem that a backup leaves free; by default a tenth of it, 1 GiB at most.",
        minimum=0,
        maximum=2**62,
    ),
    *CONTENT,
    Option(
        "log_patterns",
        "list",
        "Patterns of the names of the log files in that directory.",
        ("*.json.log*", "*_json.log*"),
    ),
    Option(
        "follow_links",
        "list",
        "Names, or patterns of names, of symbolic links among the logs to follow; their files must belong to the "
        "running account.",
        (),
    ),
    *RETENTION,
    Option(
        "reread_days",
        "int",
        "Days after which a good archive is verified again; each backup verifies one, the longest unverified first; "
        "0 disables this.",
        7,
        minimum=0,
        maximum=_LONGEST_DAYS,
    ),
    Option(
        "keep_partial", "bool", "Keep what a failed run could save as a partial archive; the newest 3 are kept.", True
    ),
    Option("warning_size_bytes", "int", "Size of an archive above which to warn.", _GIB, minimum=1, maximum=2**62),
    Option(
        "allow_incomplete",
        "bool",
        "Only warn if a dump would lack objects: triggers and routines that the account cannot see, types and "
        "functions that named PostgreSQL tables need, and tables that the last archive holds and the server "
        "no longer shows.",
        False,
    ),
    Option("ignore_unreadable", "bool", "Only warn if log files cannot be read, and leave them out.", False),
    Option(
        "lock_tables",
        "bool",
        "Lock tables that are not transactional while they are dumped, so that the dump is consistent.",
        False,
    ),
    Option(
        "deadline_seconds",
        "int",
        "Maximum duration of one component, in seconds; then it is stopped.",
        14400,
        minimum=1,
        maximum=7 * DAY_SECONDS,
    ),
    Option(
        "stall_timeout_seconds",
        "float",
        "Maximum time without output, in seconds; then the dump is stopped.",
        300.0,
        minimum=0.1,
        maximum=DAY_SECONDS,
    ),
    *JOB_SERVERS,
)


class Backup(NamedTuple):
    """Options of the backup, of the list of archives and of retention."""

    schedule: str
    enabled: bool
    max_age_seconds: int
    expected_seconds: float
    servers: Servers
    directory: str
    create_directory: bool
    require_mountpoint: bool
    min_free_bytes: int | None
    tables: tuple[str, ...]
    mysql_databases: tuple[str, ...]
    postgresql_databases: tuple[str, ...]
    sqlite_files: tuple[str, ...]
    log_directory: str | None
    log_patterns: tuple[str, ...]
    follow_links: tuple[str, ...]
    retention_days: int
    retention_count: int
    keep_minimum: int
    reread_days: int
    keep_partial: bool
    warning_size_bytes: int
    allow_incomplete: bool
    ignore_unreadable: bool
    lock_tables: bool
    deadline_seconds: int
    stall_timeout_seconds: float

    @property
    def is_configured(self) -> bool:
        """Return whether anything is to be backed up."""
        return any(getattr(self, row.name) for row in CONTENT)
