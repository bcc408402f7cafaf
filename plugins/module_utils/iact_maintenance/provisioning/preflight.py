"""Collect the facts that the role needs before it changes a host, and every reason to stop."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from ..host import Host
from . import accounts, config, credentials, crontabs, folders, jobs, packages, rotation
from .places import Places, Subject
from .refusal import Refusal
from .variables import Site, read


def judge(variables: Mapping[str, object], library: str = Places().library) -> tuple[Site, list[Refusal]]:
    """Return what the role's variables ask for, and everything that is wrong with them."""
    site, refusals = read(variables)
    files = credentials.wanted(site, library)
    if not refusals:
        refusals = [] if site.credentials == "keep" else list(credentials.unwritable(files))
        refusals += config.refusals(config.content(site, files, (), library))
    return site, refusals


def look(
    variables: Mapping[str, object], host: Host, *, is_rehearsal: bool = False, places: Places | None = None
) -> dict[str, Any]:
    """Return the facts for the role's tasks as plain data, without passwords and without lines of crontabs."""
    places = places or Places()
    site, refusals = judge(variables, places.library)
    if host.effective_user_id() != 0:
        message = "the role must run as root on the host; set ansible_become to true in the inventory"
        return {"refusals": [each._asdict() for each in [*refusals, Refusal("not_root", message, "ansible_become")]]}
    account = host.account(site.user)
    subject = Subject(site, host, places, account.pw_dir if account else places.library, is_rehearsal)
    refusals += accounts.name_refusals(subject)
    facts, more, remarks = _look(subject)
    if site.state == "present":
        refusals += more
    # Otherwise a refused variable could show its value here.
    facts["config"] = {} if refusals else facts["config"]
    return {**facts, "refusals": [each._asdict() for each in refusals], "remarks": remarks}


def _look(subject: Subject) -> tuple[dict[str, Any], list[Refusal], list[dict[str, str]]]:
    site, home = subject.site, subject.home
    installed = packages.programs(subject.host)
    files, present = credentials.wanted(site, home), credentials.present(credentials.places(site, home))
    there, rules, lines = folders.look(subject), rotation.look(subject), crontabs.look(subject)
    wanted = packages.look(subject, installed)
    facts = {
        "account": accounts.facts(subject),
        "programs": installed,
        "packages": wanted._asdict(),
        "folders": [folder._asdict() for folder in there],
        "credentials": [each._asdict() for each in present],
        "credentials_to_write": [file.path for file in files if site.credentials == "manage"],
        "rotation": {"is_ours": rotation.is_ours(subject.places.rotation), "rules": [rule._asdict() for rule in rules]},
        "crontab_lines": [line._asdict() for line in lines],
        "jobs": list(jobs.facts(site)),
        "config": config.content(site, files, [each.path for each in present], home),
    }
    refusals = chain(
        packages.release_refusals(subject),
        accounts.refusals(subject),
        folders.refusals(subject, there),
        credentials.foreign(site, files, present),
        rotation.refusals(subject, rules),
        crontabs.refusals(lines),
        packages.refusals(subject, wanted),
    )
    return facts, list(refusals), [remark._asdict() for remark in crontabs.remarks(lines)]
