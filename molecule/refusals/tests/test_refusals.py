"""The role never breaks what it finds: it stops before anything changed, gives every reason, and names the variables.

What stands side by side on one host is refused by one play; what excludes each other has a host of its own, one after
the other. Each single reason has its cases in `tests/unit/provisioning`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

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
SECRET = "hush"
CRONTAB = "/var/spool/cron/crontabs/callcenter"
VENDOR = "Package: vendor-client\\nVersion: 8.0\\nArchitecture: all\\nMaintainer: x <x@example.org>\\n"
VENDOR += "Conflicts: mariadb-client-core\\nDescription: a client of another vendor\\n"


class Situation(NamedTuple):
    """Something that the role may find: the commands that make it and take it away, and what must be said of it."""

    says: tuple[str, ...]
    makes: str = "true"
    takes_away: str = "true"


class World(NamedTuple):
    """A host with several situations at once, and the variables of the play that meets them."""

    variables: dict[str, Any]
    situations: dict[str, Situation]


class Stopped(NamedTuple):
    """A play that met a world: its exit status, its messages, its whole screen, and all files before and after."""

    return_code: int
    messages: str
    output: str
    before: list[str]
    after: list[str]


THE_HOST = World(
    {
        "iact_maintenance_user": "callcenter",
        "iact_maintenance_state_directory": "/srv/iact/state",
        "iact_maintenance_mysql_login_password": "one",
        "iact_maintenance_mysql_login_user": "iact",
        "iact_maintenance_postgresql_login_password": f"{SECRET[:2]}\n{SECRET[2:]}",
        "iact_maintenance_groups": ["callcentre"],
    },
    {
        "logs_of_another_owner": Situation(
            ("/var/log/iact belongs to daemon", "iact_maintenance_user", "iact_maintenance_log_directory"),
            "install -d -o daemon /var/log/iact",
            "rm -r /var/log/iact",
        ),
        "backups_of_another_owner": Situation(
            ("/var/backups/iact belongs to daemon", "iact_maintenance_backup_directory"),
            "install -d -o daemon /var/backups/iact",
            "rmdir /var/backups/iact",
        ),
        "a_planted_link_instead_of_a_log": Situation(
            ("/var/log/iact/health.log is a link",), "ln -s /etc/shadow /var/log/iact/health.log"
        ),
        "a_planted_link_instead_of_a_folder": Situation(
            ("/srv/iact/state is a link",),
            "install -d -o callcenter /srv/iact/own && ln -s own /srv/iact/state"
            " && chown -h callcenter /srv/iact/state",
            "rm -r /srv/iact/state /srv/iact/own",
        ),
        "an_option_file_that_is_not_ours": Situation(
            ("/srv/iact/.my.cnf", "[client] password user [mysqldump]", "iact_maintenance_credentials"),
            f"printf '[client]\\npassword = \"{SECRET}\"\\nuser=me\\n[mysqldump]\\nquick\\n' > /srv/iact/.my.cnf",
            "rm /srv/iact/.my.cnf",
        ),
        "a_password_file_that_is_not_ours": Situation(
            ("/srv/iact/.pgpass", "1 line", "iact_maintenance_credentials"),
            f"echo '*:*:*:me:{SECRET}' > /srv/iact/.pgpass",
            "rm /srv/iact/.pgpass",
        ),
        "a_password_that_no_password_file_can_hold": Situation(
            ("iact_maintenance_postgresql_login_password holds a line break",)
        ),
        "another_rule_for_the_same_logs": Situation(
            ("/etc/logrotate.d/site (/var/log/iact/*.log)", "iact_maintenance_logrotate"),
            "mkdir -p /etc/logrotate.d && printf '/var/log/iact/*.log {\\n weekly\\n}\\n' > /etc/logrotate.d/site",
            "rm /etc/logrotate.d/site",
        ),
        "a_rule_for_the_same_logs_behind_a_link": Situation(
            ("/etc/logrotate.d/linked (/var/log/iact/cleanup.log)",),
            "printf '/var/log/iact/cleanup.log {\\n weekly\\n}\\n' > /srv/rule"
            " && ln -s /srv/rule /etc/logrotate.d/linked",
            "rm /etc/logrotate.d/linked /srv/rule",
        ),
        "the_old_scripts_crontab": Situation(
            (f"{CRONTAB} line 1: 0 2 * * * backup_data_centralization.sh",),
            "mkdir -p /var/spool/cron/crontabs && "
            f"echo '0 2 * * * MYSQL_PWD={SECRET} /srv/iact/scripts/backup_data_centralization.sh' > {CRONTAB}",
            "rm -r /var/spool/cron/crontabs",
        ),
        "a_password_wherever_it_stands_in_an_old_line": Situation(
            tuple(
                f"/etc/cron.d/site line {line}"
                for line in (
                    "2: @daily cleanup_sessions.sh",
                    "3: cleanup_sessions.sh",
                    "4: 5 4 * * sun health_check.sh",
                )
            ),
            "printf '%s\\n' '# comment' "
            f"'@daily MYSQL_PWD=\"my {SECRET} word#1\" /x/cleanup_sessions.sh --pass {SECRET}' "
            f"'MAILTO = {SECRET} /x/cleanup_sessions.sh' "
            f"'5 4 * * sun root cd / && /iact/health_check.sh mysql://u:{SECRET}@h' > /etc/cron.d/site",
            "rm /etc/cron.d/site",
        ),
        "an_account_that_may_have_no_crontab": Situation(
            ("/etc/cron.allow does not list callcenter",), "echo root > /etc/cron.allow", "rm /etc/cron.allow"
        ),
        "a_group_that_does_not_exist": Situation(("no group callcentre", "iact_maintenance_groups")),
        "packages_that_would_push_out_another_vendor_s": Situation(
            ("would remove vendor-client",),
            f"mkdir -p /tmp/vendor/DEBIAN && printf '{VENDOR}' > /tmp/vendor/DEBIAN/control"
            " && dpkg-deb --build /tmp/vendor /tmp/vendor.deb && dpkg -i /tmp/vendor.deb",
            "dpkg --purge vendor-client",
        ),
    },
)
THE_ACCOUNT = World(
    {
        "iact_maintenance_user": "toor",
        "iact_maintenance_mysql_login_password": "one",
    },
    {
        "root_under_another_name": Situation(
            ("iact_maintenance_user", "which toor is"),
            "useradd --non-unique --uid 0 --home-dir /nonexistent toor",
            "sed -i /^toor:/d /etc/passwd /etc/shadow /etc/group /etc/gshadow",
        ),
        "an_account_without_a_home": Situation(
            ("the home of toor, /nonexistent", "iact_maintenance_mysql_config_file")
        ),
        "a_distribution_that_is_not_supported": Situation(
            ("Debian 10", "supports Debian 11, 12, 13"),
            "sed -i.kept s/^VERSION_ID=.*/VERSION_ID=10/ /etc/os-release && echo 10.1 > /etc/debian_version",
            "mv /etc/os-release.kept /etc/os-release && echo 12.1 > /etc/debian_version",
        ),
    },
)
THE_VARIABLES = World(
    {
        "ansible_user": "callcenter",
        "iact_maintenance_backup_schedule": "2 * * *",
        "iact_maintenance_health_schedule": "99 99 * * *",
        "iact_maintenance_session_cleanup_schedule": "@Daily",
        "iact_maintenance_sesion_cleanup_days": 3,
        "iact_maintenance_backup_retention_dasy": SECRET,
        "iact_maintenance_mysql_password": SECRET,
        "iact_maintenance_backup_retention_days": -1,
    },
    {
        "no_rights_of_root_s": Situation(("ansible_become",)),
        "a_schedule_that_cron_would_not_understand": Situation(("iact_maintenance_backup_schedule", "2 * * *")),
        "a_schedule_that_only_looks_like_one": Situation(("iact_maintenance_health_schedule", "99 99 * * *")),
        "a_schedule_in_capitals": Situation(("iact_maintenance_session_cleanup_schedule", "@Daily")),
        "a_section_that_nobody_knows": Situation(("iact_maintenance_sesion_cleanup_days",)),
        "an_option_that_nobody_knows": Situation(
            ("iact_maintenance_backup_retention_dasy", "iact_maintenance_backup_retention_days")
        ),
        "a_misspelt_secret": Situation(("iact_maintenance_mysql_password", "iact_maintenance_mysql_login_password")),
        "a_value_that_is_out_of_range": Situation(("iact_maintenance_backup_retention_days is -1",)),
    },
)
# Refused by Ansible itself, from the role's argument specification, before the role looks.
THE_TYPES = World(
    {"iact_maintenance_session_cleanup_days": "soon", "iact_maintenance_mysql_password": SECRET},
    {"a_value_of_the_wrong_type": Situation(("iact_maintenance_session_cleanup_days", "int"))},
)
WORLDS = {"host": THE_HOST, "account": THE_ACCOUNT, "variables": THE_VARIABLES, "types": THE_TYPES}


def fingerprint() -> list[str]:
    """Return every file with its owner, mode, time and size."""
    return [line for line in HOST.check_output(SEEN).splitlines() if line.split(" ")[3].startswith(VOLATILE) is False]


def shell(commands: list[str]) -> None:
    """Run commands on the host one after the other, up to the first that fails."""
    HOST.check_output("set -e\n" + "\n".join(commands))


@pytest.fixture(scope="module", params=WORLDS)
def stopped(request: pytest.FixtureRequest) -> Iterator[tuple[World, Stopped]]:
    """Yield a world and the play that stopped at it, and take the world away again."""
    world = WORLDS[request.param]
    shell([situation.makes for situation in world.situations.values()])
    before = fingerprint()
    run = play("playbooks/site.yml", "refusals", "--diff", "-vvv", **world.variables)
    yield world, Stopped(run.return_code, said(run), run.output, before, fingerprint())
    shell([situation.takes_away for situation in reversed(world.situations.values())])


def test_check_mode_on_a_virgin_host_ends_well_and_changes_nothing():
    before = fingerprint()
    run = play("playbooks/site.yml", "refusals", "--check", "--diff", iact_maintenance_mysql_login_password=SECRET)
    assert run.return_code == 0, said(run)
    assert fingerprint() == before


def test_the_role_stops_before_anything_changed(stopped):
    _world, run = stopped
    assert run.return_code != 0
    assert run.after == run.before


def test_the_role_gives_every_reason_and_names_what_to_set(stopped):
    world, run = stopped
    unsaid = [
        (name, words) for name, case in world.situations.items() for words in case.says if words not in run.messages
    ]
    assert unsaid == []
    # Each situation has a line of its own, but for several old crontab lines and the rules in one message.
    assert len(run.messages.splitlines()) >= len(world.situations)


def test_no_secret_of_the_host_or_of_a_variable_is_shown(stopped):
    _world, run = stopped
    assert SECRET not in run.output
    assert f"{SECRET[:2]}\\n{SECRET[2:]}" not in run.output
