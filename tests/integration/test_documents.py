"""Every command of the README and of the operator's handbook is typed here, in the order in which they stand there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import demo, documents

DOCUMENTS = ("README.md", "docs/operations.md")
HELP = ("session-cleanup", "health", "backup", "archives", "verify", "restore", "prune", "check-config", "version")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the demo's site, small, in a folder of its own."""
    folder = tmp_path_factory.mktemp("documents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "SESSIONS", 300)
        patch.setattr(demo, "EXPIRED", 200)
        patch.setattr(demo, "METRICS", 10)
        for name, path in demo.places(folder / "demo").items():
            patch.setattr(demo, name, path)
        demo.set_up()
    yield folder / "demo"


def ours(document: str) -> list[str]:
    """Return those of its commands that are our own."""
    return [
        line for line in documents.typed(documents.text(document)) if "iact-maintenance " in line and "|" not in line
    ]


def run(checkout: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Return one command line of ours as it ended."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "plugins" / "module_utils")}
    argv = [sys.executable, "-m", "iact_maintenance.cli.start", *words]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_ours_in_a_document_does_what_it_says(checkout: Path, site: Path, document: str) -> None:
    config = ["--config", str(site / "maintenance.json")]
    assert run(checkout, ["backup", *config]).returncode == 0
    (archive, *_others) = sorted((site / "backups").glob("*.tar"))
    commands = ours(document)
    assert len(commands) >= 4
    for number, line in enumerate(commands):
        place = site / f"{document.partition('.')[0].replace('/', '-')}-{number}"
        said = re.sub(r"/var/lib/iact/\S+", str(place), line)
        said = re.sub(r"iact_data_backup_\d+_\d+\.tar", archive.name, said)
        words = [word for word in shlex.split(said) if word not in ("sudo", "iact-maintenance")]
        if words == ["session-cleanup"]:
            # There is no terminal here to say yes on.
            words.append("--force")
        done = run(checkout, [*words, *config] if words[0] != "check-config" else words + config)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_other_commands_are_those_that_other_tests_run() -> None:
    # `make` is what CI calls; hosts' commands are typed in molecule/, modules' in the other tests of this folder.
    known = (
        "make ",
        "ansible",
        "sudo iact-maintenance ",
        "sudo crontab",
        "tail ",
        "grep ",
        "journalctl ",
        "cd ",
        "tar ",
        "sudo -i",
        "mkdir ",
        "mariadb -e ",
        "runuser -u postgres -- createdb ",
        "runuser -u postgres -- psql ",
    )
    for document in DOCUMENTS:
        assert all(line.startswith(known) for line in documents.typed(documents.text(document)))


@pytest.mark.parametrize("command", HELP)
def test_the_example_in_each_commands_help_is_understood(checkout: Path, site: Path, command: str) -> None:
    text = " ".join(run(checkout, [command, "--help"]).stdout.split())
    example = re.search(r"Example: iact-maintenance (.+)$", text)
    assert example is not None
    words = shlex.split(example.group(1))
    assert words[0] == command
    done = run(checkout, [*words, "--config", "/nonexistent/maintenance.json"])
    # Understood, and refused only because that file does not exist.
    assert done.returncode == (0 if command == "version" else 2)
    assert "no_config" in done.stderr or "does not exist" in done.stderr or command == "version"
