from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive.names import copy_name
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import sqlite
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.dumper import Destination
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source, Stored
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.targets import open_target
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Damaged, MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import Limits
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.repositories.folder import (
    Folder,
    open_folder,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.backup import Backup
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import SQLiteFile
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, build

LIMITS = Limits(30)
IDENTITY = "1" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "backups").mkdir(mode=0o700)
    with open_folder(Host(), str(tmp_path / "backups")) as opened:
        yield opened


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE dora_metrics (id INTEGER PRIMARY KEY, value TEXT)")
        connection.execute('CREATE TABLE "odd ""name" (id)')
        connection.executemany("INSERT INTO dora_metrics (value) VALUES (?)", [("x" * 50,)] * 5000)
    return path


def options(**section: object) -> Backup:
    return build([Layer("test", {"backup": section})]).backup


def source(path: Path) -> Source:
    return Source("sqlite.site", "sqlite", str(path), ())


def private_copy(folder: Folder) -> contextlib.AbstractContextManager[sqlite.Private]:
    return sqlite.private(folder.descriptor, os.path.join(folder.path, copy_name(os.getpid(), IDENTITY)))


def copied(path: Path, folder: Folder, target: Path, host: Host | None = None) -> dict[str, int | None]:
    with private_copy(folder) as private:
        facts = sqlite.copy(host or Host(), source(path), private, LIMITS)
        target.write_bytes(b"".join(private.chunks()))
        assert os.fstat(private.descriptor).st_size == 0, "its space is given back"
        return dict(facts.rows)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_copy_holds_the_rows_that_it_states(folder: Folder, site: Path, tmp_path: Path, mode: str) -> None:
    with sqlite3.connect(site) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    rows = copied(site, folder, tmp_path / "copy.sqlite3")
    assert rows == {"dora_metrics": 5000, 'odd "name': 0}
    assert sqlite.rows(str(tmp_path / "copy.sqlite3")) == rows


def test_the_copy_has_no_name_and_leaves_nothing(folder: Folder, site: Path) -> None:
    with private_copy(folder) as private:
        sqlite.copy(Host(), source(site), private, LIMITS)
        assert folder.names() == []
    assert folder.names() == []


class SteppingHost(Host):
    """A host that counts how often the clock is asked: once before a copy, and after each of its steps."""

    asked = 0

    def monotonic(self) -> float:
        self.asked += 1
        return super().monotonic()


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_that_is_written_meanwhile_is_copied_as_of_one_moment_and_no_step_twice(
    folder: Folder, site: Path, tmp_path: Path, mode: str
) -> None:
    with sqlite3.connect(site) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        # More than one step of the copy.
        connection.executemany("INSERT INTO dora_metrics (value) VALUES (?)", [("x" * 2000,)] * 10_000)
    ended = threading.Event()

    def write() -> None:
        writer = sqlite3.connect(site, timeout=30)
        while not ended.is_set():
            writer.execute("INSERT INTO dora_metrics (value) VALUES ('new')")
            writer.commit()
            # Else no reader ever finds the lock free without a log of changes.
            ended.wait(0.001)
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            target, host = tmp_path / f"copy{number}.sqlite3", SteppingHost()
            rows = copied(site, folder, target, host)
            assert rows == sqlite.rows(str(target))
            steps = -(-target.stat().st_size // 4096 // sqlite._STEP_PAGES)
            assert 2 < steps + 1 == host.asked
    finally:
        ended.set()
        thread.join()


def test_an_empty_file_is_a_database_without_tables(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite3").write_bytes(b"")
    assert copied(tmp_path / "empty.sqlite3", folder, tmp_path / "copy.sqlite3") == {}
    assert sqlite.rows(str(tmp_path / "copy.sqlite3")) == {}


def test_a_missing_or_damaged_file_is_named(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(MaintenanceError, match="does not exist"):
        copied(tmp_path / "none.sqlite3", folder, tmp_path / "copy")
    (tmp_path / "text.sqlite3").write_text("this is no database at all, only text" * 100)
    with pytest.raises(MaintenanceError, match="not a database"):
        copied(tmp_path / "text.sqlite3", folder, tmp_path / "copy")
    assert folder.names() == []


def test_a_copy_that_takes_too_long_is_given_up(folder: Folder, site: Path, tmp_path: Path) -> None:
    with pytest.raises(MaintenanceError) as raised, private_copy(folder) as private:
        sqlite.copy(Host(), source(site), private, Limits(0))
    assert raised.value.code == "timeout"
    assert folder.names() == []


def test_files_of_one_name_become_two_components() -> None:
    found = sqlite.locate(options(sqlite_files=["/a/site.sqlite3", "/b/site.sqlite3", "/b/other.db"]), None, Host())
    names = [one.component for one in found]
    assert len(set(names)) == 3 and "sqlite.other" in names
    assert all(name.startswith("sqlite.") for name in names)


def test_b1_a_table_is_looked_up_in_the_configured_file(site: Path, tmp_path: Path) -> None:
    settings = options(tables=["dora_metrics", "none"])
    (found,) = sqlite.locate(settings, SQLiteFile(str(site)), Host())
    assert (found.database, found.tables) == (str(site), ("dora_metrics",))
    assert sqlite.locate(options(tables=["none"]), SQLiteFile(str(site)), Host()) == []
    with pytest.raises(MaintenanceError):
        sqlite.locate(settings, SQLiteFile(str(tmp_path / "none")), Host())


def test_the_size_of_the_copy_is_known_before_it_is_made(site: Path, tmp_path: Path) -> None:
    assert sqlite.size_bytes(str(site)) == os.stat(site).st_size
    assert sqlite.size_bytes(str(tmp_path / "none")) == 0


def test_a_member_that_holds_no_database_is_told_as_a_damaged_archive_and_no_setting_is_blamed(tmp_path: Path) -> None:
    stored = Stored(Source("sqlite.site", "sqlite", "/srv/site.sqlite3", ()), "a.tar", "site.sqlite3.gz")
    dumper = sqlite.SQLiteDumper()
    with open_target(Host(), str(tmp_path / "restored")) as target, pytest.raises(Damaged) as caught:
        dumper.restore(Host(), build([]), stored, Destination(directory=target), iter([b"no database" * 100]))
    assert caught.value.code == "integrity" and "a.tar: site.sqlite3.gz" in caught.value.message
    assert "sqlite.path" not in caught.value.hint
