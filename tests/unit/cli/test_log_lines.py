"""The operator's `grep -i error` and `grep -i fail` over our logs find exactly the runs that did not end with 0."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.cli.flags import COMMANDS, Command
from tests.unit.session_site import Done, Site

Call = Callable[..., Done]


@pytest.fixture
def command(tmp_path: Path, call: Call) -> Call:
    """Return a command as cron starts it, on a site with sessions, logs with telling names and archives."""
    site = Site(tmp_path)
    site.fill(30, 20)
    for name in ("logs", "backups"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "logs" / "error_json.log").write_text('{"level": "error", "message": "failed"}\n')
    site.configure(
        health={"disk_warning_percent": 0, "disk_critical_percent": 0},
        backup={
            "directory": str(tmp_path / "backups"),
            "sqlite_files": [str(site.database)],
            "log_directory": str(tmp_path / "logs"),
            "warning_size_bytes": 1,
        },
    )

    def run(*words: str) -> Done:
        return call(*words, "--json", "--scheduled", "--config", str(site.config))

    return run


def test_no_good_run_of_any_command_holds_either_word(command: Call, tmp_path: Path) -> None:
    lines = {
        words[0]: command(*words)
        for words in (
            ("session-cleanup", "--force", "--warning-rows", "5", "--critical-rows", "10"),
            ("backup",),
            ("archives",),
            ("verify", "latest"),
            ("restore", "--components", "logs", "--target-directory", str(tmp_path / "restored")),
            ("prune",),
            ("health",),
            ("grants", "backup"),
            ("check-config",),
            ("version",),
        )
    }
    assert set(lines) == {row.name for row in COMMANDS}
    for name, done in lines.items():
        assert (name, done.status, done.errors) == (name, 0, ""), done.output
        assert not re.search("error|fail", done.output, re.IGNORECASE), done.output
    assert {lines[name].line["status"] for name in ("session-cleanup", "backup")} == {"critical", "warning"}


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_refused_run_holds_both_words(command: Call, row: Command) -> None:
    done = command(row.name, "--nonsense")
    assert done.status == 2
    assert "failed with error bad_option" in done.output


@pytest.mark.parametrize(
    ("words", "broken"),
    [
        (("session-cleanup", "--force"), "db.sqlite3"),
        (("health",), "db.sqlite3"),
        (("backup",), "db.sqlite3"),
        (("backup",), "backups"),
        (("verify", "latest"), "backups"),
        (("restore",), "backups"),
    ],
)
def test_every_run_that_could_not_do_its_work_holds_both_words(
    command: Call, tmp_path: Path, words: tuple[str, ...], broken: str
) -> None:
    (tmp_path / broken).rename(tmp_path / "elsewhere")
    done = command(*words)
    assert done.status in (1, 2)
    assert re.search("error", done.output, re.IGNORECASE)
    assert re.search("fail", done.output, re.IGNORECASE)
    assert done.output.count("\n") == 1
