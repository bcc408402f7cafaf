"""The modules' documentation is the option table's, as `tests/tools/document.py` wrote it."""

from __future__ import annotations

import pytest

from tests.tools import document


@pytest.mark.parametrize("path", document.targets(), ids=lambda path: path.stem)
def test_the_documentation_is_what_the_option_table_says(path):
    assert path.read_text(encoding="utf-8") == document.rewritten(path), "run python tests/tools/document.py"
