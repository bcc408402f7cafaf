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
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import names
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import health, table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories import catalogue
from tests.unit.role import ROLE, evaluated, said

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
    found = patterns("absent_state.yml", "Find the state of the jobs")
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


def answered(listed: object, status: int = 0, reason: str = "") -> dict[str, Any]:
    """Return what the role registered of the command's list of archives."""
    return {"rc": status, "stdout": json.dumps(listed), "stderr": reason}


def entries(*kinds: str, **more: str) -> dict[str, Any]:
    return {"archives": [{"name": f"{kind}.tar", "kind": kind, **more} for kind in kinds], "findings": []}


GONE = {"archives": [], "findings": [{"code": "archives_missing", "message": "proven, and gone since"}]}
SKIPPED = {"skipped": True}
# What a look without the command finds: a file among the archives, and none that was ever proven.
LEFT = {
    "__iact_maintenance_archive_files": {"matched": 1, "skipped_paths": {}},
    "__iact_maintenance_proofs": {"stat": {"exists": False}},
}


def runs(name: str, task_file: str, archives: dict[str, Any], **given: Any) -> bool:
    """Return whether the role runs that task after such a list."""
    (task,) = [task for task in tasks(task_file) if task["name"] == name]
    conditions = task["when"] if isinstance(task["when"], list) else [task["when"]]
    registered: dict[str, Any] = {"__iact_maintenance_identity": {"stat": {"exists": True}}, **LEFT}
    registered["__iact_maintenance_archives"] = archives
    return all(evaluated(f"({one}) | bool", **{**registered, **given}) for one in conditions)


@pytest.mark.parametrize("purge", [True, False])
@pytest.mark.parametrize(
    ("archives", "leaves_without_purge"),
    [
        (answered({"archives": []}), True),
        (answered(entries("other_host", "broken", "foreign")), True),
        (answered(entries("good")), False),
        (answered(entries("partial")), False),
    ],
)
def test_the_identity_goes_where_no_archive_stays_that_carries_it(
    archives: dict[str, Any], leaves_without_purge: bool, purge: bool
) -> None:
    name = "Remove the host's identity if no archive with it remains"
    goes = runs(name, "absent.yml", archives, iact_maintenance_purge=purge)
    assert goes is (purge or leaves_without_purge)
    assert not runs("Report why the host's identity is kept", "absent.yml", archives)


@pytest.mark.parametrize("purge", [True, False])
@pytest.mark.parametrize(
    ("archives", "because"),
    [
        (answered({}, 1, "not_mounted: nothing is mounted there"), "not_mounted: nothing is mounted there"),
        (answered({}, 1, "unsafe_directory: it is missing"), "unsafe_directory: it is missing"),
        (answered({}, 2, "bad_option"), "bad_option"),
        (answered(GONE), "proven, and gone since"),
        (SKIPPED, "the command iact-maintenance is not installed"),
    ],
)
def test_the_identity_stays_where_it_is_not_known_whether_archives_stay(
    archives: dict[str, Any], because: str, purge: bool
) -> None:
    name = "Remove the host's identity if no archive with it remains"
    assert not runs(name, "absent.yml", archives, iact_maintenance_purge=purge)
    (task,) = [task for task in tasks("absent.yml") if task["name"] == "Report why the host's identity is kept"]
    assert runs(task["name"], "absent.yml", archives)
    assert because in said(task["ansible.builtin.debug"]["msg"], __iact_maintenance_archives=archives)


@pytest.mark.parametrize(
    ("more", "goes"),
    [
        ({}, True),
        ({"__iact_maintenance_archive_files": {"matched": 1, "skipped_paths": {}}}, False),
        ({"__iact_maintenance_archive_files": {"matched": 0, "skipped_paths": {"/x": "is not a directory"}}}, False),
        ({"__iact_maintenance_proofs": {"stat": {"exists": True}}}, False),
        ({"iact_maintenance_backup_require_mountpoint": True}, False),
    ],
)
def test_without_the_command_the_identity_goes_only_where_nothing_can_be_left(more: dict[str, Any], goes: bool) -> None:
    name = "Remove the host's identity if no archive with it remains"
    empty: dict[str, Any] = {**LEFT, "__iact_maintenance_archive_files": {"matched": 0, "skipped_paths": {}}}
    assert runs(name, "absent.yml", SKIPPED, **{**empty, **more}) is goes
    assert runs(tasks("purge.yml")[0]["name"], "purge.yml", SKIPPED, **{**empty, **more}) is not goes


@pytest.mark.parametrize("status", [1, 2])
def test_a_purge_says_why_it_deletes_no_archive(status: int) -> None:
    task, archives = tasks("purge.yml")[0], answered({}, status, "not_mounted")
    assert runs(task["name"], "purge.yml", archives)
    assert "not_mounted. Delete them" in said(
        task["ansible.builtin.debug"]["msg"], __iact_maintenance_archives=archives
    )
    assert not runs(task["name"], "purge.yml", answered({"archives": []}))
    assert not runs(task["name"], "purge.yml", SKIPPED, __iact_maintenance_identity={"stat": {"exists": False}})


def test_a_purge_names_the_archives_that_stay_and_how_those_without_an_identity_are_taken_over() -> None:
    task = tasks("purge.yml")[-1]
    own, foreign = answered(entries("good", "copy", identity="1")), answered(entries("other_host", identity="2"))
    earlier, unread = answered(entries("other_host", identity="")), answered(entries("broken"))
    assert not runs(task["name"], "purge.yml", own)
    for archives in (foreign, earlier, unread):
        assert runs(task["name"], "purge.yml", archives)
        message = said(task["ansible.builtin.debug"]["msg"], __iact_maintenance_archives=archives)
        assert json.loads(archives["stdout"])["archives"][0]["name"] in message
        assert ("archives --adopt" in message) is (archives is earlier)


def test_a_purge_takes_the_three_logs_however_they_are_rotated_and_no_others() -> None:
    found = patterns("purge.yml", "Find the jobs' logs and archives", 0)
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
