"""What a removal takes away is known by name: the core's own names, and nothing that only looks like one."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.modules import find

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import history, identity
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import catalogue, names
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import health, table
from tests.unit.role import ROLE, evaluated

JOBS = ("session_cleanup", "health", "backup", "restore", "archives", "adopt", "verify", "prune")
KINDS = ("good", "unverified", "partial", "copy", "other_host", "broken", "foreign")
ARCHIVE = names.ArchiveName(datetime(2026, 3, 1, 2, tzinfo=timezone.utc))


def tasks(task_file: str) -> Any:
    return yaml.safe_load((ROLE / "tasks" / task_file).read_text(encoding="utf-8"))


def patterns(task_file: str, task_name: str, place: int = 1) -> Any:
    (task,) = [task for task in tasks(task_file) if task["name"] == task_name]
    assert task["ansible.builtin.find"]["use_regex"]
    return task["loop"][place]["names"] if "loop" in task else task["ansible.builtin.find"]["patterns"]


def taken(found: Any, name: str) -> bool:
    return any(re.match(pattern, name) for pattern in found if "{{" not in pattern)


def test_the_state_is_taken_and_no_other_lock() -> None:
    found = patterns("absent.yml", "Find the state of the jobs")
    files = [history.FILE, catalogue.PROOFS, health.MEMORY]
    locks = [health.LOCK, *(job.lock for job in map(table.job, JOBS) if job.lock)]
    beside = [*files, identity.FILE]
    for name in [*files, *locks, *(name + end for name in beside for end in (".lock", ".part"))]:
        assert taken(found, name), name
    # The identity itself stays where archives that carry it do.
    for name in (
        "identity",
        "identity.old",
        "celery.lock",
        "site.json",
        "history.jsonl.old",
        "my-archives.lock",
        "health.json.backup",
    ):
        assert not taken(found, name), name


def purged(listed: object, status: int = 0) -> list[str]:
    """Return the patterns of what a purge takes from the backup directory, by the command's list of archives."""
    registered = {"rc": status, "stdout": json.dumps(listed)}
    found = evaluated("__iact_maintenance_own_archives", __iact_maintenance_archives=registered)
    assert isinstance(found, list)
    return found


def test_g21_a_purge_takes_this_host_s_archives_and_no_others() -> None:
    other, own = "2" * 32, "1" * 32
    kinds = {kind: ARCHIVE._replace(number=number) for number, kind in enumerate(KINDS, start=1)}
    entries = [{"name": name.text, "kind": kind} for kind, name in kinds.items()]
    found = purged({"identity": own, "archives": entries})
    for kind in ("good", "unverified", "partial", "copy"):
        assert taken(found, kinds[kind].text), kind
    for kind in ("other_host", "broken", "foreign"):
        assert not taken(found, kinds[kind].text), kind
    for name in (names.part_name(ARCHIVE.created_at, own), names.copy_name(4711, own)):
        assert taken(found, name), name
    for name in (names.part_name(ARCHIVE.created_at, other), names.copy_name(4711, other), "iact_data_backup_x.part"):
        assert not taken(found, name), name
    assert not taken(found, kinds["good"].text + ".old")


@pytest.mark.parametrize(("listed", "status"), [({}, 0), ({"archives": []}, 1), ({}, 2)])
def test_a_purge_without_a_list_takes_no_archive(listed: object, status: int) -> None:
    found = purged(listed, status)
    for name in (ARCHIVE.text, names.part_name(ARCHIVE.created_at, "1" * 32)):
        assert not taken(found, name), name


def test_a_purge_takes_the_three_logs_however_they_are_rotated_and_no_others() -> None:
    found = patterns("purge.yml", "Find what the jobs wrote", 0)
    for name in ("cleanup.log", "health.log.1", "backup.log.12.gz", "cleanup.log-20260301", "health.log-20260301.gz"):
        assert taken(found, name), name
    for name in ("app.json.log", "cleanup.log.old", "my-health.log", "backup.log-notes", "cleanup.logs"):
        assert not taken(found, name), name


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        ("", True),
        ("\n", True),
        ("# m h dom mon dow command\n\n  \t# another\n", True),
        ("MAILTO=ops@example.org\n", False),
        ("# a\n\n0 3 * * * /srv/own.sh # weekly\n", False),
        ("\t@daily caf\xe9\n# the end\n", False),
        ("# " * 10_000 + "\nPATH=/bin\n", False),
    ],
)
def test_a_crontab_is_taken_only_where_nothing_but_comments_is_left(tmp_path: Path, text: str, empty: bool) -> None:
    (task,) = [task for task in tasks("absent_account.yml") if "ansible.builtin.find" in task]
    options = task["ansible.builtin.find"]
    (tmp_path / "iact").write_bytes(text.encode("latin-1"))
    found = find.contentfilter(
        str(tmp_path / "iact"), options["contains"], options["encoding"], options["read_whole_file"]
    )
    assert found is empty


def test_a_removal_looks_for_every_job_s_credentials_whatever_it_is_told() -> None:
    found = evaluated("__iact_maintenance_credentials")
    assert len(found) == len(set(found)) == 10
    assert {"/var/lib/iact/.my.cnf", "/var/lib/iact/.pgpass", "/var/lib/iact/.iact/backup.pgpass"} <= set(found)
    told = evaluated("__iact_maintenance_credentials", iact_maintenance_restore_mysql={"login_password": "one"})
    assert sorted(told) == sorted(found)
