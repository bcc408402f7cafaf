"""Passwords: wrapped when they enter, and redacted in every foreign text that might repeat them."""

from __future__ import annotations

import base64
import functools
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
_SHORTEST_ANYWHERE = 4
_PIECE = 6
_PROBE = 3
_SEPARATORS = " \t\r\n/:;,.@#?&=%+-_'\"()[]{}<>|"
# Characters that programs leave unquoted in a URL's user part: from none to all that RFC 3986 allows.
_UNQUOTED = ("", "/", "!'()*~", "!$&'()*+,;=:@/~")
_SECRET_NAME = re.compile(
    "PASS|PWD|SECRET|TOKEN|KEY|DSN|CREDENTIAL|AUTH|CLAVE|CONTRASE|CREDENCIA|SENHA|SEGREDO|CHAVE|LLAVE", re.IGNORECASE
)
# Ordinary words that may be a part of a secret, or the value of a variable with a secret's name.
_ORDINARY = frozenset(
    {"localhost", "127.0.0.1", "password", "passwd", "secret", "database", "default", "django", "connection"}
    | {"postgres", "postgresql", "mysql", "mariadb", "sqlite", "production", "staging", "development"}
    | {
        "true",
        "false",
        "none",
        "null",
        "server",
        "client",
        "connect",
        "restore",
        "backup",
        "command",
        "warning",
        "errors",
    }
    | {"failed", "access", "denied", "account", "session", "sessions", "function", "trigger", "relation", "constraint"}
    | {
        "foreign",
        "schema",
        "column",
        "timeout",
        "refused",
        "return",
        "ignored",
        "public",
        "execute",
        "create",
        "select",
    }
)
# Words after "password:" that are no password: "Access denied … (using password: YES)".
_ANSWERS = frozenset({"", "yes", "no", "none", "null", "true", "false", MASK})
_VALUE = r"(?P<value>(?P<quote>\\*[\"'])(?:(?!(?P=quote))(?:\\.|[^\\]))*(?:(?P=quote)|$)|[^\s,;)}\]'\"]+)"
_NAMES = "pass(?:word|wd|phrase)?|pwd|secret(?:_?key)?|(?:api|auth|access)_?(?:token|key)|clave|contrase[nñ]a|senha"
_TELLING = (
    (
        ("pass", "pwd", "secret", "token", "key", "clave", "contrase", "senha"),
        re.compile(
            rf"(?P<name>(?<![^\W_])(?:{_NAMES})(?:s?|[_\d]\w*)\\*[\"']?\s*[:=]\s*(?:[bru](?=['\"]))?){_VALUE}",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
    (
        ("identified", "password"),
        re.compile(rf"(?P<name>(?:IDENTIFIED\s+BY|PASSWORD)\s+(?=\\*[\"'])){_VALUE}", re.IGNORECASE | re.DOTALL),
    ),
    (("://",), re.compile(r"(?P<name>://[^\s/:'\"<>]*:)(?P<value>[^\s'\"<>]+)(?=@)")),
)
_known: set[str] = set()
_public: set[str] = set()


class Secret:
    """A password that is not shown; only `reveal()` returns the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        if text:
            _known.add(text)

    def reveal(self) -> str:
        """Return the password; called only to pass it to a driver or to write it into a private file."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def names_secret(name: str) -> bool:
    """Return whether a variable or option with this name holds a secret, in English, Spanish or Portuguese."""
    return _SECRET_NAME.search(name) is not None


def keep(*words: str) -> None:
    """Register a word that is no secret, such as a database's name; it is not redacted as a part of a secret."""
    _public.update(word.lower() for word in words)


def learn(name: str, value: str) -> None:
    """Register the secret in a variable of the site: its value, or the password in its URL."""
    if names_secret(name) and value.lower() not in _ORDINARY:
        Secret(value)
    for password in _passwords_in_url(value):
        Secret(password)
        Secret(unquote(password))


def _passwords_in_url(value: str) -> Iterator[str]:
    """Yield possible passwords of a URL; an unquoted `/`, `#` or `@` in it makes it ambiguous."""
    for rest in value.split("://")[1:]:
        _user, colon, behind = rest.partition(":")
        for part in (re.split("[/?#]", behind, maxsplit=1)[0], behind):
            if colon and "@" in part:
                yield part.rpartition("@")[0]


@functools.lru_cache(maxsize=256)
def _forms(text: str) -> tuple[tuple[str, int], ...]:
    """Return the encodings of a secret, each with the length from which a part of it is redacted.

    A part in base64 or hexadecimal is longer than the six characters of the secret that it encodes.
    """
    raw = text.encode("utf-8", "surrogateescape")
    addresses = {quote(raw, safe=safe) for safe in _UNQUOTED} | {quote_plus(raw)}
    lower = {re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), address) for address in addresses}
    escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1], shlex.quote(text)}
    escaped |= {text.replace("'", "''"), text.replace("\\", "\\\\").replace("'", "\\'"), repr(raw)[2:-1]}
    forms = {(form, _PIECE) for form in {text, " ".join(text.split()), *addresses, *lower, *escaped}}
    # At three positions, because a secret may begin at any of them in encoded text.
    for lead in range(3):
        encoded = base64.b64encode(b"\0" * lead + raw).decode("ascii").rstrip("=")[(0, 2, 3)[lead] :]
        encoded = encoded[: -1 or None] if (lead + len(raw)) % 3 and lead else encoded
        forms |= {(encoded, 8), (encoded.replace("+", "-").replace("/", "_"), 8)}
    forms |= {(raw.hex(), 2 * _PIECE), (raw.hex().upper(), 2 * _PIECE)}
    # The encoded forms of a short secret are too short to be recognised.
    forms = {(form, size) for form, size in forms if size == _PIECE or len(form) >= _PIECE}
    return tuple((form, size) for form, size in forms if form)


def redact(text: str) -> str:
    """Return foreign text without known secrets and without what follows a name like `password`.

    Redacted are secrets as they are, escaped and encoded, and parts of six or more characters, because a program may
    cut a secret or split it at separators. For foreign text only (drivers, children, exceptions): our own sentences
    never contain a secret. A very short secret is redacted only if it stands alone.
    """
    for form in sorted({form for known in _known for form, _size in _forms(known)}, key=len, reverse=True):
        if len(form) >= _SHORTEST_ANYWHERE:
            text = text.replace(form, MASK)
        else:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", MASK, text)
    text = _without_pieces(text)
    # The words first, because the pattern is slow if none of them occurs.
    lower = text.lower()
    for words, pattern in _TELLING:
        if any(word in lower for word in words):
            text = pattern.sub(_struck, text)
    return text


def _struck(match: re.Match[str]) -> str:
    return match.group() if match.group("value").strip("'\"\\").lower() in _ANSWERS else match.group("name") + MASK


def _without_pieces(text: str) -> str:
    """Return the text without runs of six or more characters of a secret, except words that are no secret."""
    for size, grams, probes in _grams(frozenset(_known)):
        # Only every n-th position is examined, because no part fits between two of them.
        step = size - _PROBE + 1
        near = [place for place in range(0, len(text), step) if text[place : place + _PROBE] in probes]
        places = sorted({place for middle in near for place in range(max(0, middle - step + 1), middle + 1)})
        hits = [place for place in places if text[place : place + size] in grams]
        for start, end in reversed(_runs(hits, size)):
            if not _says_nothing(text, start, end):
                text = text[:start] + MASK + text[end:]
    return text


def _says_nothing(text: str, start: int, end: int) -> bool:
    """Return whether a part, or the word around it, is an ordinary word and no sign of the secret."""
    while start and text[start - 1].isalpha() and text[start].isalpha():
        start -= 1
    while end < len(text) and text[end].isalpha() and text[end - 1].isalpha():
        end += 1
    return text[start:end].strip(_SEPARATORS).lower() in _ORDINARY | _public


@functools.lru_cache(maxsize=4)
def _grams(known: frozenset[str]) -> tuple[tuple[int, frozenset[str], frozenset[str]], ...]:
    """Return a length, every part of that length that is redacted, and every shorter text in these parts."""
    by_size: dict[int, set[str]] = {}
    for form, size in (pair for text in known if len(text) >= _PIECE for pair in _forms(text)):
        by_size.setdefault(size, set()).update(_substrings(form, size))
    return tuple(
        (size, frozenset(pieces), frozenset(short for piece in pieces for short in _substrings(piece, _PROBE)))
        for size, pieces in by_size.items()
    )


def _substrings(text: str, size: int) -> Iterator[str]:
    return (text[place : place + size] for place in range(len(text) - size + 1))


def _runs(hits: list[int], size: int) -> list[tuple[int, int]]:
    """Return the ranges that overlapping or adjacent parts cover."""
    runs: list[tuple[int, int]] = []
    for place in hits:
        if runs and place <= runs[-1][1]:
            runs[-1] = (runs[-1][0], place + size)
        else:
            runs.append((place, place + size))
    return runs


def foreign(text: str, limit: int = 4096) -> str:
    """Return another program's words as one line: redacted first, then collapsed, cut and escaped."""
    return printable(" ".join(redact(text).split()), limit)


def printable(text: str, limit: int = 4096) -> str:
    """Return `text` on one line, control characters escaped, cut at `limit` characters: for logs and terminals."""
    # Cut first, because a server's message may have megabytes; escaping never shortens it.
    chars = text[: limit + 1]
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in chars)
    return shown if len(shown) <= limit else shown[:limit] + " …"
