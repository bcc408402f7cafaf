"""Whether each configured database answers: a query was sent and its answer came back."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial

from ..engines.facts import Convention
from ..engines.table import ENGINES
from ..settings import Server, Settings, SQLiteFile
from .context import Context
from .outcome import PASS, Outcome


def connection(settings: Settings, engine: str) -> Server | SQLiteFile | None:
    """The connection by which health reaches an engine: its own account where it has one."""
    return {"mysql": settings.health.mysql, "postgresql": settings.health.postgresql, "sqlite": settings.sqlite}[engine]


def in_time(target: Server | SQLiteFile, context: Context) -> Server | SQLiteFile:
    """The same connection with a time to connect that ends before the check does, so that its own words are heard."""
    if isinstance(target, SQLiteFile):
        return target
    return replace(target, connect_timeout=min(target.connect_timeout, context.limit_seconds * 0.7))


def _answers(engine: str, context: Context) -> list[Outcome]:
    target = connection(context.settings, engine)
    if target is None:
        return []
    module = ENGINES[engine]
    opened = module.open_sessions(in_time(target, context), context.host, Convention(), writable=False)
    with closing(opened) as database:
        database.server_now()
    return [Outcome(PASS, "a query was answered")]


postgresql = partial(_answers, "postgresql")
mysql = partial(_answers, "mysql")
sqlite = partial(_answers, "sqlite")
