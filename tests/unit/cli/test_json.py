"""The log's line: one line, ASCII, valid, whatever the report holds."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli.json import render
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Finding, Report


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_ft16_foreign_text_never_breaks_the_line(summary: str, message: str, facts: dict[str, object]) -> None:
    report = Report("job", summary, (Finding("warning", "code", subject="subject", message=message),), {"facts": facts})
    line = render(report)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert line.isascii()
    assert all(char >= " " for char in line[:-1])
    read = json.loads(line)
    assert (read["summary"], read["findings"][0]["message"], read["facts"]) == (summary, message, facts)


def test_half_a_character_is_kept_as_what_it_is() -> None:
    assert json.loads(render(Report("job", "\udcff")))["summary"] == "\udcff"
