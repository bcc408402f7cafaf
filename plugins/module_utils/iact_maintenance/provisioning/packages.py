"""The programs and packages of a host: what is missing, and what its installation would remove."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import ProcessFault, ToolMissing
from ..host import Host
from ..processes import Command, Completed, Limits
from .places import Subject, first_lines
from .refusal import Refusal
from .variables import Site

# The releases that the role supports; a relative of Debian is one more row.
SUPPORTED = {"debian": ("11", "12", "13"), "raspbian": ("11", "12", "13")}
_PROGRAMS = ("crontab", "logrotate", "mariadb-dump", "mysqldump", "pg_dump", "iact-maintenance")
_KNOWN = ("cron", "logrotate", "zstd", "python3-pymysql", "python3-psycopg2", "mariadb-client", "postgresql-client")
_SECONDS = 120.0


class Packages(NamedTuple):
    """What is missing, what its installation would remove, and why apt could not tell."""

    missing: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    fault: str = ""


def programs(host: Host) -> list[str]:
    """Return which of the relevant programs are installed."""
    return [name for name in _PROGRAMS if _tool(host, name)]


def look(subject: Subject, installed: list[str]) -> Packages:
    """Return what is missing; nothing for a removal or an unsupported host."""
    if subject.site.state == "absent" or list(release_refusals(subject)):
        return Packages()
    present = _present(subject.host)
    missing = tuple(name for name in _needed(subject.site, installed) if name not in present)
    return _simulated(subject.host, missing) if missing else Packages()


def _tool(host: Host, name: str) -> str:
    try:
        return host.find_tool(name)
    except ToolMissing:
        return ""


def _run(host: Host, *argv: str) -> Completed | None:
    path = _tool(host, argv[0])
    if not path:
        return None
    try:
        return host.run(Command((path, *argv[1:]), {"LC_ALL": "C"}), Limits(_SECONDS))
    except ProcessFault as error:
        return Completed(argv[0], 1, error.message)


def _present(host: Host) -> set[str]:
    done = _run(host, "dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\\n", *_KNOWN)
    lines = done.output.decode("utf-8", "replace").splitlines() if done else []
    return {line.partition(" ")[2] for line in lines if line.startswith("installed ")}


def _needed(site: Site, installed: list[str]) -> Iterator[str]:
    """Return what the jobs need. A client only if its dump tool is missing, because Debian's would replace Oracle's."""
    if "crontab" not in installed:
        yield "cron"
    yield from ("logrotate", "zstd")
    if _uses(site, "mysql"):
        yield "python3-pymysql"
        if not {"mariadb-dump", "mysqldump"}.intersection(installed):
            yield "mariadb-client"
    if _uses(site, "postgresql"):
        yield "python3-psycopg2"
        if "pg_dump" not in installed:
            yield "postgresql-client"


def _uses(site: Site, engine: str) -> bool:
    names = [name for options in site.sections.values() for name in options]
    return bool(site.sections[engine]) or any(name == engine or name.startswith(f"{engine}_") for name in names)


def _simulated(host: Host, missing: tuple[str, ...]) -> Packages:
    done = _run(host, "apt-get", "--simulate", "--no-install-recommends", "install", *missing)
    if done is None or done.status != 0:
        lines = done.errors.strip().splitlines() if done else []
        return Packages(missing, fault=lines[-1] if lines else "apt-get gave no reason")
    lines = done.output.decode("utf-8", "replace").splitlines()
    return Packages(missing, tuple(line.split()[1] for line in lines if line.startswith("Remv ")))


def refusals(subject: Subject, packages: Packages) -> Iterator[Refusal]:
    """Return why the packages cannot be installed."""
    names = ", ".join(packages.missing)
    if packages.removed:
        message = (
            f"installing {names} would remove {', '.join(packages.removed)}; install the dump tool of your own "
            "server's vendor (its client package) so that the role does not have to install one"
        )
        yield Refusal("packages_removed", message)
    # A host without package lists cannot answer, and check mode must not fetch them.
    elif packages.fault and not subject.is_rehearsal:
        yield Refusal("packages_unavailable", f"apt cannot install {names}: {packages.fault}")


def release_refusals(subject: Subject) -> Iterator[Refusal]:
    """Return whether the distribution is unsupported."""
    release = dict(line.partition("=")[::2] for line in first_lines(subject.places.os_release))
    name, version, title = (_plain(release.get(key, "")) for key in ("ID", "VERSION_ID", "NAME"))
    if version not in SUPPORTED.get(name, ()):
        shown = f"{title.replace(' GNU/Linux', '') or 'this host'} {version}".strip()
        message = f"{shown} is not supported; the role supports Debian {', '.join(SUPPORTED['debian'])}"
        yield Refusal("unsupported_release", message)


def _plain(text: str) -> str:
    try:
        return " ".join(shlex.split(text))
    except ValueError:
        return ""
