"""The client programs of MySQL and MariaDB, and their options for the connection that the driver uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..engines import option_file
from ..engines.endpoint import Endpoint
from ..host import Host
from ..processes import Command, Limits
from .children import Tool, find_tool, private_file

_HINT = "apt-get install mariadb-client (or default-mysql-client)"
_HELP_SECONDS = 20
# A row may be as large as the server's limit allows; the programs' own default is 16 MB.
COMMON = ("--default-character-set=utf8mb4", "--max-allowed-packet=1G")

# Engines whose tables hold no rows themselves, so that the dump programs write their definition alone.
ROWS_ELSEWHERE = ("mrg_myisam", "mrg_isam", "federated", "connect", "spider", "oqgraph", "sphinx")


def dump_tool(host: Host) -> Tool:
    """Return the dump program that is installed. Raise ToolMissing."""
    return find_tool(host, "mariadb-dump", "mysqldump", hint=_HINT)


def require_programs(host: Host) -> None:
    """Raise ToolMissing or DatabaseFault if the dump program is missing or does not run."""
    dump_tool(host)


def client_tool(host: Host) -> Tool:
    """Return the client program that is installed. Raise ToolMissing."""
    return find_tool(host, "mariadb", "mysql", hint=_HINT)


def is_mariadb(text: str) -> bool:
    """Return whether a version text is of MariaDB, of a program or a server."""
    return "mariadb" in text.lower()


def knows(host: Host, tool: Tool, option: str) -> bool:
    """Return whether a program's help lists the option."""
    done = host.run(Command((tool.path, "--no-defaults", "--help")), Limits(_HELP_SECONDS))
    return option.encode() in done.output


@contextmanager
def credentials(endpoint: Endpoint, tool: Tool, *, server_has_tls: bool) -> Iterator[tuple[int, str]]:
    """Return a descriptor and the first option of a program: an option file with the driver's values.

    `--defaults-file`, because the account's own file would override an extra one.
    """
    options = {"user": endpoint.user, **_address(endpoint), **_tls(endpoint, tool, server_has_tls)}
    if endpoint.password is not None:
        options["password"] = endpoint.password.reveal()
    with private_file(option_file.render(options)) as (descriptor, path):
        yield descriptor, f"--defaults-file={path}"


def _address(endpoint: Endpoint) -> dict[str, str]:
    if endpoint.socket:
        return {"socket": endpoint.socket}
    # Named, because the programs would take `localhost` as their default socket and ignore the port.
    return {"host": endpoint.host, "port": str(endpoint.port), "protocol": "tcp"}


def _tls(endpoint: Endpoint, tool: Tool, server_has_tls: bool) -> dict[str, str]:
    """Return the TLS options of the program.

    MariaDB's clients have no `prefer`: they require TLS (from 11.4) or never use it. Before 11.4 they also continue
    unencrypted if the server offers no TLS, although `ssl` is set; the driver, which connected before, has refused
    then.
    """
    encrypted = endpoint.tls in ("require", "verify") or (endpoint.tls == "prefer" and server_has_tls)
    verified = endpoint.tls == "verify"
    if is_mariadb(tool.version):
        words = {"ssl": "1" if encrypted else "0", "ssl-verify-server-cert": "1" if verified else "0"}
    else:
        words = {"ssl-mode": "VERIFY_IDENTITY" if verified else "REQUIRED" if encrypted else "DISABLED"}
    if verified:
        words["ssl-ca"] = endpoint.authorities
    if encrypted and endpoint.client_cert:
        words.update({"ssl-cert": endpoint.client_cert, "ssl-key": endpoint.client_key or endpoint.client_cert})
    return words
