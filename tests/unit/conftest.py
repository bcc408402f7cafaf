"""What several unit tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import configuration, settings

from tests.unit.session_site import Site

configuration.set_hypothesis_home_dir(Path(__file__).resolve().parents[2] / ".cache" / "hypothesis")
# No deadline, because machines are busy; the same examples every time, so that a red test is red again.
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A small site on SQLite, without sessions yet."""
    return Site(tmp_path)
