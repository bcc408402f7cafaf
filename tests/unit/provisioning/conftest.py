"""The host that the tests of this folder examine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.provisioning.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a host on which the role would refuse nothing."""
    return Machine(tmp_path)
