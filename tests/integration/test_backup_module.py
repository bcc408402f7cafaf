"""The modules iact_backup and iact_restore through Ansible itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import runner
from tests.integration.backup_kits import ROWS, MariaDBKit
from tests.integration.backup_rig import Rig, verifies
from tests.integration.servers import MariaDB

MODULES = Path(__file__).resolve().parents[2] / "plugins" / "modules"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def module(rig: Rig, name: str, options: runner.Options | None = None, **arguments: Any) -> runner.TaskResult:
    return runner.run_module(name, {"config": str(rig.root / "maintenance.json"), **arguments}, options)


def test_a_backup_and_its_restore_through_ansible(rig: Rig) -> None:
    made = module(rig, "iact_backup")
    assert (made.status, made.result["changed"], made.result["partial"]) == ("ok", True, False), made
    assert verifies(Path(made.result["archive"]))
    target = rig.root / "restored"
    restored = module(rig, "iact_restore", target_directory=str(target))
    assert restored.status == "ok", restored
    rows = {row["name"]: row for row in restored.result["components"]}
    assert rows["sqlite.site"]["rows"] == 100 and rows["sqlite.site"]["tables_equal"] == "1 of 1"
    assert (target / "a_json.log").read_bytes() == (rig.root / "logs" / "a_json.log").read_bytes()


def test_fi14_check_mode_announces_and_writes_nothing(rig: Rig) -> None:
    before = sorted(rig.root.rglob("*"))
    planned = module(rig, "iact_backup", options=runner.Options(arguments=["--check"]))
    assert (planned.status, planned.result["changed"], planned.result["dry_run"]) == ("ok", True, True), planned
    assert sorted(rig.root.rglob("*")) == before


def test_parameters_alone_are_enough_for_a_backup(rig: Rig) -> None:
    (rig.root / "maintenance.json").write_text("{}")
    made = module(
        rig,
        "iact_backup",
        directory=str(rig.root / "new"),
        create_directory=True,
        sqlite_files=[str(rig.database)],
        state_directory=str(rig.root / "state"),
    )
    assert made.status == "ok", made
    assert verifies(Path(made.result["archive"]))


def test_a_module_fails_with_the_commands_words(rig: Rig) -> None:
    rig.backups.chmod(0o777)
    made = module(rig, "iact_backup")
    assert made.status == "failed"
    assert made.result["outcome"] == "failed with error unsafe_directory"
    status, report = rig.run()
    assert (status, report["summary"]) == (1, made.result["summary"])
    refused = module(rig, "iact_restore")
    assert refused.status == "failed"


def examples(name: str, places: dict[str, str]) -> list[dict[str, Any]]:
    """Return the tasks of a module's EXAMPLES, with the places of this test instead of a site's."""
    text = (MODULES / f"{name}.py").read_text().split('EXAMPLES = r"""')[1].split('"""')[0]
    for place, ours in places.items():
        assert place in text, place
        text = text.replace(place, ours)
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    return tasks


def test_the_examples_of_both_modules_run(rig: Rig, mariadb: MariaDB) -> None:
    kit = MariaDBKit(mariadb, rig.root, database="iact")
    try:
        rig.configure(kit.sections(), tables=["dora_metrics"])
        (rig.root / "db.sqlite3").write_bytes(rig.database.read_bytes())
        root = str(rig.root)
        places = {"/srv/iact/backups": f"{root}/others", "/srv/iact": root, "/var/log/iact": f"{root}/logs"}
        play(rig, examples("iact_backup", places))
        (archive,) = rig.archives()
        files = {"/var/tmp": root, "iact_data_backup_20260131_020000.tar": archive.name}
        play(rig, examples("iact_restore", {**files, "/root/restore.cnf": f"{root}/mysql-restore.cnf"}))
        assert kit.rows("iact_restore_monday") == ROWS
        assert os.listdir(rig.root / "restored_logs") == ["a_json.log"]
    finally:
        found = [name for (name,) in mariadb.execute("SHOW DATABASES") if str(name).startswith("iact_restore_")]
        kit.made += found
        kit.clear()


def play(rig: Rig, tasks: list[dict[str, Any]]) -> None:
    environment = {"IACT_MAINTENANCE_CONFIG": str(rig.root / "maintenance.json")}
    plays = [{"hosts": "localhost", "gather_facts": False, "environment": environment, "tasks": tasks}]
    run = runner.run_playbook(plays)
    assert run.return_code == 0, run.output
