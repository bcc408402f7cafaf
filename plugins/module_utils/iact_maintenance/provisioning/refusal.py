"""The records for reasons to stop and for remarks."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """A reason to stop: a stable code, what is wrong and what to do, and the variable to set, if any."""

    code: str
    message: str
    variable: str = ""


class Remark(NamedTuple):
    """Something that an operator should know and that stops nothing."""

    code: str
    message: str
