"""A context for checks: real settings, and a host whose clock and disks the test sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import Context
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.project import from_answers
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, build

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


class SetHost(Host):
    """This machine with a fixed clock and disks with the free space that the test sets."""

    def __init__(self) -> None:
        super().__init__({})
        self.percent: dict[str, tuple[float, float]] = {}

    def now(self) -> datetime:
        return NOW

    def free_percent(self, path: str) -> tuple[float, float]:
        return self.percent[path] if path in self.percent else super().free_percent(path)


class Answered:
    """A question to a project with a known answer."""

    def __init__(self, *facts: dict[str, object], ending: str = "") -> None:
        output = b"\n".join(json.dumps(fact).encode() for fact in facts)
        self._project = from_answers(output, ending)

    def answer(self) -> object:
        return self._project


@pytest.fixture
def host() -> SetHost:
    return SetHost()


@pytest.fixture
def make_context(tmp_path: Path, host: SetHost) -> Callable[..., Context]:
    """Return a context from raw settings and from the facts of a project."""

    def make(
        options: dict[str, object] | None = None,
        *facts: dict[str, object],
        ending: str = "",
        written_at: float | None = None,
        limit_seconds: float = 5,
    ) -> Context:
        raw = {"state_directory": str(tmp_path / "state"), "django": {"project_path": "/srv/site"}, **(options or {})}
        settings = build([Layer("test", raw)], written_at)
        return Context(settings, host, limit_seconds, Answered(*facts, ending=ending))  # type: ignore[arg-type]

    return make
