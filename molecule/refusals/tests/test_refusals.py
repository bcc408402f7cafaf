"""The role never breaks what it finds: it stops before anything changed, and names the variable to set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.hosts.scenario import host_named, play, said

HOST = host_named("refusals")
# Ansible keeps a folder of its own in the home of whoever it runs as.
SEEN = "find / -xdev -not -path '/tmp*' -not -path '*/.ansible*' -not -path /root -not -path /srv/iact"
SEEN += " -printf '%M %u %g %p %T@ %s\\n' | sort"
# Lists of packages are fetched before apt is asked, and the host's own Python compiles what Ansible's modules import.
VOLATILE = (
    "/var/log/apt",
    "/var/lib/apt",
    "/var/cache/apt",
    "/var/log/journal",
    "/usr/lib/python3",
    "/var/lib/systemd",
)


@dataclass(frozen=True)
class Case:
    """Something that the role may find: how it came there, what must be said, and how it goes again."""

    situation: str
    says: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)
    never_says: str = "no such text"
    afterwards: str = "true"


MYSQL = {"iact_maintenance_mysql_login_password": "one", "iact_maintenance_mysql_login_user": "iact"}
POSTGRESQL = {"iact_maintenance_postgresql_login_password": "one"}
APPLICATION = {"iact_maintenance_user": "callcenter"}
CRONTAB = "/var/spool/cron/crontabs/callcenter"
CASES = {
    "logs_of_another_owner": Case(
        "install -d -o callcenter /var/log/iact",
        ("/var/log/iact belongs to callcenter", "iact_maintenance_user", "iact_maintenance_log_directory"),
        afterwards="rmdir /var/log/iact",
    ),
    "backups_of_another_owner": Case(
        "install -d -o callcenter /var/backups/iact",
        ("/var/backups/iact belongs to callcenter", "iact_maintenance_backup_directory"),
        afterwards="rmdir /var/backups/iact",
    ),
    "a_planted_link_instead_of_a_log": Case(
        "install -d -o callcenter /var/log/iact && ln -s /etc/shadow /var/log/iact/health.log",
        ("/var/log/iact/health.log is a link",),
        APPLICATION,
        afterwards="rm -r /var/log/iact",
    ),
    "a_planted_link_instead_of_a_folder": Case(
        "install -d -o callcenter /srv/iact/own && ln -s own /srv/iact/state && chown -h callcenter /srv/iact/state",
        ("/srv/iact/state is a link",),
        {**APPLICATION, "iact_maintenance_state_directory": "/srv/iact/state"},
        afterwards="rm -r /srv/iact/state /srv/iact/own",
    ),
    "an_option_file_that_is_not_ours": Case(
        "printf '[client]\\npassword = \"hush\"\\nuser=me\\n[mysqldump]\\nquick\\n' > /srv/iact/.my.cnf",
        ("/srv/iact/.my.cnf", "[client] password user [mysqldump]", "iact_maintenance_credentials"),
        {**APPLICATION, **MYSQL},
        never_says="hush",
        afterwards="rm /srv/iact/.my.cnf",
    ),
    "a_password_file_that_is_not_ours": Case(
        "echo '*:*:*:me:hush' > /srv/iact/.pgpass",
        ("/srv/iact/.pgpass", "1 line", "iact_maintenance_credentials"),
        {**APPLICATION, **POSTGRESQL},
        never_says="hush",
        afterwards="rm /srv/iact/.pgpass",
    ),
    "another_rule_for_the_same_logs": Case(
        "mkdir -p /etc/logrotate.d && printf '/var/log/iact/*.log {\\n weekly\\n}\\n' > /etc/logrotate.d/site",
        ("/etc/logrotate.d/site (/var/log/iact/*.log)", "iact_maintenance_logrotate"),
        afterwards="rm /etc/logrotate.d/site",
    ),
    "the_old_scripts_crontab": Case(
        "mkdir -p /var/spool/cron/crontabs && "
        f"echo '0 2 * * * MYSQL_PWD=hush /srv/iact/scripts/backup_data_centralization.sh' > {CRONTAB}",
        (f"{CRONTAB} line 1: 0 2 * * * backup_data_centralization.sh",),
        never_says="hush",
        afterwards="rm -r /var/spool/cron/crontabs",
    ),
    "a_password_wherever_it_stands_in_an_old_line": Case(
        "printf '%s\\n' '# comment' '@daily MYSQL_PWD=\"my hush word#1\" /x/cleanup_sessions.sh --pass hush' "
        "'MAILTO = hush /x/cleanup_sessions.sh' '5 4 * * sun root cd / && /iact/health_check.sh mysql://u:hush@h' "
        "> /etc/cron.d/site",
        tuple(
            f"/etc/cron.d/site line {line}"
            for line in ("2: @daily cleanup_sessions.sh", "3: cleanup_sessions.sh", "4: 5 4 * * sun health_check.sh")
        ),
        never_says="hush",
        afterwards="rm /etc/cron.d/site",
    ),
    "an_account_that_may_have_no_crontab": Case(
        "echo root > /etc/cron.allow",
        ("/etc/cron.allow does not name callcenter",),
        APPLICATION,
        afterwards="rm /etc/cron.allow",
    ),
    "a_rule_for_the_same_logs_behind_a_link": Case(
        "mkdir -p /etc/logrotate.d && printf '/var/log/iact/*.log {\\n weekly\\n}\\n' > /srv/rule"
        " && ln -s /srv/rule /etc/logrotate.d/site",
        ("/etc/logrotate.d/site (/var/log/iact/*.log)", "iact_maintenance_logrotate"),
        afterwards="rm /etc/logrotate.d/site /srv/rule",
    ),
    "several_things_at_once": Case(
        "install -d -o callcenter /var/log/iact && echo '@daily /srv/iact/cleanup_sessions.sh' > /etc/cron.d/site",
        (
            "/var/log/iact belongs to callcenter",
            "/etc/cron.d/site line 1",
            "iact_maintenance_backup_schedule",
            "callcentre",
        ),
        {"iact_maintenance_backup_schedule": "@Daily", "iact_maintenance_groups": ["callcentre"]},
        afterwards="rmdir /var/log/iact && rm /etc/cron.d/site",
    ),
    "a_distribution_that_is_not_supported": Case(
        "sed -i.kept s/^VERSION_ID=.*/VERSION_ID=10/ /etc/os-release && echo 10.1 > /etc/debian_version",
        ("Debian 10", "supports Debian 11, 12, 13"),
        afterwards="mv /etc/os-release.kept /etc/os-release && echo 12.1 > /etc/debian_version",
    ),
    "root_as_the_account": Case("true", ("iact_maintenance_user", "root"), {"iact_maintenance_user": "root"}),
    "root_under_another_name": Case(
        "useradd --non-unique --uid 0 toor",
        ("iact_maintenance_user", "toor is"),
        {"iact_maintenance_user": "toor"},
        afterwards="sed -i /^toor:/d /etc/passwd /etc/shadow /etc/group /etc/gshadow",
    ),
    "no_rights_of_root_s": Case("true", ("ansible_become",), {"ansible_user": "callcenter"}),
    "a_group_that_does_not_exist": Case(
        "true", ("no group callcentre", "iact_maintenance_groups"), {"iact_maintenance_groups": ["callcentre"]}
    ),
    "a_password_that_no_password_file_can_hold": Case(
        "true",
        ("iact_maintenance_postgresql_login_password holds a line break",),
        {"iact_maintenance_postgresql_login_password": "hu\nsh"},
        never_says="hu\\nsh",
    ),
    "an_account_without_a_home": Case(
        "true",
        ("/nonexistent", "iact_maintenance_mysql_config_file"),
        {"iact_maintenance_user": "nobody", **MYSQL},
    ),
    "a_schedule_that_cron_would_not_understand": Case(
        "true", ("iact_maintenance_backup_schedule", "2 * * *"), {"iact_maintenance_backup_schedule": "2 * * *"}
    ),
    "a_schedule_that_only_looks_like_one": Case(
        "true", ("iact_maintenance_health_schedule", "99 99 * * *"), {"iact_maintenance_health_schedule": "99 99 * * *"}
    ),
    "a_section_that_nobody_knows": Case(
        "true", ("iact_maintenance_sesion_cleanup_days",), {"iact_maintenance_sesion_cleanup_days": 3}
    ),
    "an_option_that_nobody_knows": Case(
        "true",
        ("iact_maintenance_backup_retention_dasy", "iact_maintenance_backup_retention_days"),
        {"iact_maintenance_backup_retention_dasy": "hush"},
        never_says="hush",
    ),
    "a_value_of_the_wrong_type": Case(
        "true", ("iact_maintenance_session_cleanup_days", "int"), {"iact_maintenance_session_cleanup_days": "soon"}
    ),
}


def fingerprint() -> list[str]:
    """Return every file with its owner, mode, time and size."""
    return [line for line in HOST.check_output(SEEN).splitlines() if line.split(" ")[3].startswith(VOLATILE) is False]


@pytest.mark.parametrize("name", CASES)
def test_the_role_refuses(name):
    case = CASES[name]
    HOST.check_output(f"sh -c {quoted(case.situation)}")
    try:
        before = fingerprint()
        run = play("playbooks/site.yml", "refusals", "--diff", "-vvv", **case.variables)
        assert run.return_code != 0
        for words in case.says:
            assert words in said(run)
        assert case.never_says not in run.output
        assert fingerprint() == before
    finally:
        HOST.check_output(f"sh -c {quoted(case.afterwards)}")


def quoted(text: str) -> str:
    """Return the text as one word of the shell."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def test_packages_that_would_push_out_another_vendor_s_are_refused():
    control = "Package: vendor-client\\nVersion: 8.0\\nArchitecture: all\\nMaintainer: x <x@example.org>\\n"
    control += "Conflicts: mariadb-client-core\\nDescription: a client of another vendor\\n"
    folder = "/tmp/vendor-client"
    HOST.check_output(f"mkdir -p {folder}/DEBIAN && printf '{control}' > {folder}/DEBIAN/control")
    HOST.check_output(f"dpkg-deb --build {folder} /tmp/vendor.deb && dpkg -i /tmp/vendor.deb")
    try:
        run = play("playbooks/site.yml", "refusals", **MYSQL)
        assert run.return_code != 0
        assert "would remove vendor-client" in said(run)
        assert not HOST.package("mariadb-client").is_installed
        assert not HOST.package("logrotate").is_installed
    finally:
        HOST.check_output("dpkg --purge vendor-client")


def test_check_mode_on_a_virgin_host_ends_well_and_changes_nothing():
    before = fingerprint()
    run = play("playbooks/site.yml", "refusals", "--check", "--diff", **MYSQL)
    assert run.return_code == 0, said(run)
    assert fingerprint() == before


KEEP = {
    **APPLICATION,
    "iact_maintenance_mysql_login_port": 1,
    "iact_maintenance_credentials": "keep",
    "iact_maintenance_logrotate": "keep",
}


def test_what_is_kept_is_used_as_it_is():
    """With `keep` the credentials, the rule and an account's own files stay byte for byte."""
    for name in ("an_option_file_that_is_not_ours", "another_rule_for_the_same_logs"):
        HOST.check_output(f"sh -c {quoted(CASES[name].situation)}")
    HOST.check_output("chown callcenter /srv/iact/.my.cnf && chmod 0600 /srv/iact/.my.cnf")
    account = HOST.check_output("getent passwd callcenter")
    run = play("playbooks/site.yml", "refusals", **KEEP)
    assert run.return_code == 0, said(run)
    assert "hush" in HOST.file("/srv/iact/.my.cnf").content_string
    assert "/srv/iact/.my.cnf" in HOST.file("/etc/iact/maintenance.json").content_string
    assert not HOST.file("/etc/logrotate.d/iact-maintenance").exists
    assert HOST.check_output("getent passwd callcenter") == account
    assert HOST.file("/var/log/iact").user == "callcenter"


def test_a_host_that_is_not_healthy_fails_the_play_only_where_it_is_strict():
    run = play("playbooks/site.yml", "refusals", iact_maintenance_strict=True, **KEEP)
    assert run.return_code != 0
    assert [result.task for result in run.results if result.status == "failed"][0].endswith(
        "Run the health check as the maintenance user"
    )


def test_a_value_that_is_out_of_range_leaves_the_config_file_as_it_was():
    before = HOST.file("/etc/iact/maintenance.json").content_string
    run = play("playbooks/site.yml", "refusals", iact_maintenance_backup_retention_days=-1, **KEEP)
    assert run.return_code != 0
    assert "iact_maintenance_backup_retention_days" in said(run)
    assert HOST.file("/etc/iact/maintenance.json").content_string == before


def test_check_mode_refuses_a_misspelt_secret_and_shows_it_nowhere():
    secret = {"iact_maintenance_mysql_password": "whisper"}
    run = play("playbooks/site.yml", "refusals", "--check", "--diff", "-vvv", **secret, **KEEP)
    assert run.return_code != 0
    assert "iact_maintenance_mysql_login_password" in said(run)
    assert "whisper" not in run.output


def test_a_command_that_is_not_ours_is_never_replaced():
    HOST.check_output("printf '#!/bin/sh\\n' > /usr/local/bin/iact-maintenance")
    try:
        run = play("playbooks/site.yml", "refusals", **KEEP)
        assert run.return_code != 0
        assert "is not a version of iact-maintenance" in said(run)
        assert HOST.file("/usr/local/bin/iact-maintenance").content_string == "#!/bin/sh\n"
    finally:
        HOST.check_output("rm /usr/local/bin/iact-maintenance")
