"""Words for people."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.formatting import span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0, "0 s"), (119, "119 s"), (900, "15 min"), (25200, "7 h"), (93600, "26 h"), (864000, "10 days")],
)
def test_a_length_of_time_has_its_largest_sensible_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words
