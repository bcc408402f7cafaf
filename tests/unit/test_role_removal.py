"""What a removal takes away is known by name: the core's own names, and nothing that only looks like one."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.modules import find

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import catalogue, names
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import health, table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.state import HISTORY
from tests.unit.role import ROLE, evaluated

JOBS = ("session_cleanup", "health", "backup", "restore", "archives", "verify", "prune")
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
    files = [HISTORY, catalogue.PROOFS, health.MEMORY]
    locks = [health.LOCK, *(job.lock for job in map(table.job, JOBS) if job.lock)]
    for name in [*files, *locks, *(name + end for name in files for end in (".lock", ".part"))]:
        assert taken(found, name), name
    for name in ("celery.lock", "site.json", "history.jsonl.old", "my-archives.lock", "health.json.backup"):
        assert not taken(found, name), name


def test_a_purge_takes_our_archives_and_no_others() -> None:
    found = patterns("purge.yml", "Find what the jobs wrote")
    partial = names.ArchiveName(ARCHIVE.created_at, partial=True)
    for name in (ARCHIVE.text, partial.text, ARCHIVE.text + names.PART, f"{names.STEM}copy_4711{names.PART}"):
        assert taken(found, name), name
    for name in ("20250101_020000.tar.gz", "20250101.tar", "20250101_020000.tar.part.old", "copy_of_mine.part"):
        assert not taken(found, names.STEM + name), name


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
