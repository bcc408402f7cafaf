# Copyright: IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the command as one file: an executable zip of the core, made from the files that this process imported."""

from __future__ import annotations

import io
import marshal
import os
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import MAGIC_NUMBER, source_hash

PACKAGE = "iact_maintenance"
SHEBANG = b"#!/usr/bin/python3 -I\n"
MAIN = f"from {PACKAGE}.cli.start import start\n\nstart()\n".encode()
# Constant, because the same version must produce the same bytes; the oldest time that a zip allows.
STORED_AT = (1980, 1, 1, 0, 0, 0)
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
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        return None
    match = re.search(r'^VERSION = "([^"]+)"$', about, re.MULTILINE)
    return match.group(1) if match else None
