"""Demonstrate the jobs on an embedded database, step by step, without root, Docker or a server.

`make demo` runs it. All files are in `.cache/demo`, which each run creates again.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def places(folder: Path) -> dict[str, Path]:
    """Return the paths of the demo's files, by the constants that hold them."""
    return {
        "FOLDER": folder,
        "PROJECT": folder / "callcentersite",
        "DATABASE": folder / "site.sqlite3",
        "CONFIG": folder / "maintenance.json",
        "RESTORED": folder / "restored",
    }


FOLDER, PROJECT, DATABASE, CONFIG, RESTORED = places(
    Path(os.environ.get("IACT_DEMO_FOLDER", ROOT / ".cache" / "demo"))
).values()
SESSIONS, EXPIRED, METRICS = 120_000, 90_000, 5_000
_BOLD, _DIM, _PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n{_BOLD}{text}{_PLAIN}", flush=True)


def site_environment() -> dict[str, str]:
    """Return the environment of the fixture project."""
    variables = {"DJANGO_SETTINGS_MODULE": "callcentersite.settings.sqlite", "CALLCENTER_SQLITE_PATH": str(DATABASE)}
    return {**os.environ, **variables}


def manage(*words: str) -> None:
    """Run one management command of the fixture project. Raise CalledProcessError."""
    argv = [sys.executable, "manage.py", *words]
    subprocess.run(argv, cwd=PROJECT, env=site_environment(), check=True, stdout=subprocess.DEVNULL)


def set_up() -> None:
    """Create the site, its data, its logs and the settings in the demo's folder."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in ("logs", "state", "backups"):
        (FOLDER / name).mkdir(parents=True, mode=0o700)
    shutil.copytree(ROOT / "tests" / "fixtures" / "callcentersite", PROJECT)
    (PROJECT / ".env").write_text(f"CALLCENTER_SQLITE_PATH={DATABASE}\n", encoding="utf-8")
    manage("migrate", "--verbosity", "0")
    counts = ("--sessions", str(SESSIONS), "--expired", str(EXPIRED), "--metrics", str(METRICS))
    manage("seed_site", *counts, "--log-directory", str(FOLDER / "logs"))
    settings = {
        "state_directory": str(FOLDER / "state"),
        "sqlite": {"path": str(DATABASE)},
        "django": {
            "project_path": str(PROJECT),
            "python": sys.executable,
            "settings_module": "callcentersite.settings.sqlite",
            "env_file": str(PROJECT / ".env"),
        },
        "backup": {
            "directory": str(FOLDER / "backups"),
            "sqlite_files": [str(DATABASE)],
            "log_directory": str(FOLDER / "logs"),
        },
    }
    CONFIG.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    CONFIG.chmod(0o644)


def command(*words: str, expect: int = 0) -> None:
    """Run one `iact-maintenance` command and print its command line. Raise SystemExit if it fails."""
    print(f"{_DIM}$ iact-maintenance {' '.join(words)} --config {CONFIG.relative_to(ROOT)}{_PLAIN}", flush=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins" / "module_utils")}
    argv = [sys.executable, "-m", "iact_maintenance.cli.start", *words, "--config", str(CONFIG)]
    _expect(argv, environment, expect)


def playbook(*words: str) -> None:
    """Run `tests/demo.yml`. Raise SystemExit if it fails."""
    print(f"{_DIM}$ ansible-playbook tests/demo.yml{_PLAIN}", flush=True)
    extra = json.dumps({"demo_config": str(CONFIG)})
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "tests/demo.yml", "-e", extra, *words]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOWS": "1"}
    _expect(argv, environment, 0)


def _expect(argv: Sequence[str], environment: dict[str, str], expect: int) -> None:
    status = subprocess.run(argv, cwd=ROOT, env=environment, check=False).returncode
    if status != expect:
        raise SystemExit(f"the demo expected exit status {expect} and met {status}")
    if expect:
        print(f"{_DIM}(exit status {status}, as it should){_PLAIN}", flush=True)


def rows(path: Path) -> dict[str, str]:
    """Return number and sum of the rows of both tables, to compare before and after."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        counts = {}
        for table, column in (("django_session", "session_key"), ("dora_metrics", "id")):
            count, last = connection.execute(f"SELECT count(*), max({column}) FROM {table}").fetchone()
            counts[table] = f"{count:,} rows, last {last}"
        return counts


def compare() -> None:
    """Compare the restored copy with the original. Raise SystemExit if they differ."""
    (copy,) = RESTORED.glob("*.sqlite3")
    original, restored = rows(DATABASE), rows(copy)
    for table, text in original.items():
        print(f"  {table:16} original: {text}\n  {'':16} restored: {restored[table]}")
    if original != restored:
        raise SystemExit("the restored copy differs from the original")
    print("  the same")


def main() -> int:
    """Return 0 after the whole demo."""
    began = time.monotonic()
    say(f"1. A Django site on SQLite: {SESSIONS:,} sessions, {EXPIRED:,} of them expired, and JSON logs")
    set_up()
    ready = time.monotonic()
    print(f"  set up in {ready - began:.0f} s: {FOLDER.relative_to(ROOT)}")
    say("2. Health: critical, because there are too many sessions")
    command("health", expect=1)
    say("3. What would the cleanup do?")
    command("session-cleanup", "--dry-run", "--verbose")
    say("4. The cleanup")
    command("session-cleanup", "--force", "--verbose")
    say("5. Health again: fine")
    command("health")
    say("6. Through Ansible: the cleanup again, which finds nothing to do, health, and a backup")
    playbook()
    say("7. Which archives are there?")
    command("archives")
    say("8. Is the newest one whole?")
    command("verify")
    say("9. A restore beside the original")
    command("restore", "--target-directory", str(RESTORED))
    compare()
    say(f"Done in {time.monotonic() - ready:.0f} s after the set-up. Look around in {FOLDER.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
