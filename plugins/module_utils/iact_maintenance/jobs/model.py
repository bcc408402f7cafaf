"""The records that describe a job and one run of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..host import Host
from ..report import Report
from ..settings import Settings

Progress = Callable[[str], None]


class Job(NamedTuple):
    """A job: `plan` reads, `preview` reports a plan, `apply` executes it. `lock` is its lock file, if any.

    `always_runs`: the job changes nothing but its own state, so check mode runs it completely. `remember` writes that
    state, and is not called then. `recording_seconds` is the maximum time for recording a run.
    """

    name: str
    plan: Callable[[Settings, Host], Any]
    apply: Callable[[Any, Host, Progress], Report]
    preview: Callable[[Any, Host], Report]
    lock: str = ""
    shared: bool = False
    always_runs: bool = False
    remember: Callable[[Report, Settings, Host], None] | None = None
    recording_seconds: float = 20.0


class Mode(NamedTuple):
    """How a run was requested: `confirm` is called with the dry run's report and raises Refused for a no.

    `started_by` is `cron`, `ansible` or `hand`, with `user` as the person, if known.
    """

    dry_run: bool = False
    scheduled: bool = False
    started_by: str = "hand"
    user: str = ""
    confirm: Callable[[Report], None] | None = None
    progress: Progress = lambda text: None
