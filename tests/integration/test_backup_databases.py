"""Backup and restore of real database servers by the command itself, with the accounts that the documents name."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.table import DUMPERS
from tests.integration import canaries
from tests.integration.backup_kits import ROWS, Kit, MariaDBKit, PostgreSQLKit
from tests.integration.backup_rig import Rig, verifies
from tests.integration.servers import MariaDB, PostgreSQL

SERVERS = {"mysql": "mariadb", "postgresql": "postgresql"}


@pytest.fixture(params=[SERVERS[engine] for engine in DUMPERS if engine in SERVERS])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    server: Any = request.getfixturevalue(request.param)
    kit = MariaDBKit(server, tmp_path) if isinstance(server, MariaDB) else PostgreSQLKit(server, tmp_path)
    yield kit
    server.ensure_running()
    kit.clear()


@pytest.fixture
def rig(tmp_path: Path, kit: Kit) -> Rig:
    rig = Rig(tmp_path)
    rig.configure(kit.sections(), tables=["dora_metrics"])
    return rig


def test_b1_b7_a_table_is_backed_up_and_restored_beside_the_original(rig: Rig, kit: Kit) -> None:
    status, made = rig.run()
    assert (status, made["status"]) == (0, "ok"), made
    saved = {row["name"]: row for row in made["components"]}[kit.component()]  # type: ignore[attr-defined]
    assert saved["rows"] == ROWS
    status, restored = rig.run((), "restore", "--components", kit.component())
    assert status == 0, restored
    (row,) = restored["components"]  # type: ignore[misc]
    kit.made.append(row["target"])
    assert row["target"].startswith("iact_restore_") and row["tables_equal"] == "1 of 1"
    assert kit.rows(row["target"]) == kit.rows(kit.database) == ROWS


def test_a_whole_database_covers_the_table_in_it(rig: Rig, kit: Kit) -> None:
    rig.configure(kit.sections(), tables=["dora_metrics"], **{f"{kit.engine}_databases": [kit.database]})
    status, made = rig.run()
    assert status == 0, made
    status, restored = rig.run((), "restore", "--components", kit.component())
    (row,) = restored["components"]  # type: ignore[misc]
    kit.made.append(row["target"])
    assert row["tables_equal"] == "2 of 2"
    assert kit.rows(row["target"], "other") == 1


@pytest.mark.parametrize("named", [True, False])
def test_tables_of_a_second_postgresql_schema_come_back_named_or_with_the_whole_database(
    postgresql: PostgreSQL, tmp_path: Path, named: bool
) -> None:
    kit, rig = PostgreSQLKit(postgresql, tmp_path), Rig(tmp_path)
    for statement in ("CREATE SCHEMA second", "CREATE TABLE second.dora_metrics AS SELECT 1 AS id"):
        postgresql.execute(statement, database=kit.database)
    rig.configure(
        kit.sections(), **({"tables": ["dora_metrics"]} if named else {"postgresql_databases": [kit.database]})
    )
    assert rig.run()[0] == 0
    status, restored = rig.run((), "restore", "--components", kit.component())
    kit.made += [name for (name,) in _scratch(kit)]
    kit.clear()
    assert status == 0, restored
    (row,) = restored["components"]  # type: ignore[misc]
    assert row["tables_equal"] == ("2 of 2" if named else "3 of 3")


def test_a_table_alone_needs_only_the_rights_of_a_table(mariadb: MariaDB, tmp_path: Path) -> None:
    kit, rig = MariaDBKit(mariadb, tmp_path), Rig(tmp_path)
    kit.backup = mariadb.create_account()
    kit.give("backup_table", kit.backup[0])
    rig.configure(kit.sections(), tables=["dora_metrics"])
    status, made = rig.run()
    kit.clear()
    assert (status, made["status"]) == (0, "ok"), made


def test_the_plain_recipe_needs_no_tool_of_ours(rig: Rig, kit: Kit) -> None:
    assert rig.run()[0] == 0
    (archive,) = rig.archives()
    member = f"{kit.component()}.{kit.suffix}.zst"
    packed = subprocess.run(["tar", "xOf", archive, member], check=True, capture_output=True).stdout
    dump = subprocess.run(["zstd", "-dc"], input=packed, check=True, capture_output=True).stdout
    target = kit.server.create_database()
    kit.made.append(target)
    kit.plainly(dump, target)
    assert kit.rows(target) == ROWS


def test_b9_no_password_leaves_its_file(rig: Rig, kit: Kit) -> None:
    password = kit.backup[1]
    with canaries.watching(password) as found:
        status, made = rig.run()
        assert status == 0
        assert rig.run((), "restore", "--components", kit.component())[0] == 0
    assert found.looks > 5 and found.places == []
    shown = json.dumps(made)
    for path in rig.root.rglob("*"):
        if path.is_file() and not path.name.startswith(f"{kit.engine}-"):
            assert password.encode() not in path.read_bytes(), path
    assert password not in shown and json.dumps(password)[1:-1] not in shown
    kit.made += [name for (name,) in _scratch(kit)]


def _scratch(kit: Kit) -> list[tuple[str]]:
    catalogue = "SHOW DATABASES" if kit.engine == "mysql" else "SELECT datname FROM pg_database"
    return [(name,) for (name,) in kit.server.execute(catalogue) if str(name).startswith("iact_restore_")]


def test_x12_a_server_that_is_down_fails_the_run_and_keeps_the_rest(rig: Rig, kit: Kit) -> None:
    kit.server.stop()
    status, made = rig.run()
    assert (status, made["outcome"]) == (1, "failed with error db_unreachable"), made
    assert made["partial"] is True
    assert [path.name.endswith(".partial.tar") for path in rig.archives()] == [True]
    kit.server.start()
    assert rig.run()[0] == 0


def test_x12_a_wrong_password_is_no_success(rig: Rig, kit: Kit) -> None:
    kit.backup = (kit.backup[0], "wrong")
    rig.configure(kit.sections(), tables=["dora_metrics"])
    status, made = rig.run()
    assert (status, made["outcome"]) == (1, "failed with error auth"), made


def test_a_table_that_no_server_has_is_named(rig: Rig, kit: Kit) -> None:
    rig.configure(kit.sections(), tables=["dora_metrics", "x; DROP TABLE other"])
    status, made = rig.run()
    assert (status, made["outcome"]) == (1, "failed with error no_table"), made
    assert kit.rows(kit.database, "other") == 1


def test_fd07_a_server_killed_while_it_is_dumped_makes_no_backup(rig: Rig, kit: Kit) -> None:
    kit.grow(600_000)
    process = rig.start()
    part = _appeared(rig)
    until = time.monotonic() + 10
    while part.stat().st_size < 20_000 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.005)
    kit.server.kill()
    output, _errors = process.communicate(timeout=60)
    kit.server.start()
    if process.returncode == 0:
        pytest.skip("the dump had ended before the server was killed")
    assert process.returncode == 1, output
    assert all(path.name.endswith(".partial.tar") for path in rig.archives())
    assert kit.component() in json.loads(output)["summary"]


HARM = {"mysql": "GRANT INSERT ON {database}.other TO '{user}'@'%'", "postgresql": "ALTER ROLE {user} CREATEROLE"}


@pytest.mark.parametrize("code", ["read_only", "restore_account", "not_empty", "auth"])
def test_c3_ft12_the_dry_run_of_a_restore_refuses_what_the_real_one_refuses(rig: Rig, kit: Kit, code: str) -> None:
    assert rig.run()[0] == 0
    words = ["restore", "--components", kit.component()]
    login = kit.login(kit.restore, "restore")
    if code == "read_only":
        login = {**login, "read_only": True}
    elif code == "restore_account":
        kit.server.execute(HARM[kit.engine].format(database=kit.database, user=kit.restore[0]))
    elif code == "auth":
        login = kit.login((kit.restore[0], "wrong"), "wrong")
    else:
        assert rig.run((), *words, "--target-database", "iact_restore_full")[0] == 0
        kit.made.append("iact_restore_full")
        words += ["--target-database", "iact_restore_full"]
    rig.configure({**kit.sections(), "restore": {kit.engine: login}}, tables=["dora_metrics"])
    before = _scratch(kit)
    (dry, would), (real, did) = rig.run((), *words, "--dry-run"), rig.run((), *words)
    assert (dry, would["outcome"]) == (real, did["outcome"]), (would, did)
    assert did["outcome"] == f"failed with error {code}" and (dry == 2) is (code != "auth")
    assert _scratch(kit) == before


def test_c3_the_dry_run_of_a_restore_makes_no_database(rig: Rig, kit: Kit) -> None:
    assert rig.run()[0] == 0
    status, would = rig.run((), "restore", "--components", kit.component(), "--dry-run")
    assert (status, would["changed"], would["dry_run"]) == (0, True, True), would
    assert _scratch(kit) == []


CLIENTS = {"mysql": "mariadb", "postgresql": "pg_restore"}


def waiting_restore(rig: Rig, kit: Kit) -> subprocess.Popen[str]:
    """Return a restore whose database is made and whose client waits for the file `go`, to break off then."""
    client, root = CLIENTS[kit.engine], rig.root
    asked = f'case "$*" in *--version*|*--help*) exec /usr/bin/{client} "$@";; esac'
    rig.fake_tool(client, f"{asked}\ntouch {root}/ready\nwhile [ ! -e {root}/go ]; do sleep 0.02; done\nexit 1")
    process = rig.start((), "restore", "--components", kit.component())
    until = time.monotonic() + 20
    while not (root / "ready").exists():
        assert time.monotonic() < until and process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def test_ft13_a_signal_during_a_restore_leaves_no_database(rig: Rig, kit: Kit) -> None:
    assert rig.run()[0] == 0
    process = waiting_restore(rig, kit)
    assert len(_scratch(kit)) == 1
    process.terminate()
    output, _errors = process.communicate(timeout=20)
    ended = json.loads(output)
    assert (process.returncode, ended["changed"], ended["components"]) == (143, False, []), output
    assert _scratch(kit) == []


def test_ft13_a_database_that_stays_since_its_server_went_away_is_named(rig: Rig, kit: Kit) -> None:
    assert rig.run()[0] == 0
    process = waiting_restore(rig, kit)
    kit.server.stop()
    (rig.root / "go").touch()
    output, _errors = process.communicate(timeout=60)
    kit.server.start()
    ended = json.loads(output)
    assert (process.returncode, ended["changed"]) == (1, True), output
    (name,) = _scratch(kit)[0]
    kit.made.append(name)
    assert ended["components"] == [{"name": kit.component(), "target": name}]


def _appeared(rig: Rig) -> Path:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = [path for path in rig.backups.iterdir() if path.name.endswith(".tar.part")]
        if found:
            return found[0]
        time.sleep(0.005)
    raise AssertionError("no archive was begun")


def killed_at_random(rig: Rig, kit: Kit, times: int) -> None:
    kit.grow(50_000)
    for number in range(times):
        process = rig.start()
        timer = threading.Timer(0.15 + 1.0 * number / times, process.kill)
        timer.start()
        process.communicate(timeout=60)
        timer.cancel()
        assert all(verifies(path) for path in rig.archives())
    assert rig.run()[0] == 0
    assert rig.leftovers() == []


def test_fh15_random_kills_leave_only_archives_that_verify(rig: Rig, kit: Kit) -> None:
    killed_at_random(rig, kit, 8)


@pytest.mark.long
def test_fh15_two_hundred_kills_leave_only_archives_that_verify(rig: Rig, kit: Kit) -> None:
    killed_at_random(rig, kit, 200)


def test_b1_a_table_in_two_databases_is_saved_from_both(rig: Rig, kit: Kit) -> None:
    with sqlite3.connect(rig.database) as connection:
        connection.execute("INSERT INTO dora_metrics VALUES (1000, 'x')")
    connection.close()
    rig.configure({**kit.sections(), "sqlite": {"path": str(rig.database)}}, tables=["dora_metrics"], sqlite_files=[])
    status, made = rig.run()
    assert status == 0, made
    rows = {row["name"]: row.get("rows") for row in made["components"]}  # type: ignore[attr-defined]
    assert (rows[kit.component()], rows["sqlite.site"]) == (ROWS, 101)
