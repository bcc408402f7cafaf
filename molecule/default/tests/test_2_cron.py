"""Cron itself runs each job, before and after a rotation, and the logs say the truth to the operator's greps."""

from __future__ import annotations

import pytest

from tests.hosts.scenario import host_named, play, runs, said, wait_until

SITE = host_named("site")
JOBS = {"session_cleanup": "cleanup", "health": "health", "backup": "backup"}
CRON_SECONDS = 100


def finished(job: str) -> list[dict]:
    return [run for run in runs(SITE, f"/var/log/iact/{JOBS[job]}.log") if run["job"] == job]


@pytest.mark.parametrize("job", JOBS)
def test_cron_has_run_the_job_before_the_rotation(job):
    wait_until(lambda: finished(job), CRON_SECONDS, f"cron runs {job}")
    assert finished(job)[-1]["outcome"] == "done"


def test_a_forced_rotation_makes_new_logs_of_the_same_owner_and_mode():
    rotated = SITE.run("logrotate --force /etc/logrotate.d/iact-maintenance")
    assert (rotated.rc, rotated.stderr) == (0, "")
    for log in JOBS.values():
        file = SITE.file(f"/var/log/iact/{log}.log")
        assert (file.user, file.group, file.mode) == ("iact", "adm", 0o640)
        assert SITE.file(f"/var/log/iact/{log}.log.1").size > 0


@pytest.mark.parametrize("job", JOBS)
def test_cron_runs_the_job_after_the_rotation(job):
    wait_until(lambda: finished(job), CRON_SECONDS, f"cron runs {job} after the rotation")
    last = finished(job)[-1]
    assert (last["outcome"], last["host"], last["status"]) == ("done", "site", "ok")


def test_the_last_line_of_each_log_holds_the_job_s_own_facts():
    assert finished("session_cleanup")[-1]["remaining"] == 10_000
    assert {check["name"] for check in finished("health")[-1]["checks"]} >= {"mysql", "postgresql", "sessions"}
    assert finished("backup")[-1]["archive"].startswith("/var/backups/iact/iact_data_backup_")


def test_the_sessions_went_down_and_the_live_ones_are_all_there():
    counted = "SELECT COUNT(*), SUM(expire_date > UTC_TIMESTAMP()) FROM iact.django_session"
    assert SITE.check_output(f"mariadb -N -e '{counted}'").split() == ["10000", "10000"]


def test_a_good_run_matches_neither_of_the_operator_s_greps():
    for word in ("error", "fail"):
        found = SITE.run(f"grep -i {word} /var/log/iact/cleanup.log /var/log/iact/health.log /var/log/iact/backup.log")
        assert (found.rc, found.stdout) == (1, "")


def test_the_system_s_own_log_names_the_runs():
    journal = SITE.check_output("journalctl -t CRON --no-pager")
    for command in ("session-cleanup --force", "health", "backup"):
        assert f"(iact) CMD (/usr/local/bin/iact-maintenance {command} --json --scheduled" in journal


def test_one_variable_pauses_each_job_and_the_others_stay():
    paused = {f"iact_maintenance_{job}_enabled": False for job in JOBS}
    run = play("playbooks/site.yml", "site", "--diff", "-vvv", **paused)
    assert run.return_code == 0, said(run)
    assert not [word for word in ("zwei", "\u00e4rger", "\\u00e4rger") if word in run.output], (
        "a password is on the screen"
    )
    entries = [line for line in SITE.check_output("crontab -l -u iact").splitlines() if "Ansible:" not in line]
    assert len(entries) == 3
    assert all(line.startswith("#* * * * * ") for line in entries)
    wait_until(lambda: SITE.run("pgrep -u iact -f iact-maintenance").rc == 1, 60, "the last runs end")
