"""Passwords: wrapped where they enter, and struck out of every foreign text that might repeat them."""

from __future__ import annotations

import base64
import json
import re
import shlex
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST_ANYWHERE = 4
_known: set[str] = set()


class Secret:
    """A password that never shows itself: only `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        if text:
            _known.add(text)

    def reveal(self) -> str:
        """The password itself; called only where it is handed to a driver or written to a private file."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def _forms(text: str) -> set[str]:
    raw = text.encode("utf-8", "surrogateescape")
    encoded = base64.b64encode(raw).decode("ascii")
    escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
    escaped.add(shlex.quote(text))
    return {text, quote(raw, safe=""), quote(raw), quote_plus(raw), encoded, encoded.rstrip("="), *escaped} - {""}


def redact(text: str) -> str:
    """`text` without any secret known to this process, also URL-encoded, in base64, escaped or quoted.

    For foreign text only (drivers, children, exceptions): our own sentences never hold a secret, and a password that
    is a common word would tear holes into them. A very short secret is struck out only where it stands alone.
    """
    for form in sorted((form for known in _known for form in _forms(known)), key=len, reverse=True):
        if len(form) >= _SHORTEST_ANYWHERE:
            text = text.replace(form, MASK)
        else:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", MASK, text)
    return text


def printable(text: str, limit: int = 4096) -> str:
    """`text` on one line, control characters escaped and cut at `limit` characters: for logs and terminals."""
    # Cut at once, because a server's message may have megabytes; each character is at least as long when shown.
    chars = text[: limit + 1]
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in chars)
    return shown if len(shown) <= limit else shown[:limit] + " …"
