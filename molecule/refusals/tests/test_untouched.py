"""What a site has stays byte for byte: credentials, rotation and accounts that the role did not make (G7A, G74)."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.hosts.scenario import host_named, play, said
from tests.runner import Run

HOST = host_named("refusals")
DATABASE = "for file in passwd shadow group gshadow; do cat /etc/$file /var/lib/extrausers/$file 2>/dev/null; done; "
DATABASE += "getent passwd; getent group; stat /srv/nowhere 2>&1 || true"
OPTION_FILE, RULE = "/srv/iact/.my.cnf", "/etc/logrotate.d/site"
KEPT = {
    "iact_maintenance_mysql_login_port": 1,
    "iact_maintenance_mysql_config_file": OPTION_FILE,
    "iact_maintenance_credentials": "keep",
    "iact_maintenance_logrotate": "keep",
}
# Its home is not there, which the module `user` would make; nothing else about it is as the role would have it.
ODD = "useradd --no-create-home --home-dir /srv/nowhere --shell /bin/bash --comment 'Call Centre,room 7,,'"
ODD += " --groups www-data,backup agent && echo agent:word | chpasswd"
# An account in another source than /etc/passwd, as of a directory service; and cron, whose package makes a group.
ELSEWHERE = """
set -e
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends libnss-extrausers cron
sed -i -E '/^(passwd|group|shadow):/s/files/files extrausers/' /etc/nsswitch.conf
echo 'remote:x:4711:4711:iact.maintenance:/srv/nowhere:/bin/bash' > /var/lib/extrausers/passwd
echo 'remote:x:4711:' > /var/lib/extrausers/group
echo 'remote:*:19000:0:99999:7:::' > /var/lib/extrausers/shadow
"""
# What a site keeps: credentials, a rotation, and the dump tool of another vendor's server.
SITE = f"""
set -e
printf '[client]\\npassword = "hush"\\nuser=me\\n[mysqldump]\\nquick\\n' > {OPTION_FILE}
chown agent {OPTION_FILE}
chmod 0600 {OPTION_FILE}
printf '#!/bin/sh\n' > /usr/local/bin/mysqldump
chmod +x /usr/local/bin/mysqldump
mkdir -p /etc/logrotate.d
printf '/var/log/iact/*.log {{\\n weekly\\n}}\\n' > {RULE}
"""


class Installed(NamedTuple):
    """An installation with everything kept: the accounts and the site's files before, and the play."""

    accounts: str
    files: str
    run: Run


def database() -> str:
    """Return all that the host knows of accounts and groups, and whether a home was made."""
    return str(HOST.check_output(DATABASE))


def files() -> str:
    """Return the site's own files with their owners, modes and times."""
    return str(HOST.check_output(f"stat -c '%n %U %a %y' {OPTION_FILE} {RULE}; cat {OPTION_FILE} {RULE}"))


def converge(user: str, *arguments: str, playbook: str = "site", **variables: object) -> set[str]:
    """Return the names of the tasks that changed something."""
    run = play(f"playbooks/{playbook}.yml", "refusals", *arguments, iact_maintenance_user=user, **KEPT, **variables)
    assert run.return_code == 0, said(run)
    return {result.task.rpartition(" : ")[2] for result in run.results if result.result.get("changed")}


def remove(user: str) -> set[str]:
    """Return the names of the tasks of a whole removal that changed something."""
    return converge(user, playbook="uninstall", iact_maintenance_purge=True)


@pytest.fixture(scope="module")
def installed() -> Installed:
    """Return a strict installation for an odd account, with credentials and a rotation of the site's own."""
    HOST.check_output(f"{ODD}\n{ELSEWHERE}\n{SITE}")
    before = Installed(database(), files(), Run(0, [], [], ""))
    variables = {"iact_maintenance_user": "agent", "iact_maintenance_strict": True, **KEPT}
    return before._replace(run=play("playbooks/site.yml", "refusals", **variables))


def test_a_host_that_is_not_healthy_fails_a_strict_play_and_nothing_else_does(installed):
    assert installed.run.return_code != 0
    failed = [result.task for result in installed.run.results if result.status == "failed"]
    assert [task.rpartition(" : ")[2] for task in failed] == ["Run the health check as the maintenance user"]


def test_what_is_kept_is_used_as_it_is(installed):
    assert files() == installed.files
    assert OPTION_FILE in HOST.file("/etc/iact/maintenance.json").content_string
    assert not HOST.file("/etc/logrotate.d/iact-maintenance").exists
    # The dump tool of another vendor's server is one, and Debian's client could push that server out.
    assert not HOST.package("mariadb-client").is_installed


def test_installation_and_removal_never_change_an_account_that_exists(installed):
    assert database() == installed.accounts
    assert HOST.check_output("stat -c %U /var/log/iact") == "agent"
    assert remove("agent")
    assert database() == installed.accounts
    assert files() == installed.files


def test_a_group_that_is_asked_for_is_all_that_an_account_of_whatever_source_gets(installed):
    before = set(database().splitlines())
    groups = {"iact_maintenance_groups": ["games", "backup"]}
    announced = converge("remote", "--tags", "account", "--check", **groups)
    assert set(database().splitlines()) == before
    done = converge("remote", "--tags", "account", **groups)
    assert done == announced == {"Add the account to the application's groups"}
    assert {"games", "backup"} <= set(HOST.check_output("id -nG remote").split())
    after = set(database().splitlines())
    assert {line.split(":")[0] for line in after - before} == {"games", "backup"}
    assert converge("remote", "--tags", "account", **groups) == set()


def test_an_account_that_was_not_looked_up_is_not_taken_for_one_that_is_not_there(installed):
    before = database()
    tags = ("--tags", "account", "--skip-tags", "always")
    run = play("playbooks/site.yml", "refusals", *tags, iact_maintenance_user="agent", **KEPT)
    assert run.return_code != 0
    assert database() == before


def test_an_account_that_the_role_made_is_taken_away(installed):
    HOST.check_output("groupadd --system iact")
    assert converge("iact", "--tags", "account") == {"Create the account of the jobs if it does not exist"}
    assert HOST.check_output("id -nG iact") == "iact"
    assert "Remove the account" in remove("iact")
    assert not HOST.user("iact").exists
