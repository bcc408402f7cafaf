from __future__ import annotations

import hashlib
import json

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import manifest
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import LogFile
from tests.unit.archive.samples import NIGHT

MEMBER = manifest.Member("mysql.iact.sql.zst", "zstd", 10, "0" * 64, 100)
WHOLE = manifest.Manifest(
    NIGHT,
    "testhost",
    (
        manifest.Component(
            "mysql.iact", "mysql", "iact", MEMBER, ("dora_metrics",), {"dora_metrics": 7, "view": None}, "a view"
        ),
        manifest.Component(
            "logs",
            "logs",
            "",
            manifest.Member("logs.tar.zst", "zstd", 10, "0" * 64, 100),
            files=(LogFile("error_json.log", "error_json.log", 5, "2026-01-01T00:00:00Z"),),
        ),
    ),
    (manifest.Missing("postgresql.site", "auth", "wrong password"),),
    ("one warning",),
    {"zstd": "1.5.4"},
)


def changed(**change: object) -> bytes:
    return json.dumps({**json.loads(WHOLE.to_bytes()), **change}).encode()


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    assert manifest.from_bytes(WHOLE.to_bytes()) == WHOLE


def test_a_manifest_says_whether_everything_is_in_it() -> None:
    assert json.loads(WHOLE.to_bytes())["complete"] is False


def test_the_digest_line_is_one_that_sha256sum_takes() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    assert manifest.digest_line(b"x") == f"{digest}  manifest.json\n".encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"\xff",
        changed(format="other"),
        changed(format_version=2),
        changed(created_at="yesterday"),
        changed(created_at=5),
        changed(host=None),
        changed(components={}),
        changed(components=[1]),
        changed(components=[{}]),
        changed(missing=[{"name": 1}]),
        changed(warnings=[1]),
        changed(tools=[]),
    ],
)
def test_a_manifest_of_the_wrong_shape_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        manifest.from_bytes(content)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"name": "/etc/passwd"},
        {"name": "x" * 101},
        {"name": ".."},
        {"compression": "lzma"},
        {"sha256": "0" * 63},
        {"size_bytes": -1},
        {"size_bytes": True},
        {"raw_size_bytes": "9"},
    ],
)
def test_ft06_a_member_that_is_not_one_of_ours_is_refused(change: dict[str, object]) -> None:
    raw = json.loads(WHOLE.to_bytes())
    raw["components"][0]["member"].update(change)
    with pytest.raises(ValueError):
        manifest.from_bytes(json.dumps(raw).encode())


def test_a_component_named_twice_is_refused() -> None:
    raw = json.loads(WHOLE.to_bytes())
    raw["components"].append(raw["components"][0])
    with pytest.raises(ValueError, match="twice"):
        manifest.from_bytes(json.dumps(raw).encode())
