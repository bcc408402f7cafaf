"""What the checks of one run share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks import context, session_engine
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.checks.context import (
    Context,
    ProjectQuestion,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django.project import Project
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.django import Django

Make = Callable[..., Context]


def test_a_project_is_asked_once_however_many_checks_wait(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(host: Host, django: Django, deadline_seconds: float) -> Project:
        asked.append(deadline_seconds)
        return client_ask(host, django, deadline_seconds, servers=False)

    client_ask = context.client.ask
    monkeypatch.setattr(context.client, "ask", ask)
    site = Django(str(checkout / "tests/fixtures/callcentersite"), sys.executable, "callcentersite.settings.production")
    question = ProjectQuestion(Host(), site, 20)
    assert question.answer() is question.answer()
    assert question.answer().loaded
    assert asked == [20]


def test_a_project_that_cannot_be_asked_tells_every_check_why(make_context: Make) -> None:
    question = ProjectQuestion(Host(), Django("/nonexistent", sys.executable), 20)
    asking = make_context()._replace(question=question)
    for _unused in range(2):
        with pytest.raises(MaintenanceError, match="/nonexistent"):
            asking.project()
    assert asking.project_or_none() is None
    assert session_engine.session_engine(asking)[0].status == "skip"


def test_a_fault_of_our_own_reaches_the_checks_and_hangs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*arguments: object) -> Project:
        raise ZeroDivisionError

    monkeypatch.setattr(context.client, "ask", ask)
    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        ProjectQuestion(Host(), Django("/", "/"), 20).answer()
    assert time.monotonic() - began < 5


def test_without_a_project_there_is_none(make_context: Make) -> None:
    assert make_context()._replace(question=None).project_or_none() is None


def test_the_session_engine_of_an_asked_project_is_judged_by_the_site_s_option(make_context: Make) -> None:
    engine = {"fact": "session_engine", "name": "site.sessions", "ancestry": ["site.sessions.SessionStore"]}
    assert session_engine.session_engine(make_context(None, engine))[0].status == "fail"
    allowed = {"health": {"allowed_session_engines": ["site.sessions"]}}
    assert session_engine.session_engine(make_context(allowed, engine))[0].status == "pass"
