"""The host's identity, created once and written into every archive, so that hosts do not confuse their archives.

It is in the state directory. A copy on another machine (a cloned host) is recognised by `/etc/machine-id`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from . import state
from .errors import StorageFault
from .files import storage
from .host import Host
from .report import Finding
from .timestamps import iso, parse_iso

FILE = "identity"
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ID_CHARACTERS = 32
_RANDOM_BYTES = 32


class Identity(NamedTuple):
    """This host's identity; `adopted` are the digests of the manifests of archives that it adopted.

    `made_at` is the time of its first run, from which limits count until something succeeds. `host` is its present
    name, `machine` the digest of its machine-id.
    """

    id: str
    made_at: str
    adopted: frozenset[str] = frozenset()
    host: str = ""
    machine: str = ""

    @property
    def made_at_seconds(self) -> float | None:
        """Return its time of creation in seconds since 1970; None if unknown."""
        try:
            return parse_iso(self.made_at).timestamp()
        except ValueError:
            return None

    def wrote(self, identity: str, host: str, digest: str) -> bool:
        """Return whether an archive belongs to this host: written by it, or adopted.

        By identity and name, because a clone that kept the machine-id has the same identity, and usually another name.
        """
        return (bool(identity) and identity == self.id and host == self.host) or digest in self.adopted


def read(host: Host, directory: str) -> Identity:
    """Return this host's identity; without an `id` if there is none yet, or the state is another machine's.

    Raise StorageFault if the state cannot be read.
    """
    with storage(os.path.join(directory, FILE)):
        machine = host.machine()
        stored = _identity(state.read_mapping(directory, FILE), machine) or Identity("", "")
        return stored._replace(host=host.name(), machine=machine)


def ensure(host: Host, directory: str) -> tuple[Identity, tuple[Finding, ...]]:
    """Return this host's identity, created if missing, and a warning if it replaces another one.

    Raise StorageFault or LockHeld.
    """
    path, machine = os.path.join(directory, FILE), host.machine()
    known, existed = read(host, directory), os.path.lexists(path)
    if known.id:
        return known, ()
    findings: list[Finding] = []

    def change(stored: dict[str, object]) -> None:
        # Another run may have created one while this one waited for the lock.
        if _identity(stored, machine) is None:
            findings.extend([_replaced(stored)] if existed else [])
            stored.clear()
            stored.update(_made(host, machine))

    state.change_mapping(host, directory, FILE, change)
    made = read(host, directory)
    if not made.id:
        raise StorageFault(
            "storage",
            f"{path} does not contain what was written to it",
            hint="check the disk and the kernel's log (journalctl -k)",
        )
    return made, tuple(findings)


def adopt(host: Host, directory: str, digests: Iterable[str]) -> None:
    """Count the archives whose manifests have these digests as this host's. Raise StorageFault or LockHeld."""
    identity, _findings = ensure(host, directory)

    def change(stored: dict[str, object]) -> None:
        stored["adopted"] = sorted(identity.adopted.union(digests))

    state.change_mapping(host, directory, FILE, change)


def _made(host: Host, machine: str) -> dict[str, object]:
    drawn = hashlib.sha256(os.urandom(_RANDOM_BYTES) + machine.encode()).hexdigest()[:_ID_CHARACTERS]
    return {"id": drawn, "machine": machine, "host": host.name(), "made_at": iso(host.now()), "adopted": []}


def _identity(stored: Mapping[str, object], machine: str) -> Identity | None:
    """Return the identity in a state file; None if it is damaged, missing, or of another machine."""
    identifier, made_at, adopted = stored.get("id"), stored.get("made_at"), stored.get("adopted", [])
    if not isinstance(identifier, str) or not _ID.fullmatch(identifier) or not isinstance(made_at, str):
        return None
    # Accepted if either has no machine-id, as in some containers.
    if machine and stored.get("machine") and stored["machine"] != machine:
        return None
    return Identity(identifier, made_at, frozenset(map(str, adopted if isinstance(adopted, list) else ())))


def _replaced(stored: Mapping[str, object]) -> Finding:
    what = "the identity in the state directory was damaged" if not stored.get("id") else _cloned(stored)
    message = f"{what}: this host has a new one, and earlier archives do not count as this host's"
    hint = "if they are this host's, take them over with `iact-maintenance archives --adopt`"
    return Finding("warning", "new_identity", subject="identity", message=message, hint=hint)


def _cloned(stored: Mapping[str, object]) -> str:
    return f"the state directory was made on another machine (host {stored.get('host')}, another /etc/machine-id)"
