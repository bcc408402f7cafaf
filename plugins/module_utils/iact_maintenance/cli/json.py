"""Render a report as one line of JSON, for the log and for `--json`."""

from __future__ import annotations

import json

from ..report import Report


def render(report: Report) -> str:
    """Return one JSON object on one line, in ASCII, so that foreign text cannot break the log's lines."""
    return json.dumps(report.as_dict(), ensure_ascii=True, allow_nan=False, default=str) + "\n"
