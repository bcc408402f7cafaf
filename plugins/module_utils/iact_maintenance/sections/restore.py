"""The section `restore`."""

from __future__ import annotations

from typing import NamedTuple

from ..values import Option
from .connections import JOB_SERVERS, Servers
from .scheduling import DAY_SECONDS

RESTORE = (
    Option(
        "archive",
        "str",
        "Archive to restore from: absolute path, name in the backup directory, or C(latest).",
        "latest",
    ),
    Option(
        "components", "list", "Components to restore, by the names that C(archives NAME) lists; all by default.", ()
    ),
    Option("target_database", "str", "Empty database to restore into; its name must begin with C(iact_restore_)."),
    Option("target_directory", "path", "Directory to restore files into; it must be empty, or is created."),
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
        "Maximum time without progress, in seconds; then the restore is stopped.",
        300.0,
        minimum=0.1,
        maximum=DAY_SECONDS,
    ),
    *JOB_SERVERS,
)


class Restore(NamedTuple):
    """Options of a restore; it uses only the connections of its own section."""

    archive: str
    components: tuple[str, ...]
    target_database: str | None
    target_directory: str | None
    deadline_seconds: int
    stall_timeout_seconds: float
    servers: Servers
