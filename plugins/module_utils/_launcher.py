# Copyright: IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the command as one file: an executable zip of the core, made from the files that this process imported."""

from __future__ import annotations

import io
import marshal
import os
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import MAGIC_NUMBER, source_hash

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.files import open_existing

PACKAGE = "iact_maintenance"
SHEBANG = b"#!/usr/bin/python3 -I\n"
MAIN = f"from {PACKAGE}.cli.start import start\n\nstart()\n".encode()
# Constant, because the same version must produce the same bytes; the oldest time that a zip allows.
STORED_AT = (1980, 1, 1, 0, 0, 0)
# Many times the size of the command.
_LARGEST_BYTES = 1 << 26
_UNCHECKED_HASH = 0b01
# Without back references, which would depend on other objects of the process.
_MARSHAL_VERSION = 2


def core_sources(module_file: str, archive: str | None) -> dict[str, bytes]:
    """Return the content of the core's files, by their names in the package.

    `module_file` is the file of a module at the top of the core. `archive` is the zip that it was imported from
    (AnsiballZ's payload), None for a folder.
    """
    root = os.path.dirname(module_file)
    if archive is None:
        return dict(_folder_sources(root))
    prefix = os.path.relpath(root, archive).replace(os.sep, "/") + "/"
    with zipfile.ZipFile(archive) as payload:
        names = [name for name in payload.namelist() if name.startswith(prefix) and name.endswith(".py")]
        return {name[len(prefix) :]: payload.read(name) for name in names}


def _folder_sources(root: str) -> Iterator[tuple[str, bytes]]:
    for folder, _folders, files in os.walk(root):
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, "rb") as stream:
                    yield os.path.relpath(path, root), stream.read()


def build(sources: Mapping[str, bytes]) -> bytes:
    """Return the command: a shebang and a zip. The bytes depend only on the sources and on Python's version."""
    target = io.BytesIO()
    target.write(SHEBANG)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        _store(archive, "__main__.py", MAIN)
        for name in sorted(sources):
            _store(archive, f"{PACKAGE}/{name}", sources[name])
            # In addition to the source, which another Python uses, because compiling takes longer than starting.
            _store(archive, f"{PACKAGE}/{name}c", _compiled(f"{PACKAGE}/{name}", sources[name]))
    return target.getvalue()


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, STORED_AT)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _compiled(name: str, source: bytes) -> bytes:
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    header = MAGIC_NUMBER + struct.pack("<L", _UNCHECKED_HASH) + source_hash(source)
    return header + marshal.dumps(code, _MARSHAL_VERSION)


def version_of(content: bytes) -> str | None:
    """Return the version of a command that `build` made; None for any other file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = archive.read(f"{PACKAGE}/about.py").decode()
    except (zipfile.BadZipFile, LookupError, ValueError, OSError, EOFError, RuntimeError, struct.error):
        return None
    match = re.search(r'^VERSION = "([^"]+)"$', about, re.MULTILINE)
    return match.group(1) if match else None


def is_damaged(content: bytes) -> bool:
    """Return whether a file begins as `build` begins it, and is cut short or changed after that.

    A shorter piece than the beginning is taken as well, but not less than the shebang and a byte of the zip.
    """
    if version_of(content) is not None or len(content) <= len(SHEBANG):
        return False
    begins = re.compile(re.escape(SHEBANG + b"PK\x03\x04") + rb".{26}__main__\.pyfrom iact_maintenance\.", re.DOTALL)
    return begins.match(content) is not None or build({}).startswith(content)


def check_path(path: str, state: str) -> None:
    """Raise ValueError for a path where no command can be, before anything is touched."""
    folder = os.path.dirname(path)
    if not os.path.isabs(path) or "\0" in path:
        raise ValueError(f"path is {path!r}: an absolute path is allowed")
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{path} is not a regular file; name another path")
    if state == "absent" and not os.path.lexists(folder):
        return
    if not os.path.isdir(folder):
        raise ValueError(f"{folder} is not a directory; create it, or name another path")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"the running account cannot write to {folder}; set become, or name another path")


def present(path: str, usual_mode: int) -> tuple[bytes | None, int]:
    """Return the command that is there, or None, and its mode.

    Raise OSError, or ValueError for a file that is not ours.
    """
    try:
        descriptor = open_existing(path, follow=True)
    except FileNotFoundError:
        return None, usual_mode
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        content = stream.read(_LARGEST_BYTES) if stat.S_ISREG(status.st_mode) else b""
    if version_of(content) is None and not is_damaged(content):
        raise ValueError(f"{path} is not a version of iact-maintenance; move it away or name another path")
    return content, stat.S_IMODE(status.st_mode)
