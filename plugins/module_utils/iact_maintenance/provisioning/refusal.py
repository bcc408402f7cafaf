"""What the role must not go on with, or should say."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """One reason to stop: a stable code, what is wrong and what to do, and the variable to set, if one helps."""

    code: str
    message: str
    variable: str = ""


class Remark(NamedTuple):
    """Something that an operator should know, and that stops nothing."""

    code: str
    message: str
