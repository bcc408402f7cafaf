"""A host in a folder, as the role examines it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning import preflight
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.places import Places
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.variables import PREFIX
from tests.unit.fakes import FakeHost, Scripted

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n'
INSTALLED = b"installed cron\ninstalled logrotate\ninstalled zstd\nconfig-files mariadb-client\n"


# Of the account: whoever runs the tests, but never root.
NUMBER = os.getuid() or 998


def record(name: str, number: int, home: str) -> pwd.struct_passwd:
    """Return an account's record."""
    return pwd.struct_passwd((name, "x", number, number, "", home, "/bin/sh"))


class Machine:
    """A Debian host with cron and logrotate; whose account `iact` is never root."""

    def __init__(self, root: Path) -> None:
        self.root, self.home = root, root / "home"
        self.state, self.logs, self.backups = (root / name for name in ("state", "logs", "backups"))
        paths = {name: str(root / name) for name in Places._fields}
        self.places = Places(**{**paths, "rotation": str(root / "logrotate.d" / "iact-maintenance")})
        for path in (self.home, root / "crontabs", root / "cron_folder", root / "logrotate.d"):
            path.mkdir()
        self.write("os_release", DEBIAN)
        self.write("logrotate", f"weekly\nrotate 4\ninclude {root}/logrotate.d\n")
        self.host = FakeHost(user_id=0, groups={"adm": 4, "www-data": 33})
        self.host.programs = {name: Scripted() for name in ("crontab", "logrotate", "apt-get")}
        self.host.programs["dpkg-query"] = Scripted(INSTALLED, status=1)
        self.host.accounts = {"iact": record("iact", NUMBER, str(self.home))}

    def folder(self, path: Path) -> Path:
        """Create a folder of the account."""
        path.mkdir()
        os.chown(path, NUMBER, -1)
        return path

    def write(self, name: str, text: str) -> Path:
        """Write a file of the host."""
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        return path

    def look(self, **given: Any) -> dict[str, Any]:
        """Return the role's facts for these variables, given without their prefix."""
        folders = {"state_directory": str(self.state), "log_directory": str(self.logs)}
        options = {**folders, "backup_directory": str(self.backups), **given}
        variables = {PREFIX + name: content for name, content in options.items()}
        return preflight.look(variables, self.host, places=self.places)

    def refusals(self, **given: Any) -> list[tuple[str, str]]:
        """Return the code and the variable of each refusal."""
        return [
            (refusal["code"], refusal["variable"].replace(PREFIX, "")) for refusal in self.look(**given)["refusals"]
        ]

    def messages(self, **given: Any) -> str:
        """Return the messages of the refusals."""
        return "\n".join(refusal["message"] for refusal in self.look(**given)["refusals"])
