"""The host as the role leaves it: every file, its owner and mode, the crontab, the rotation, the credentials."""

from __future__ import annotations

import json

import pytest

from tests.hosts.scenario import COMMAND, host_named

SITE = host_named("site")
APART = host_named("apart")
FILES = {
    "/usr/local/bin/iact-maintenance": ("root", "root", 0o755),
    "/etc/iact": ("root", "root", 0o755),
    "/etc/iact/maintenance.json": ("root", "root", 0o644),
    "/etc/logrotate.d/iact-maintenance": ("root", "root", 0o644),
    "/var/lib/iact": ("iact", "iact", 0o750),
    "/var/lib/iact/state": ("iact", "iact", 0o750),
    "/var/lib/iact/.my.cnf": ("iact", "iact", 0o600),
    "/var/lib/iact/.pgpass": ("iact", "iact", 0o600),
    "/var/lib/iact/.iact": ("iact", "iact", 0o700),
    "/var/lib/iact/.iact/restore.cnf": ("iact", "iact", 0o600),
    "/var/lib/iact/.iact/restore.pgpass": ("iact", "iact", 0o600),
    "/var/log/iact": ("iact", "iact", 0o755),
    "/var/log/iact/cleanup.log": ("iact", "adm", 0o640),
    "/var/log/iact/health.log": ("iact", "adm", 0o640),
    "/var/log/iact/backup.log": ("iact", "adm", 0o640),
    "/var/backups/iact": ("iact", "iact", 0o700),
}
CRONTAB = [
    "#Ansible: iact-maintenance session-cleanup",
    f"* * * * * {COMMAND} session-cleanup --force --json --scheduled >> /var/log/iact/cleanup.log 2>&1",
    "#Ansible: iact-maintenance health",
    f"* * * * * {COMMAND} health --json --scheduled >> /var/log/iact/health.log 2>&1",
    "#Ansible: iact-maintenance backup",
    f"* * * * * {COMMAND} backup --json --scheduled >> /var/log/iact/backup.log 2>&1",
]


def as_iact(command: str) -> str:
    """Return what a command prints in the maintenance user's own environment."""
    return SITE.check_output(f"runuser -u iact -- env -i HOME=/var/lib/iact PATH=/usr/bin:/bin LANG=C.UTF-8 {command}")


@pytest.mark.parametrize("path", FILES)
def test_owner_and_mode_are_as_documented(path):
    file = SITE.file(path)
    assert (file.user, file.group, file.mode) == FILES[path]


def test_the_crontab_holds_three_lines_and_their_names():
    assert SITE.check_output("crontab -l -u iact").splitlines() == CRONTAB


def test_cron_is_running_now_and_after_a_restart():
    assert SITE.service("cron").is_running
    assert SITE.service("cron").is_enabled


def test_logrotate_accepts_the_rule_and_rotates_only_the_three_logs():
    checked = SITE.run("logrotate --debug /etc/logrotate.d/iact-maintenance")
    assert checked.rc == 0
    assert "error" not in checked.stderr.lower()
    considered = {line.split()[-1] for line in checked.stderr.splitlines() if line.startswith("considering log")}
    assert considered == {f"/var/log/iact/{name}.log" for name in ("cleanup", "health", "backup")}


def test_a_hostile_password_works_through_the_option_file():
    assert as_iact("mariadb -N -e 'SELECT CURRENT_USER()'") == "iact@127.0.0.1"


def test_a_hostile_password_works_through_the_password_file():
    asked = "psql -w -h 127.0.0.1 -p 15432 -U iact -d iact -tAc 'SELECT current_user'"
    assert as_iact(asked) == "iact"


def test_a_job_of_its_own_account_logs_in_with_its_own_file():
    option_file = "--defaults-file=/var/lib/iact/.iact/restore.cnf"
    assert as_iact(f"mariadb {option_file} -N -e 'SELECT CURRENT_USER()'") == "iact_restore@127.0.0.1"


def test_no_secret_stands_where_everyone_may_read():
    config = SITE.file("/etc/iact/maintenance.json").content_string
    assert "password" not in config
    assert "ärger" not in config + SITE.check_output("crontab -l -u iact")
    assert json.loads(config)["mysql"]["config_file"] == "/var/lib/iact/.my.cnf"


def test_the_settings_are_valid_and_say_where_they_come_from():
    assert SITE.run(f"{COMMAND} check-config /etc/iact/maintenance.json").rc == 0


def test_a_freshly_provisioned_host_is_healthy():
    for host in (SITE, APART):
        checked = host.run(f"{COMMAND} health --json")
        assert (checked.rc, checked.stderr) == (0, ""), checked.stdout


def test_health_watches_the_disk_of_the_jobs_own_logs_where_they_lie_apart():
    checks = json.loads(APART.check_output(f"{COMMAND} health --json"))["checks"]
    assert {"disk_logs", "disk_job_logs"} <= {check["name"] for check in checks}


def test_a_separate_account_leaves_the_application_its_logs():
    folder = APART.file("/var/log/iact")
    assert (folder.user, folder.group, folder.mode) == ("callcenter", "callcenter", 0o755)
    assert APART.file("/var/log/iact").listdir() == []
    assert sorted(APART.file("/var/log/iact-maintenance").listdir()) == ["backup.log", "cleanup.log", "health.log"]
    written = "cd /var/log/iact && echo {} > a.json.log && mv a.json.log a.json.log.1 && echo {} > a.json.log"
    assert APART.run(f"runuser -u callcenter -- sh -c '{written}'").rc == 0
    assert APART.run("logrotate --force /etc/logrotate.d/iact-maintenance").rc == 0
    assert sorted(APART.file("/var/log/iact").listdir()) == ["a.json.log", "a.json.log.1"]


def test_the_backup_of_a_separate_account_reads_the_application_s_logs_where_they_are():
    made = APART.run(f"{COMMAND} backup --json")
    assert made.rc == 0, made.stdout
    members = APART.check_output("tar xOf /var/backups/iact/iact_data_backup_*.tar logs.tar.zst | zstd -d | tar t")
    assert sorted(members.split()) == ["a.json.log", "a.json.log.1"]
