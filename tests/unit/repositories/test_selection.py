from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.inventory import Entry
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.manifest import Manifest
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Refused
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories import selection
from tests.unit.archive.samples import NIGHT


def entry(name: str, kind: str, days: int) -> Entry:
    return Entry(name, kind, None, Manifest(NIGHT + timedelta(days=days), "h", ()))


ENTRIES = (entry("a", "good", 1), entry("b", "good", 2), entry("c", "unverified", 3), entry("d", "partial", 4))


def selected(wanted: str, entries: Sequence[Entry] = ENTRIES) -> str:
    return selection.select(list(entries), "/var/backups/iact", wanted, NIGHT + timedelta(days=9)).name


def test_the_latest_is_the_newest_good_one() -> None:
    assert selected("latest") == "b"


def test_the_latest_is_never_a_partial_or_broken_one() -> None:
    assert selected("latest", ENTRIES[2:]) == "c"
    with pytest.raises(Refused, match="no good archive"):
        selected("latest", [entry("d", "partial", 4), entry("e", "broken", 5)])


def test_fh25_what_lies_ahead_of_the_clock_is_never_the_latest_but_has_a_name() -> None:
    ahead = entry("z", "good", 2000)
    assert selected("latest", [*ENTRIES, ahead]) == "b"
    assert selected("z", [*ENTRIES, ahead]) == "z"
    with pytest.raises(Refused, match="dated later than this host's clock") as raised:
        selected("latest", [ahead])
    assert raised.value.code == "no_archive" and "the last one is z" in raised.value.hint


@pytest.mark.parametrize("wanted", ["d", "/var/backups/iact/d"])
def test_an_archive_is_found_by_its_name_or_path(wanted: str) -> None:
    assert selected(wanted) == "d"


@pytest.mark.parametrize("wanted", ["x", "/elsewhere/d", "../iact/d", "d\n", ""])
def test_anything_else_is_refused_on_one_line(wanted: str) -> None:
    with pytest.raises(Refused) as raised:
        selected(wanted)
    assert raised.value.code == "no_archive" and "\n" not in raised.value.message
