"""The options and their validation: a typed value from a raw one, or a refusal that says what is allowed."""

from __future__ import annotations

import math
import os.path
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from . import schedule
from .errors import BadOption
from .formatting import simplified
from .secret import Secret, keep, printable

# Ansible's words for booleans (ansible.module_utils.parsing.convert_bool).
_TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
_FALSE = frozenset({"n", "no", "off", "0", "false", "f"})
_LONGEST_TEXT = 4096
_HUGE = 10**80
# Ansible's markup, such as C(value); the text may contain one level of brackets.
_MARK = re.compile(r"\b[BCEIMOPUV]\(((?:[^()]|\([^()]*\))*)\)")
_NAMES = ("login_host", "login_user", "login_db")


class Option(NamedTuple):
    """An option: `kind` is str, path, schedule, int, float, bool, list, or section.

    A section is a mapping with the options of `section`. `config_only` options are allowed in the config file only,
    because they describe the site and not a run. A refused value of a `private` option is not shown, because it may be
    a password. `required`: the section must have it.
    """

    name: str
    kind: str
    help: str
    default: object = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float = 0
    secret: bool = False
    config_only: bool = False
    section: str = ""
    private: bool = False
    required: bool = False

    @property
    def plain_help(self) -> str:
        """Return the help without Ansible's markup."""
        return _MARK.sub(r"\1", self.help)

    @property
    def allowed(self) -> str:
        """Return the allowed values, as the end of a sentence."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        words = {"int": "a whole number", "float": "a number", "bool": "true or false", "path": "an absolute path"}
        words["schedule"] = schedule.ALLOWED
        word = {**words, "list": "a list of texts", "section": "a mapping", "str": "a text that is not empty"}[
            self.kind
        ]
        if self.minimum is not None:
            return f"{word} from {simplified(self.minimum)} to {simplified(self.maximum)}"
        return word


def parse(option: Option, raw: object, name: str) -> object:
    """Return the typed value of `raw` for `option`. Raise BadOption.

    `name` is the option's name in messages (`--days`, `backup.directory`). Numbers and booleans may be given as text,
    as Ansible's `-e` does.
    """
    if option.secret:
        return _secret(raw, name)
    value = _PARSERS[option.kind](raw)
    if value is None or not _within(option, value):
        shown = _kind(raw) if option.private else _shown(raw)
        raise BadOption(f"{name} is {shown}: {option.allowed} is allowed")
    if option.name in _NAMES:
        keep(str(value))
    return value


def nearest(unknown: str, known: list[str]) -> str:
    """Return a question with the most similar known name; empty if none is similar."""
    close = get_close_matches(unknown, known, n=1)
    return f"did you mean {close[0]}?" if close else f"allowed are {', '.join(sorted(known))}"


def mapping(raw: object, name: str) -> Mapping[str, object]:
    """Return `raw` as a mapping with text keys. Raise BadOption."""
    if not isinstance(raw, Mapping) or not all(isinstance(key, str) for key in raw):
        raise BadOption(f"{name} is {_kind(raw)}: a mapping is allowed")
    return raw


def _kind(raw: object) -> str:
    """Return a description of a refused value without showing it, because it may be a password."""
    if isinstance(raw, str):
        return "a text that is not shown, since it may be a password"
    if isinstance(raw, (bool, int, float)):
        return "a number or a switch that is not shown, since it may be a password"
    return _shown(raw)


def _shown(raw: object) -> str:
    """Return a refused value for a message, always short: repr() fails for deep lists and huge numbers."""
    if raw is None:
        return "nothing"
    if isinstance(raw, (list, tuple)):
        return "a list"
    if isinstance(raw, Mapping):
        return "a mapping"
    if isinstance(raw, int) and abs(raw) >= _HUGE:
        return "a huge number"
    return printable(repr(raw), 80)


def _secret(raw: object, name: str) -> Secret:
    if not isinstance(raw, str) or not raw or "\0" in raw:
        raise BadOption(f"{name}: a text that is not empty and holds no NUL is allowed")
    return Secret(raw)


def _within(option: Option, value: object) -> bool:
    if option.choices and value not in option.choices:
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return option.minimum is None or option.minimum <= value <= option.maximum
    return True


def _text(raw: object) -> str | None:
    if not isinstance(raw, str) or not raw.strip() or len(raw) > _LONGEST_TEXT:
        return None
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError:
        return None
    return None if any(ord(char) < 32 or ord(char) == 127 for char in raw) else raw


def _path(raw: object) -> str | None:
    text = _text(raw)
    if text is None or not os.path.isabs(text) or ".." in text.split("/"):
        return None
    return os.path.normpath(text)


def _whole(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    # ASCII digits only, because int() also takes underscores, blanks and other scripts' digits.
    if isinstance(raw, str) and len(raw) < 20 and raw.isascii() and raw.lstrip("-").isdigit() and raw.count("-") < 2:
        return int(raw)
    return None


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        return None
    # Because float() also takes underscores, blanks and other scripts' digits.
    if isinstance(raw, str) and not (raw.isascii() and raw == raw.strip() and "_" not in raw):
        return None
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _boolean(raw: object) -> bool | None:
    if isinstance(raw, bool):
        return raw
    word = raw.lower() if isinstance(raw, str) else {0: "0", 1: "1"}.get(raw, "") if isinstance(raw, int) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def _list(raw: object) -> tuple[str, ...] | None:
    parts = raw.split(",") if isinstance(raw, str) and raw else raw
    if not isinstance(parts, (list, tuple)):
        return None
    texts = [_text(part) for part in parts]
    return None if None in texts else tuple(text for text in texts if text is not None)


def _schedule(raw: object) -> str | None:
    parsed = schedule.parse(raw) if isinstance(raw, str) else None
    return parsed.to_cron() if parsed else None


_PARSERS = {
    "str": _text,
    "schedule": _schedule,
    "path": _path,
    "int": _whole,
    "float": _number,
    "bool": _boolean,
    "list": _list,
}
