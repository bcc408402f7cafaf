"""Words for people that several checks use."""

from __future__ import annotations

_UNITS = ((2 * 86400, 86400, "days"), (2 * 3600, 3600, "h"), (120, 60, "min"))


def span(seconds: float) -> str:
    """A length of time in its largest sensible unit."""
    for least, unit_seconds, word in _UNITS:
        if seconds >= least:
            return f"{seconds / unit_seconds:.0f} {word}"
    return f"{max(0.0, seconds):.0f} s"
