"""The manifest of an archive: its contents and checksums, as one JSON member."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar, cast

from ..about import NAME, VERSION
from ..dumps.model import LogFile, Source
from ..tar import is_member_name
from ..timestamps import iso, parse_iso

MANIFEST = "manifest.json"
DIGEST = "manifest.json.sha256"
LARGEST_BYTES = 64 * 1024 * 1024
FORMAT = "iact.maintenance archive"
FORMAT_VERSION = 1
COMPRESSIONS = ("zstd", "gzip")
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_Kind = TypeVar("_Kind")


class Member(NamedTuple):
    """A member: `size_bytes` and `sha256` of its bytes in the archive, `raw_size_bytes` without compression."""

    name: str
    compression: str
    size_bytes: int
    sha256: str
    raw_size_bytes: int


class Component(NamedTuple):
    """A component and its member; `rows` were counted in the dump's snapshot, or are None with `rows_reason`.

    `tables` are the tables that were named; if empty, the component is the whole database.
    """

    name: str
    engine: str
    database: str
    member: Member
    tables: tuple[str, ...] = ()
    rows: Mapping[str, int | None] = {}
    rows_reason: str = ""
    server_version: str = ""
    server_identity: Mapping[str, object] = {}
    tool: str = ""
    files: tuple[LogFile, ...] = ()

    @property
    def restored_bytes(self) -> int:
        """Return the disk space that the component's files need when restored; holes do not count."""
        return sum(file.allocated_bytes for file in self.files) if self.files else self.member.raw_size_bytes

    @property
    def source(self) -> Source:
        """Return what was dumped, with the rows and the files that the dump holds."""
        return Source(self.name, self.engine, self.database, self.tables, rows=self.rows, files=self.files)

    def as_dict(self) -> dict[str, object]:
        """Return the component as plain data."""
        return {**self._asdict(), "member": self.member._asdict(), "files": [file._asdict() for file in self.files]}


class Missing(NamedTuple):
    """A configured component that a partial archive lacks, and the reason."""

    name: str
    code: str
    message: str


class Manifest(NamedTuple):
    """The contents of an archive; `missing` is empty in a complete one.

    `id` is random, so that no two archives have the same manifest. `identity` is that of the host that wrote it; it is
    empty in archives of version 0.1.0.
    """

    created_at: datetime
    host: str
    components: tuple[Component, ...]
    missing: tuple[Missing, ...] = ()
    warnings: tuple[str, ...] = ()
    tools: Mapping[str, str] = {}
    program_version: str = VERSION
    id: str = ""
    identity: str = ""

    @property
    def complete(self) -> bool:
        """Return whether the archive has everything that was configured."""
        return not self.missing

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON."""
        shown: dict[str, object] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "program": NAME,
            "program_version": self.program_version,
            "created_at": iso(self.created_at),
            "host": self.host,
            "id": self.id,
            "identity": self.identity,
            "complete": self.complete,
            "components": [component.as_dict() for component in self.components],
            "missing": [component._asdict() for component in self.missing],
            "warnings": list(self.warnings),
            "tools": dict(self.tools),
        }
        return json.dumps(shown, indent=1).encode("ascii") + b"\n"


def digest_line(content: bytes) -> bytes:
    """Return the content of the last member: the manifest's SHA-256 in the format of `sha256sum -c`."""
    return f"{hashlib.sha256(content).hexdigest()}  {MANIFEST}\n".encode("ascii")


class LaterFormat(ValueError):
    """A manifest in a later format than this version knows."""


def from_bytes(content: bytes) -> Manifest:
    """Return the manifest in `content`, with every type checked. Raise ValueError, or LaterFormat."""
    try:
        raw = _mapping(json.loads(content))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    version = raw.get("format_version")
    if raw.get("format") == FORMAT and isinstance(version, int) and version > FORMAT_VERSION:
        raise LaterFormat(f"format {version}; this version reads format {FORMAT_VERSION}")
    if raw.get("format") != FORMAT or raw.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"its format is not {FORMAT} version {FORMAT_VERSION}")
    components = tuple(_component(_mapping(entry)) for entry in _list(raw, "components"))
    if len({component.name for component in components}) != len(components):
        raise ValueError("it lists a component twice")
    return Manifest(
        created_at=parse_iso(_typed(raw, "created_at", str)),
        host=_typed(raw, "host", str),
        components=components,
        missing=tuple(
            Missing(*(_typed(_mapping(entry), key, str) for key in ("name", "code", "message")))
            for entry in _list(raw, "missing")
        ),
        warnings=tuple(_texts(raw, "warnings")),
        tools={key: str(value) for key, value in _mapping(raw.get("tools")).items()},
        program_version=_typed(raw, "program_version", str),
        id=_typed({"id": "", **raw}, "id", str),
        identity=_typed({"identity": "", **raw}, "identity", str),
    )


def _component(raw: Mapping[str, object]) -> Component:
    texts = ("name", "engine", "database", "rows_reason", "server_version", "tool")
    rows = _mapping(raw.get("rows"))
    if not all(
        number is None or (isinstance(number, int) and not isinstance(number, bool)) for number in rows.values()
    ):
        raise ValueError("rows is not a mapping of whole numbers")
    return Component(
        **{key: _typed(raw, key, str) for key in texts},
        member=_member(_mapping(raw.get("member"))),
        tables=tuple(_texts(raw, "tables")),
        rows=cast("Mapping[str, int | None]", rows),
        server_identity=_mapping(raw.get("server_identity")),
        files=tuple(_file(_mapping(entry)) for entry in _list(raw, "files")),
    )


def _member(raw: Mapping[str, object]) -> Member:
    name, compression, digest = (_typed(raw, key, str) for key in ("name", "compression", "sha256"))
    if not is_member_name(name) or compression not in COMPRESSIONS or not _SHA256.fullmatch(digest):
        raise ValueError("a member's name, compression or digest is invalid")
    return Member(name, compression, _size(raw, "size_bytes"), digest, _size(raw, "raw_size_bytes"))


def _file(raw: Mapping[str, object]) -> LogFile:
    name, member, modified_at = (_typed(raw, key, str) for key in ("name", "member", "modified_at"))
    if not is_member_name(member):
        raise ValueError("a file's name in the inner archive is invalid")
    parse_iso(modified_at)
    size_bytes = _size(raw, "size_bytes")
    # Missing in archives of earlier versions.
    return LogFile(
        name, member, size_bytes, modified_at, _size({"allocated_bytes": size_bytes, **raw}, "allocated_bytes")
    )


def _size(raw: Mapping[str, object], key: str) -> int:
    size = _typed(raw, key, int)
    if size < 0:
        raise ValueError(f"{key} is negative")
    return size


def _typed(raw: Mapping[str, object], key: str, kind: type[_Kind]) -> _Kind:
    value = raw.get(key)
    # Python's bool is an int, but no number here.
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise ValueError(f"{key} is missing or of a wrong type")
    return value


def _list(raw: Mapping[str, object], key: str) -> list[object]:
    return _typed(raw, key, list)


def _texts(raw: Mapping[str, object], key: str) -> list[str]:
    texts = _list(raw, key)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{key} is not a list of texts")
    return cast("list[str]", texts)


def _mapping(raw: object) -> Mapping[str, object]:
    if not isinstance(raw, dict):
        raise ValueError("a mapping is missing")
    return raw
