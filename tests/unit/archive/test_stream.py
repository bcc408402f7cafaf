from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import reading, stream
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from tests.unit.archive.samples import CONTENTS, LIMITS, write


def test_the_content_comes_piece_by_piece(tmp_path: Path) -> None:
    archive = reading.open_archive(str(write(tmp_path)))
    for place in reading.read_layout(archive).places:
        with stream.content(Host(), archive, place, LIMITS) as pieces:
            assert b"".join(pieces) == CONTENTS[place.component.name]
    archive.close()


def test_a_reader_that_goes_away_leaves_no_thread(tmp_path: Path) -> None:
    archive = reading.open_archive(str(write(tmp_path, contents={"sqlite.a": bytes(50_000_000)})))
    (place,) = reading.read_layout(archive).places
    before = threading.active_count()
    with stream.content(Host(), archive, place, LIMITS) as pieces:
        next(pieces)
    assert threading.active_count() == before
    archive.close()


def test_a_changed_byte_is_told_to_the_reader(tmp_path: Path) -> None:
    path = write(tmp_path)
    archive = reading.open_archive(str(path))
    place = reading.read_layout(archive).places[0]
    with path.open("r+b") as changed:
        changed.seek(place.offset + 3)
        changed.write(b"\xff")
    with stream.content(Host(), archive, place, LIMITS) as pieces, pytest.raises(MaintenanceError, match=path.name):
        list(pieces)
    archive.close()
