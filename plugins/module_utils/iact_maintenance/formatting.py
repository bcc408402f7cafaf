"""Format durations, sizes and counts for people."""

from __future__ import annotations

_UNITS = ((2 * 86400, 86400, "days"), (2 * 3600, 3600, "h"), (120, 60, "min"))


def span(seconds: float) -> str:
    """Return a duration in its largest suitable unit."""
    for least, unit_seconds, word in _UNITS:
        if seconds >= least:
            return f"{seconds / unit_seconds:.0f} {word}"
    return f"{max(0.0, seconds):.0f} s"


def plural(number: int, noun: str, plural_noun: str = "") -> str:
    """Return a number with its noun: `1 component`, `2 components`, `12,400 rows`."""
    word = noun if number == 1 else plural_noun or f"{noun}s"
    return f"{number:,} {word}"


def simplified(value: object) -> object:
    """Return a value for people: a float that is whole as an integer (300 for 300.0), any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def size(size_bytes: int) -> str:
    """Return a number of bytes for people, in powers of 1024."""
    number = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
