"""Render a report as one line of JSON: the entry in the log, and what `--json` prints."""

from __future__ import annotations

import json

from ..report import Report


def render(report: Report) -> str:
    """Return one JSON object on one line, ASCII only, so that no foreign text can break the log's lines."""
    return json.dumps(report.as_dict(), ensure_ascii=True, allow_nan=False, default=str) + "\n"
