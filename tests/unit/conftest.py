"""Fixtures of several unit tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import configuration, settings

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import permissions, secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli.command import main
from tests.unit.session_site import Done, Site

configuration.set_hypothesis_home_dir(Path(__file__).resolve().parents[2] / ".cache" / "hypothesis")
# No deadline, because machines are busy; the same examples every time, so that a red test is red again.
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Forget passwords after each test, because they would be redacted in other tests' texts."""
    for kept in (secret._known, secret._public, permissions._jobs):
        kept.clear()
    yield
    for kept in (secret._known, secret._public, permissions._jobs):
        kept.clear()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a small site on SQLite, without sessions yet."""
    return Site(tmp_path)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """Return the command, called in this process, which is faster than starting one."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    mask = os.umask(0o022)

    def call_it(*words: str) -> Done:
        status = main(list(words))
        return Done(status, *capsys.readouterr())

    yield call_it
    os.umask(mask)
    for number, handler in handlers.items():
        signal.signal(number, handler)
