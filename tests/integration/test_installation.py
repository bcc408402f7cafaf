"""The README's three ways to install the collection on a controller, as they are written there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import documents
from tests.runner import CHECKOUT

ADDRESS = "https://github.com/iact/maintenance.git"


def installing() -> str:
    """Return the README's section, with the address of this checkout's copy left to fill in."""
    return documents.text("README.md").split("\n## Installing the collection\n")[1].split("\n## ")[0]


# What an installed collection consists of; the rest of a checkout is for those who work on it.
SHIPPED = {
    *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "LICENSES", "README.md", "REUSE.toml"),
    *("changelogs", "docs", "inventory.example.yml", "meta", "playbooks", "plugins", "roles"),
}
# What the tools and the test itself put beside it.
WRITTEN = {"requirements.yml", "FILES.json", "MANIFEST.json", "GALAXY.yml", "galaxy.yml", ".galaxy_info"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with the files of this checkout as they are now."""
    folder = tmp_path_factory.mktemp("installation") / "maintenance"
    files = ["git", "-C", str(CHECKOUT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(files, capture_output=True, text=True, check=False).stdout.split("\0")
    names = [name for name in listed if name and os.path.lexists(CHECKOUT / name)]
    if not names:
        pytest.skip("git does not know this folder")
    copied = "\0".join(names)
    folder.mkdir()
    packer = subprocess.run(
        ["tar", "-C", str(CHECKOUT), "--null", "-T", "-", "-c"], input=copied.encode(), capture_output=True, check=True
    )
    subprocess.run(["tar", "-C", str(folder), "-x"], input=packer.stdout, check=True)
    git = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "--all"], ["commit", "-q", "-m", "as it is"]):
        subprocess.run([*git, *words], check=True)
    return folder


@pytest.mark.parametrize("way", [["collection build", "install iact-"], ["install git+"], ["install -r"]])
def test_the_collection_is_installed_as_the_readme_says(repository: Path, tmp_path: Path, way: list[str]) -> None:
    commands = [line for line in documents.typed(installing()) if any(word in line for word in way)]
    assert len(commands) == len(way)
    (requirements,) = re.findall(r"```yaml\n(.*?)```", installing(), re.DOTALL)
    assert ADDRESS in requirements
    here = repository if len(way) > 1 else tmp_path
    (here / "requirements.yml").write_text(requirements.replace(ADDRESS, f"file://{repository}"), encoding="utf-8")
    commands = [line.replace(ADDRESS, f"file://{repository}") for line in commands]
    script = "\n".join(["set -e", *commands, "cd /", "ansible-playbook --list-tasks iact.maintenance.site"])
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "installed"),
    }
    done = subprocess.run(["sh", "-c", script], cwd=here, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Create the cron entries" in done.stdout
    installed = tmp_path / "installed/ansible_collections/iact/maintenance"
    assert (installed / "plugins/modules/iact_health.py").is_file()
    assert {path.name for path in installed.iterdir()} - WRITTEN == SHIPPED
