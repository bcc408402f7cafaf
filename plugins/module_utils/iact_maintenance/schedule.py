"""When cron starts a job: the five fields of crontab(5) or one of its words, parsed once for all uses."""

from __future__ import annotations

from typing import NamedTuple

# The words of Debian's cron, which are case-sensitive.
WORDS = ("hourly", "daily", "midnight", "weekly", "monthly", "yearly", "annually", "reboot")
ALLOWED = "five cron fields, or one of " + ", ".join(f"@{word}" for word in WORDS)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_TEXT = 4096
_LONGEST_NUMBER = 3


class _Field(NamedTuple):
    """The limits of a field, and the names for its numbers."""

    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (_Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(1, 12, _MONTHS), _Field(0, 7, _DAYS))


class Schedule(NamedTuple):
    """A word without its `@`, or five fields."""

    word: str
    fields: tuple[str, ...]

    def to_cron(self) -> str:
        """Return the schedule as the beginning of a crontab line."""
        return f"@{self.word}" if self.word else " ".join(self.fields)


def parse(text: str) -> Schedule | None:
    """Return the schedule in a text, with any blanks around and between its fields, or None."""
    if len(text) > _LONGEST_TEXT:
        return None
    fields = tuple(text.split())
    if len(fields) == 1 and fields[0].startswith("@"):
        word = fields[0][1:]
        return Schedule(word, ()) if word in WORDS else None
    is_right = len(fields) == len(_FIELDS) and all(map(_is_right, fields, _FIELDS))
    return Schedule("", fields) if is_right else None


def at_the_start_of(line: str) -> Schedule | None:
    """Return the schedule at the beginning of a crontab line, or None."""
    words = line.split(maxsplit=len(_FIELDS))
    if words and words[0].startswith("@"):
        return parse(words[0])
    return parse(" ".join(words[: len(_FIELDS)]))


def _is_right(text: str, field: _Field) -> bool:
    """Return whether a field is a list of `*`, numbers and ranges, with steps for `*` and ranges only."""
    return all(_is_right_part(part, field) for part in text.split(","))


def _is_right_part(part: str, field: _Field) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (_is_number(step) and int(step) > 0):
        return False
    ends = span.split("-")
    if span == "*":
        return True
    numbers = [number for number in (_number(end, field) for end in ends) if number is not None]
    if len(numbers) != len(ends):
        return False
    if len(ends) == 1:
        return not slash
    # Ranges such as fri-mon are invalid in cron.
    return len(ends) == 2 and numbers[0] <= numbers[1]


def _is_number(word: str) -> bool:
    # ASCII only, because isdigit() and int() also take other scripts' digits.
    return word.isascii() and word.isdigit() and len(word) <= _LONGEST_NUMBER


def _number(word: str, field: _Field) -> int | None:
    if word.lower() in field.names:
        return field.names.index(word.lower()) + field.low
    number = int(word) if _is_number(word) else -1
    return number if field.low <= number <= field.high else None
