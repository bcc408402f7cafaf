"""The paths on a Debian host that the role examines, and those of the role's own files."""

from __future__ import annotations

from typing import NamedTuple

from ..host import Host
from .variables import Site

# The first line of every file that the role wrote and may write again.
MARKER = "# Written by the role iact.maintenance.iact_maintenance; changes made by hand are lost."
# Left by a removal in a directory that it keeps, so that the next installation can take it over.
KEPT = ".kept-by-iact-maintenance"


class Places(NamedTuple):
    """Paths of the host; tests use others."""

    os_release: str = "/etc/os-release"
    crontabs: str = "/var/spool/cron/crontabs"
    system_crontab: str = "/etc/crontab"
    cron_folder: str = "/etc/cron.d"
    cron_allow: str = "/etc/cron.allow"
    cron_deny: str = "/etc/cron.deny"
    logrotate: str = "/etc/logrotate.conf"
    rotation: str = "/etc/logrotate.d/iact-maintenance"
    library: str = "/var/lib/iact"


class Subject(NamedTuple):
    """What is examined: a host, and the site that is to be installed on it."""

    site: Site
    host: Host
    places: Places
    home: str
    is_rehearsal: bool = False


def first_lines(path: str, largest_bytes: int = 1 << 20) -> list[str]:
    """Return the first lines of a file, one character per byte; empty for a missing file."""
    try:
        with open(path, "rb") as stream:
            return stream.read(largest_bytes).decode("latin-1").splitlines()
    except OSError:
        return []
