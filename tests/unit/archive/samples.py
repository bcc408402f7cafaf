"""Small archives for tests, written by the product's writer, and forged ones."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import (
    Component,
    Manifest,
    Member,
    Missing,
    digest_line,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.names import (
    ArchiveName,
    part_name,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.packing import (
    Compression,
    Packer,
    choose,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.writer import ArchiveWriter
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Limits
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories.publishing import publish

NIGHT = datetime(2026, 11, 24, 2, 0, 0, tzinfo=timezone.utc)
LIMITS = Limits(30)
IDENTITY, OTHER_IDENTITY = "1" * 32, "2" * 32
CONTENTS: Mapping[str, bytes] = {"sqlite.site": b"rows " * 400, "sqlite.other": b"\x00\x01" * 700}


def write(
    directory: Path,
    moment: datetime = NIGHT,
    contents: Mapping[str, bytes] | None = None,
    missing: tuple[Missing, ...] = (),
    compression: Compression | None = None,
    identity: str = IDENTITY,
) -> Path:
    """Return the path of a published archive with one component for each of `contents`."""
    host = Host()
    contents = CONTENTS if contents is None else contents
    compression = compression or choose(host)
    folder = os.open(directory, os.O_RDONLY)
    try:
        with ArchiveWriter(folder, str(directory), part_name(moment, identity), moment) as staged:
            components = []
            for name, content in contents.items():
                member = f"{name}.sqlite3{compression.suffix}"
                with staged.member(member) as sink:
                    packer = Packer(host, compression, sink)
                    packer.feed(iter([content]), LIMITS)
                facts = Member(member, compression.name, sink.size_bytes, sink.sha256, packer.raw_size_bytes)
                components.append(Component(name, name.partition(".")[0], name, facts))
            number = os.urandom(16).hex()
            staged.finish(Manifest(moment, host.name(), tuple(components), missing, id=number, identity=identity))
            name = ArchiveName(moment, partial=bool(missing)).text
            assert publish(staged, name).has_name
    finally:
        os.close(folder)
    return directory / name


def identify(state: Path, number: str = IDENTITY, made_at: str = "2026-03-01T12:00:00Z") -> None:
    """Give this machine, with that state directory, the identity of that host."""
    content = {"id": number, "machine": Host().machine(), "made_at": made_at, "adopted": []}
    (state / "identity").write_text(json.dumps(content))


def forge(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], manifest: bytes | None = None) -> Path:
    """Return `path` as a forged archive with these members and a manifest with a matching digest."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as forged:
        for info, content in members:
            info.size = len(content)
            forged.addfile(info, io.BytesIO(content))
        content = manifest or Manifest(NIGHT, "testhost", ()).to_bytes()
        for name, data in (("manifest.json", content), ("manifest.json.sha256", digest_line(content))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            forged.addfile(info, io.BytesIO(data))
    path.write_bytes(stream.getvalue())
    return path


def sha256(content: bytes) -> str:
    """Return the digest of some bytes."""
    return hashlib.sha256(content).hexdigest()
