"""Make the checkout importable as the collection, whatever its folder is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.tools.processes import give_children_ordinary_signals

CHECKOUT = Path(__file__).resolve().parent.parent

# In front, because the `ansible` package on PyPI brings collections of its own under the same name. Neither has an
# __init__.py, so that both are parts of one namespace package and theirs stay importable.
sys.path.insert(0, str(CHECKOUT / ".collections"))

give_children_ordinary_signals()


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the folder of this checkout."""
    return CHECKOUT


def pytest_configure(config: pytest.Config) -> None:
    """Register our marker here, because `ansible-test units` brings a configuration of its own."""
    config.addinivalue_line("markers", "long: takes minutes; only `make test-long` runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests marked `long` unless IACT_TEST_LONG is set."""
    if os.environ.get("IACT_TEST_LONG"):
        return
    long_ones = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long_ones)
    items[:] = [item for item in items if item not in long_ones]
