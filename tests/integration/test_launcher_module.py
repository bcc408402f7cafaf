"""The module that puts the command on a host, run by Ansible itself: what AnsiballZ ships is what the command holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import about
from ansible_collections.iact.maintenance.plugins.modules import iact_launcher
from tests.runner import CHECKOUT, Options, TaskResult, run_module, run_modules

CORE = CHECKOUT / "plugins" / "module_utils" / "iact_maintenance"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the command is to lie."""
    return tmp_path / "iact-maintenance"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the command as the module writes it on a host without one, and the module's result."""
    path = tmp_path_factory.mktemp("first") / "iact-maintenance"
    return path, launch(path).result


@pytest.fixture
def installed(first: tuple[Path, dict[str, Any]], path: Path) -> Path:
    """Return a host's command of its own, with the owner, mode and content that the module gave it."""
    return Path(shutil.copy2(first[0], path))


def launch(path: Path, *arguments: str, **parameters: Any) -> TaskResult:
    return run_module("iact_launcher", {"path": str(path), **parameters}, Options(arguments=arguments))


def test_the_command_holds_every_file_of_the_core_and_runs(first):
    path, result = first
    assert (result["changed"], result["version"], result["previous_version"]) == (True, about.VERSION, "")
    with zipfile.ZipFile(path) as archive:
        held = {name.split("/", 1)[1] for name in archive.namelist() if "/" in name and name.endswith(".py")}
    written = {str(file.relative_to(CORE)) for file in CORE.rglob("*.py")}
    # What the role asks of a host, only modules do.
    assert {name.split("/")[0] for name in written - held} <= {"provisioning"}
    ended = subprocess.run([sys.executable, "-I", str(path), "version"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"iact-maintenance {about.VERSION}\n")
    assert path.stat().st_mode & 0o7777 == 0o755


def test_a_second_run_changes_nothing_not_even_the_time(installed):
    before = installed.stat()
    assert launch(installed).result["changed"] is False
    after = installed.stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


def test_check_mode_writes_nothing_and_the_diff_says_from_which_version_to_which(path):
    result = launch(path, "--check", "--diff").result
    assert (result["changed"], path.exists()) == (True, False)
    assert (result["diff"]["before"], result["diff"]["after"][:24]) == ("", f"iact-maintenance {about.VERSION} (")


def test_a_mode_that_was_changed_is_set_right(installed):
    installed.chmod(0o700)
    assert launch(installed).result["changed"] is True
    assert installed.stat().st_mode & 0o7777 == 0o755


def test_absent_takes_it_away_once(installed):
    removal = {"path": str(installed), "state": "absent"}
    removed, again = run_modules("iact_launcher", [removal, removal])
    assert (removed.result["changed"], again.result["changed"]) == (True, False)
    assert not installed.exists()


def test_a_file_that_is_not_ours_is_never_touched(path):
    path.write_text("#!/bin/sh\nexit 0\n")
    for result in run_modules(
        "iact_launcher", [{"path": str(path), "state": state} for state in ("present", "absent")]
    ):
        assert result.status == "failed"
        assert "is not a version of iact-maintenance" in result.result["msg"]
    assert path.read_text() == "#!/bin/sh\nexit 0\n"


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_g1i_a_relative_path_is_refused_before_anything_in_check_mode_as_well(tmp_path, monkeypatch, check):
    monkeypatch.chdir(tmp_path)
    result = run_module("iact_launcher", {"path": "relative"}, Options(arguments=check))
    assert (result.status, result.result.get("changed", False)) == ("failed", False)
    assert "path is 'relative': an absolute path is allowed" in result.result["msg"]
    assert not (CHECKOUT / "relative").exists() and not (tmp_path / "relative").exists()


@pytest.mark.parametrize("share", [0.0, 0.999])
def test_g1l_a_command_that_was_cut_short_is_repaired(path, share):
    launch(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(40, int(len(whole) * share))])
    assert launch(path, "--check").result["changed"] is True
    result = launch(path, "--diff").result
    assert (result["changed"], result["previous_version"]) == (True, "")
    assert "damaged" in result["diff"]["before"]
    assert path.read_bytes() == whole


def test_a_folder_that_is_missing_is_one_line(tmp_path):
    result = launch(tmp_path / "missing" / "iact-maintenance")
    assert result.status == "failed"
    assert "missing is not a directory" in result.result["msg"]


def test_the_examples_run(path):
    examples = [task["iact.maintenance.iact_launcher"] or {} for task in yaml.safe_load(iact_launcher.EXAMPLES)]
    results = run_modules("iact_launcher", [{**example, "path": str(path)} for example in examples])
    assert {(result.status, result.result["changed"]) for result in results} == {("ok", True)}
