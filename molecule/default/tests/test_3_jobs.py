"""What the operator does by hand at 3 a.m.: a backup and its restore, a server that is down, a look from outside."""

from __future__ import annotations

import json
import re

import pytest

from tests import documents
from tests.hosts.scenario import COMMAND, ask, host_named, wait_until

SITE = host_named("site")
LOGS = ("application_json.log", "error_json.log", "error_json.log.1")


def command(arguments: str, status: int = 0) -> dict:
    ended = SITE.run(f"{COMMAND} {arguments} --json")
    assert ended.rc == status, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def mariadb_rows(database: str) -> list[str]:
    return SITE.check_output(f"mariadb -N {database} -e 'SELECT * FROM dora_metrics ORDER BY id'").splitlines()


def postgresql(database: str, asked: str) -> list[str]:
    return SITE.check_output(f'runuser -u postgres -- psql -p 15432 -d {database} -tAc "{asked}"').splitlines()


def postgresql_rows(database: str) -> list[str]:
    return postgresql(database, "SELECT * FROM dora_metrics ORDER BY id")


@pytest.fixture(scope="module")
def archive() -> str:
    """Return an archive of both databases and the application's logs, made by hand."""
    for name in LOGS:
        SITE.check_output(f"echo '{{}}' > /var/log/iact/{name}")
    return command("backup")["archive"]


def test_the_archive_is_private_and_verifies(archive):
    file = SITE.file(archive)
    assert (file.user, file.mode) == ("iact", 0o600)
    assert command("verify")["status"] == "ok"
    (entry,) = [one for one in command("archives")["archives"] if archive.endswith("/" + one["name"])]
    assert entry["kind"] == "good"


def test_our_restore_brings_equal_rows_into_other_databases(archive):
    restored = command("restore --target-directory /var/lib/iact/restored")
    (mysql,) = [name for name in SITE.check_output("mariadb -N -e 'SHOW DATABASES'").split() if "restore" in name]
    (other,) = [name for name in postgresql("postgres", "SELECT datname FROM pg_database") if "restore" in name]
    assert mysql in json.dumps(restored)
    assert len(mariadb_rows("iact")) == 1000
    assert mariadb_rows(mysql) == mariadb_rows("iact")
    assert postgresql_rows(other) == postgresql_rows("iact")
    assert sorted(SITE.file("/var/lib/iact/restored").listdir()) == sorted(LOGS)
    SITE.check_output("rm -r /var/lib/iact/restored")


def plain_recipe(archive: str) -> list[str]:
    """Return the handbook's own lines, for this archive, a database called `plain` and this host's port."""
    changes = (
        (r"iact_data_backup_\d+_\d+\.tar", archive.rpartition("/")[2]),
        (r"\bcopy\b", "plain"),
        (r"\b(createdb|pg_restore)\b", r"\1 -p 15432"),
    )
    lines = documents.typed(documents.section("### Manual restore with standard tools"))
    for pattern, replacement in changes:
        lines = [re.sub(pattern, replacement, line) for line in lines]
    return [line for line in lines if line != "sudo -i"]


def test_the_plain_recipe_brings_equal_rows_without_any_tool_of_ours(archive):
    # One shell, as the operator has it: the recipe begins with a change of the directory.
    script = "\n".join(["set -e", *plain_recipe(archive)])
    SITE.check_output("sh -c %s", script)
    assert mariadb_rows("plain") == mariadb_rows("iact")
    assert postgresql_rows("plain") == postgresql_rows("iact")
    assert sorted(SITE.file("/root/logs").listdir()) == sorted(LOGS)
    SITE.check_output("rm -r /root/logs")


def test_a_stopped_server_makes_health_fail_by_name_and_starting_it_heals():
    SITE.check_output("systemctl stop mariadb")
    try:
        checks = {check["name"]: check for check in command("health", status=1)["checks"]}
        assert (checks["mysql"]["status"], checks["postgresql"]["status"]) == ("fail", "pass")
        assert checks["mysql"]["hint"]
    finally:
        SITE.check_output("systemctl start mariadb")
    assert command("health")["status"] == "ok"


def test_a_failing_run_of_the_crontab_s_own_line_matches_both_greps():
    (line,) = [line for line in SITE.check_output("crontab -l -u iact").splitlines() if " health " in line]
    job = line.lstrip("#").split(" ", 5)[5]
    SITE.check_output("systemctl stop mariadb")
    try:
        assert SITE.run(f"runuser -u iact -- env -i HOME=/var/lib/iact PATH=/usr/bin:/bin sh -c '{job}'").rc == 1
    finally:
        SITE.check_output("systemctl start mariadb")
    for word in ("error", "fail"):
        assert SITE.run(f"grep -ci {word} /var/log/iact/health.log").stdout.strip() == "1"


def test_a_look_from_outside_says_what_the_host_s_own_command_says():
    own = command("health")
    result = ask("iact_health", "site")
    assert result.status == "ok"
    seen = [[(check["name"], check["status"]) for check in one["checks"]] for one in (own, result.result)]
    assert seen[0] == seen[1]
    assert result.result["status"] == own["status"]


def test_nothing_of_root_s_is_left_behind():
    left = SITE.check_output("find /var/lib/iact /var/log/iact /var/backups/iact -user root")
    assert sorted(left.split()) == sorted(f"/var/log/iact/{name}" for name in LOGS)
    wait_until(lambda: SITE.run("pgrep -f '[i]act-maintenance'").rc == 1, 10, "no process is left")
