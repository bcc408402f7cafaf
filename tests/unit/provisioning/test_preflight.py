"""What the role sees of a host, and that it says everything at once."""

from __future__ import annotations

import json

from tests.unit.fakes import Scripted
from tests.unit.provisioning.machine import NUMBER, Machine, record


def test_a_host_with_nothing_in_the_way_has_no_refusals_and_all_facts(machine: Machine) -> None:
    seen = machine.look(mysql_login_password="hush", groups=["www-data", "33"])
    assert (seen["refusals"], seen["remarks"]) == ([], [])
    account = {"exists": True, "home": str(machine.home), "group": str(NUMBER), "group_exists": False}
    assert seen["account"] == {**account, "groups_to_join": ["www-data", "www-data"], "is_made_by_role": False}
    assert seen["programs"] == ["crontab", "logrotate"]
    assert seen["packages"]["missing"] == ("python3-pymysql", "mariadb-client")
    assert seen["credentials_to_write"] == [f"{machine.home}/.my.cnf"]
    assert seen["config"]["mysql"] == {"config_file": f"{machine.home}/.my.cnf"}
    assert [job["log"] for job in seen["jobs"]] == ["cleanup.log", "health.log", "backup.log"]
    assert json.loads(json.dumps(seen))["jobs"][0]["hour"] == "*/6"
    assert "hush" not in str(seen)


def test_g61_refusals_of_every_kind_come_at_once(machine: Machine) -> None:
    machine.folder(machine.logs)
    machine.host.accounts["iact"] = record("iact", NUMBER + 1, "/nonexistent")
    machine.write("cron_allow", "root\n")
    machine.write("cron_folder/site", "0 2 * * * root /srv/iact/backup_data_centralization.sh --token hush\n")
    machine.write("logrotate.d/site", f"{machine.logs}/*.log {{\n weekly\n}}\n")
    machine.host.programs["apt-get"] = Scripted(b"Remv vendor-client [8.0]\nInst mariadb-client\n")
    machine.write("os_release", 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="10"\n')
    given = {"mysql_login_password": "hush", "groups": ["nosuch"], "backup_schedule": "@Daily"}
    expected = {
        ("bad_option", "backup_schedule"),
        ("unsupported_release", ""),
        ("no_group", "groups"),
        ("no_home", "mysql_config_file"),
        ("cron_not_allowed", "user"),
        ("foreign_folder", "log_directory"),
        ("rotated_already", "logrotate"),
        ("old_script", ""),
    }
    assert set(machine.refusals(**given)) == expected
    seen = machine.look(**given)
    assert seen["config"] == {}
    assert "hush" not in str(seen)


def test_a_removal_minds_only_the_variables_and_the_account_s_name(machine: Machine) -> None:
    machine.logs.symlink_to("/nonexistent")
    machine.write("cron_allow", "root\n")
    assert machine.refusals(state="absent", groups=["nosuch"]) == []
    assert machine.refusals(state="absent", user="root", stat=1) == [
        ("unknown_variable", "stat"),
        ("account_root", "user"),
    ]
    assert machine.look(state="absent")["packages"] == {"missing": (), "removed": (), "fault": ""}


def test_without_root_s_rights_the_variables_are_judged_and_nothing_is_looked_at(machine: Machine) -> None:
    machine.host.user_id = 1000
    assert machine.refusals(stat=1) == [("unknown_variable", "stat"), ("not_root", "ansible_become")]


def test_packages_that_would_go_are_refused_and_lists_that_are_not_there_only_outside_of_check_mode(
    machine: Machine,
) -> None:
    machine.host.programs["dpkg-query"] = Scripted(b"")
    machine.host.programs["apt-get"] = Scripted(b"Inst zstd\nRemv vendor-client [8.0]\nRemv other\n")
    assert machine.refusals() == [("packages_removed", "")]
    assert "would remove vendor-client, other" in machine.messages()
    machine.host.programs["apt-get"] = Scripted(errors="Reading…\nE: Unable to locate package zstd", status=100)
    assert machine.refusals() == [("packages_unavailable", "")]
    assert "E: Unable to locate package zstd" in machine.messages()


def test_a_client_is_missing_only_where_its_dump_tool_is(machine: Machine) -> None:
    machine.host.programs.update({"mysqldump": Scripted(), "pg_dump": Scripted()})
    missing = machine.look(mysql_login_port=1, backup_postgresql_databases=["a"])["packages"]["missing"]
    assert missing == ("python3-pymysql", "python3-psycopg2")
