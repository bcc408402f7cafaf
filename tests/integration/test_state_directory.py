"""The state directory when it is full, read-only or somebody else's: the work is done or refused, never half told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.session_site import Done, Site, finished

CRON = ("session-cleanup", "--force", "--json", "--scheduled")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk and become somebody else")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small filesystem of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "iact", str(path)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def site(tmp_path: Path, disk: Path) -> Site:
    """Return a small site whose state lies on the disk, with three expired sessions and two that live."""
    site = Site(tmp_path)
    site.fill(3, 2)
    site.state.rmdir()
    site.state = disk / "state"
    site.state.mkdir(mode=0o750)
    site.configure()
    return site


def test_fh01_a_full_state_directory_costs_the_record_and_not_the_work(site: Site, disk: Path) -> None:
    assert site.run(*CRON, "--days", "36500").status == 0
    # Up to the end of its block, because a line that still fits into it needs no space of the disk.
    history = site.state / "history.jsonl"
    padding = -(history.stat().st_size + len('{"job": ""}\n')) % 4096
    with history.open("a") as stream:
        stream.write(json.dumps({"job": "x" * padding}) + "\n")
    with pytest.raises(OSError, match="No space"), (disk / "filler").open("wb", buffering=0) as filler:
        for _unused in range(100):
            filler.write(b"x" * 4096)
    done = site.run(*CRON)
    assert (done.status, done.errors, done.line["deleted"]) == (0, "", 3)
    assert [(found["severity"], found["code"]) for found in done.line["findings"]] == [("warning", "not_recorded")]
    assert "the disk is full" in done.line["findings"][0]["message"]
    assert len(site.history()) == 2
    assert not [path for path in site.state.iterdir() if ".part" in path.name]
    (disk / "filler").unlink()
    assert site.run(*CRON).line["status"] == "ok"
    assert len(site.history()) == 3


def test_fh23_a_read_only_state_directory_ends_the_run_before_any_delete(site: Site, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    done = site.run(*CRON)
    assert (done.status, done.line["outcome"]) == (1, "failed with error lock")
    assert "Read-only file system" in done.line["summary"]
    assert site.expired_count() == 3


@pytest.fixture
def open_site() -> Iterator[Site]:
    """Return a small site in a place that every account may reach."""
    folder = Path(tempfile.mkdtemp(prefix="iact-open-", dir="/tmp"))
    folder.chmod(0o755)
    site = Site(folder)
    site.fill(3, 2)
    site.configure(user="nobody")  # type: ignore[arg-type]
    yield site
    shutil.rmtree(folder)


def as_root(site: Site, *words: str) -> Done:
    """Return how a command ended that root started with a umask of nothing."""
    return finished(site.start(*words, preexec_fn=lambda: os.umask(0)))


def test_root_s_run_becomes_the_settings_user_and_leaves_nothing_of_root_s(open_site: Site) -> None:
    shutil.chown(open_site.state, "nobody")
    shutil.chown(open_site.database, "nobody")
    shutil.chown(open_site.folder, "nobody")
    done = as_root(open_site, *CRON)
    assert (done.status, done.line["deleted"]) == (0, 3)
    made = [path for path in open_site.folder.rglob("*") if path != open_site.config]
    assert {path.owner() for path in made} == {"nobody"}
    assert {path.stat().st_mode & 0o777 for path in open_site.state.iterdir()} == {0o600}


def test_g1j_a_state_directory_of_somebody_else_is_refused_and_names_the_chown(open_site: Site) -> None:
    shutil.chown(open_site.database, "nobody")
    done = as_root(open_site, *CRON)
    assert (done.status, done.line["outcome"]) == (2, "failed with error not_permitted")
    hint = done.line["findings"][0]["hint"]
    assert hint.startswith(f"chown nobody {open_site.state}") and "sudo" not in hint
    assert open_site.expired_count() == 3


def test_fd34_a_database_that_the_user_may_only_read_is_read_only(open_site: Site) -> None:
    shutil.chown(open_site.state, "nobody")
    open_site.database.chmod(0o644)
    for words in (("--dry-run",), ()):
        done = as_root(open_site, *CRON, *words)
        assert (done.status, done.line["outcome"]) == (1, "failed with error read_only")
        assert "write access" in done.line["findings"][0]["hint"]
    assert open_site.expired_count() == 3


def test_a_database_that_the_user_may_not_read_says_so(open_site: Site) -> None:
    shutil.chown(open_site.state, "nobody")
    open_site.database.chmod(0o600)
    done = as_root(open_site, *CRON)
    assert done.status == 1
    assert done.line["outcome"] == "failed with error auth"
    assert "access" in done.line["findings"][0]["hint"]
    assert open_site.live_count() == 2
