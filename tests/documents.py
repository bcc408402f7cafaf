"""Read the commands in the documents, so that tests run exactly these."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
OPERATIONS = "docs/operations.md"


def text(document: str = OPERATIONS) -> str:
    """Return the text of a document."""
    return (CHECKOUT / document).read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return a section of the operator's handbook, up to the next one of its level or above."""
    level = title.partition(" ")[0]
    rest = text().split(f"\n{title}\n", 1)[1]
    return re.split(rf"^#{{2,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def typed(document: str) -> list[str]:
    """Return the commands in a text's console blocks, without comments, continued lines joined."""
    blocks = re.findall(r"```console\n(.*?)```", document, re.DOTALL)
    joined = "".join(blocks).replace("\\\n", " ")
    return [line[2:].split("  #")[0].strip() for line in joined.splitlines() if line.startswith("$ ")]
