from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories import publishing


@pytest.mark.parametrize("links", [True, False], ids=["by a link", "by a rename"])
def test_g21_publishing_takes_no_name_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _refused)
    for name, content in (("taken", "theirs"), ("new", "ours")):
        (tmp_path / name).write_text(content)
    folder = os.open(tmp_path, os.O_RDONLY)
    assert not publishing.give_name(folder, "new", "taken")
    assert (tmp_path / "taken").read_text() == "theirs"
    assert publishing.give_name(folder, "new", "free")
    os.close(folder)
    assert sorted(os.listdir(tmp_path)) == ["free", "taken"] and (tmp_path / "free").read_text() == "ours"


def _refused(*_names: str, **_options: object) -> None:
    raise PermissionError(1, "Operation not permitted")
