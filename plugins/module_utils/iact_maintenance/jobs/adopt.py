"""Adopt archives that this host wrote under an earlier identity, so that they count again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .. import identity
from ..archive import inventory
from ..archive.manifest import Component
from ..dumps.table import DUMPERS
from ..errors import MaintenanceError
from ..host import Host
from ..report import Finding, Report
from ..repositories import catalogue
from ..repositories.folder import open_backups
from ..secret import printable
from ..sections.jobs import job_named
from ..settings import Settings
from .model import Job, Progress

NAME = "adopt"
_HINT = "restore it by its name if it is needed, or move it out of the directory"


class Plan(NamedTuple):
    """The archives to adopt, and the reason for each of the others."""

    settings: Settings
    matching: tuple[inventory.Entry, ...]
    refused: Mapping[str, str]


class _Origins:
    """The origins of components, each looked up once."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self._settings, self._host = settings, host
        self._known: dict[str, str] = {}

    def difference(self, component: Component) -> str:
        """Return why a component is of something that is not backed up here; empty if it is."""
        key = json.dumps([*component.source[:3], component.server_identity], sort_keys=True)
        if key not in self._known:
            self._known[key] = self._look_up(component)
        return self._known[key]

    def _look_up(self, component: Component) -> str:
        dumper = DUMPERS.get(component.engine)
        if dumper is None:
            return f"no {printable(component.engine, 80)} server is configured here"
        try:
            return dumper.difference(self._settings, self._host, component.source, component.server_identity)
        except MaintenanceError as error:
            return f"the identity of the {component.engine} server cannot be read: {error.message}"


def plan(settings: Settings, host: Host) -> Plan:
    """Return which archives would be adopted. Raise MaintenanceError `unsafe_directory` or `not_mounted`."""
    with open_backups(host, settings) as folder:
        others = catalogue.read(host, folder, settings.state_directory).of_kind(inventory.OTHER_HOST)
    origins, at_work = _Origins(settings, host), _at_work(others, identity.read(host, settings.state_directory))
    reasons = {entry.name: _difference(entry, host, origins, at_work) for entry in others}
    matching = tuple(entry for entry in others if not reasons[entry.name])
    return Plan(settings, matching, {name: reason for name, reason in reasons.items() if reason})


def _at_work(others: Iterable[inventory.Entry], this_host: identity.Identity) -> frozenset[str]:
    """Return the identities that wrote archives after this host got its own: those hosts are in use."""
    made_at = this_host.made_at_seconds
    return frozenset(
        entry.manifest.identity
        for entry in others
        if entry.manifest and made_at is not None and entry.manifest.created_at.timestamp() > made_at
    )


def _difference(entry: inventory.Entry, host: Host, origins: _Origins, at_work: frozenset[str]) -> str:
    """Return why an archive is not of this host; empty if its host's name and its servers match."""
    if entry.manifest is None:
        return "it cannot be read"
    if entry.manifest.host != host.name():
        return f"it belongs to the host {printable(entry.manifest.host, 80)}; this host is {host.name()}"
    if entry.manifest.identity in at_work:
        return "another host of this name is active: it wrote archives after this one got its identity"
    differences = (origins.difference(component) for component in entry.manifest.components)
    return next(filter(None, differences), "")


def preview(planned: Plan, host: Host) -> Report:
    """Return the report of a dry run."""
    return _report(planned, f"archives to take over: {len(planned.matching)}", {"dry_run": True})


def apply(planned: Plan, host: Host, progress: Progress) -> Report:
    """Return the report after adopting the archives; their files are not changed. Raise StorageFault."""
    settings = planned.settings
    if planned.matching:
        identity.adopt(host, settings.state_directory, [entry.digest for entry in planned.matching])
    return _report(planned, f"archives taken over: {len(planned.matching)}", {})


def _report(planned: Plan, summary: str, facts: Mapping[str, object]) -> Report:
    findings = [
        Finding("warning", "other_host", subject=name, message=f"{name} is not taken over: {reason}", hint=_HINT)
        for name, reason in planned.refused.items()
    ]
    rows: dict[str, object] = {"adopted": [entry.name for entry in planned.matching], "others": len(planned.refused)}
    summary += f"; of other hosts: {len(planned.refused)}"
    return Report(NAME, summary, tuple(findings), {**facts, **rows}, changed=bool(planned.matching))


JOB = Job(NAME, plan, apply, preview, lock=job_named(NAME).lock)
