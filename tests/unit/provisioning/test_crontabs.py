"""Crontab lines that concern the jobs, and nothing of them that may be a secret."""

from __future__ import annotations

import pytest

from tests.unit.provisioning.machine import Machine, record

OLD = "0 2 * * * MYSQL_PWD=hush /srv/iact/backup_data_centralization.sh --password=hush\n"


def lines(machine: Machine) -> list[tuple[int, str, str, bool]]:
    """Return number, schedule, script and whether it is an old job, of each line."""
    seen = machine.look()["crontab_lines"]
    return [(line["number"], line["schedule"], line["script"], line["is_old_job"]) for line in seen]


def test_the_old_scripts_are_refused_by_file_and_line_and_no_text_of_theirs_is_shown(machine: Machine) -> None:
    text = (
        "# 0 1 * * * /x/cleanup_sessions.sh\n"
        '@daily MYSQL_PWD="my hush word#1" /x/cleanup_sessions.sh --pass hush\n'
        "MAILTO = hush /x/cleanup_sessions.sh\n"
        "5 4 * * sun root cd / && /iact/health_check.sh mysql://u:hush@h\n"
        "*/5 * * * * /opt/HEALTH_CHECK.SH >> /var/log/iact/health.log\n"
    )
    machine.write("crontabs/iact", text)
    old = [
        (2, "@daily", "cleanup_sessions.sh", True),
        (3, "", "cleanup_sessions.sh", True),
        (4, "5 4 * * sun", "health_check.sh", True),
        (5, "*/5 * * * *", "HEALTH_CHECK.SH", True),
    ]
    assert lines(machine) == old
    assert machine.refusals() == [("old_script", "")] * 4
    assert f"{machine.root}/crontabs/iact line 4: 5 4 * * sun health_check.sh" in machine.messages()
    assert "hush" not in str(machine.look())


@pytest.mark.parametrize("file", ["crontabs/callcenter", "system_crontab", "cron_folder/site-1_a", "crontabs/jane.doe"])
def test_every_file_that_cron_runs_is_read(machine: Machine, file: str) -> None:
    machine.host.accounts["jane.doe"] = record("jane.doe", 4711, "/")
    machine.write(file, OLD)
    assert machine.refusals() == [("old_script", "")]


@pytest.mark.parametrize(
    "file",
    ["cron_folder/site.disabled", "cron_folder/site.dpkg-old", "cron_folder/site~", "cron_folder/.placeholder"]
    + ["crontabs/tmp.aB12cd", "crontabs/callcenter.bak", "crontabs/.hidden"],
)
def test_g71_a_file_that_cron_ignores_is_ignored(machine: Machine, file: str) -> None:
    machine.write(file, OLD)
    assert lines(machine) == []


@pytest.mark.parametrize(
    "command",
    [
        "nodetool clearsnapshot >> {logs}/cleanup.log 2>&1",
        "/opt/check.sh --json>>{logs}/health.log",
        "/opt/check.sh > '{logs}/backup.log'",
    ],
)
def test_g65_another_job_that_writes_into_a_log_of_ours_is_a_remark_and_no_refusal(
    machine: Machine, command: str
) -> None:
    text = command.format(logs=machine.logs)
    machine.write("cron_folder/site", f"0 3 1 * * root TOKEN=hush {text}\n")
    assert machine.refusals() == []
    (remark,) = machine.look()["remarks"]
    assert remark["code"] == "shared_log"
    assert "cron_folder/site line 1: 0 3 1 * * " in remark["message"]
    assert "remove" not in remark["message"]
    assert "hush" not in str(remark)


@pytest.mark.parametrize("name", ["my_cleanup_sessions.sh", "cleanup_sessions.sh.new", "iact_health_check.sh"])
def test_a_copy_of_an_old_script_under_a_similar_name_is_refused(machine: Machine, name: str) -> None:
    machine.write("crontabs/iact", f"0 2 * * * /opt/{name} --pass hush\n")
    assert lines(machine) == [(1, "0 2 * * *", name, True)]
    assert [code for code, _variable in machine.refusals()] == ["old_script"]


@pytest.mark.parametrize(
    "text",
    [
        "*/5 * * * * /usr/local/bin/iact-maintenance health --json --scheduled >> {logs}/health.log 2>&1",
        "0 2 * * * /opt/other/health_check.sh >> /var/log/other.log",
        "0 2 * * * grep -c error {logs}/health.log",
        "0 2 * * * /opt/x >> {logs}/health.log.old",
        "",
    ],
)
def test_a_line_that_is_ours_or_does_not_concern_us_is_not_seen(machine: Machine, text: str) -> None:
    machine.write("crontabs/iact", text.format(logs=machine.logs).replace("iact/", "x/") if "other" in text else text)
    assert [line for line in lines(machine) if line[3]] == []


def test_bytes_that_are_no_text_hold_nobody_up(machine: Machine) -> None:
    (machine.root / "crontabs" / "iact").write_bytes(b"\xff\xfe\n0 2 * * * /srv/iact/cleanup_sessions.sh \xff\n")
    assert lines(machine) == [(2, "0 2 * * *", "cleanup_sessions.sh", True)]
