"""The modules iact_backup and iact_restore through Ansible itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import runner
from tests.integration.backup_rig import Rig, verifies


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
