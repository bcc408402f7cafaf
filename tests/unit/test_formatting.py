"""Words for people."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.formatting import (
    simplified,
    size,
    span,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0, "0 s"), (119, "119 s"), (900, "15 min"), (25200, "7 h"), (93600, "26 h"), (864000, "10 days")],
)
def test_a_length_of_time_has_its_largest_sensible_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1024**3, "1.0 GiB"), (5 * 1024**4, "5.0 TiB")],
)
def test_bytes_are_shown_for_people(size_bytes: int, shown: str) -> None:
    assert size(size_bytes) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(300.0, "300"), (0.02, "0.02"), (5, "5"), (True, "True"), ("9.0", "9.0"), (float("inf"), "inf")],
)
def test_only_a_whole_float_is_shown_without_its_fraction(value: object, shown: str) -> None:
    assert str(simplified(value)) == shown
