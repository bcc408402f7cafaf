"""What the documents say to type, so that tests type that very text."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
OPERATIONS = "docs/operations.md"


def text(document: str = OPERATIONS) -> str:
    """A document as it stands."""
    return (CHECKOUT / document).read_text(encoding="utf-8")


def section(title: str) -> str:
    """A section of the operator's handbook, up to the next of its level or above."""
    level = title.partition(" ")[0]
    rest = text().split(f"\n{title}\n", 1)[1]
    return re.split(rf"^#{{2,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def typed(said: str) -> list[str]:
    """The commands of a text's console blocks, without their comments, continued lines joined."""
    blocks = re.findall(r"```console\n(.*?)```", said, re.DOTALL)
    joined = "".join(blocks).replace("\\\n", " ")
    return [line[2:].split("  #")[0].strip() for line in joined.splitlines() if line.startswith("$ ")]


def rights(heading: str, database: str, account: str) -> list[str]:
    """The statements under a heading of "The least each job needs", for this database and account.

    An account is `'user'@'host'` on MySQL and MariaDB, and a role on PostgreSQL.
    """
    block = re.findall(r"```sql\n(.*?)```", section("## The least each job needs"), re.DOTALL)[0]
    parts = re.split(r"^-- ", block, flags=re.MULTILINE)
    (own,) = [part for part in parts if re.split(r"[;:(\n]", part)[0].strip() == heading]
    statements = [statement.strip() for statement in own.split("\n", 1)[1].split(";") if statement.strip()]
    named = [re.sub(r"'iact_\w+'@'localhost'|(?<=TO )iact_\w+|(?<=ROLE )iact_\w+", account, one) for one in statements]
    return [re.sub(r"\bsite\b", database, one) for one in named]
