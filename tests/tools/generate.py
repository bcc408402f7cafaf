"""Write what the option table knows into the documents that repeat it: `make docs`; a unit test compares them."""

from __future__ import annotations

from pathlib import Path

import module_documents
import role_documents


def texts() -> dict[Path, str]:
    """Return the text that each generated file, or file with generated parts, should have."""
    return {**module_documents.texts(), **role_documents.texts()}


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, encoding="utf-8")
