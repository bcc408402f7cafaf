"""Accounts that the role did not make stay byte for byte, whatever it runs as and whatever it takes away (G7A, G74)."""

from __future__ import annotations

import pytest

from tests.hosts.scenario import host_named, play, said

HOST = host_named("refusals")
DATABASE = "for file in passwd shadow group gshadow; do cat /etc/$file /var/lib/extrausers/$file 2>/dev/null; done; "
DATABASE += "getent passwd; getent group; stat /srv/nowhere 2>&1 || true"
KEPT = {
    "iact_maintenance_mysql_login_port": 1,
    "iact_maintenance_credentials": "keep",
    "iact_maintenance_logrotate": "keep",
}
# Its home is not there, which the module `user` would make; nothing else about it is as the role would have it.
ODD = "useradd --no-create-home --home-dir /srv/nowhere --shell /bin/bash --comment 'Call Centre,room 7,,'"
ODD += " --groups www-data,backup agent && echo agent:word | chpasswd"
# An account in another source than /etc/passwd, as of a directory service.
ELSEWHERE = """
set -e
apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends libnss-extrausers
sed -i -E '/^(passwd|group|shadow):/s/files/files extrausers/' /etc/nsswitch.conf
echo 'remote:x:4711:4711:iact.maintenance:/srv/nowhere:/bin/bash' > /var/lib/extrausers/passwd
echo 'remote:x:4711:' > /var/lib/extrausers/group
echo 'remote:*:19000:0:99999:7:::' > /var/lib/extrausers/shadow
"""


def database() -> str:
    """Return all that the host knows of accounts and groups, and whether a home was made."""
    return str(HOST.check_output(DATABASE))


def converge(user: str, *arguments: str, playbook: str = "site", **variables: object) -> set[str]:
    """Return the names of the tasks that changed something."""
    run = play(f"playbooks/{playbook}.yml", "refusals", *arguments, iact_maintenance_user=user, **KEPT, **variables)
    assert run.return_code == 0, said(run)
    return {result.task.rpartition(" : ")[2] for result in run.results if result.result.get("changed")}


def remove(user: str) -> set[str]:
    """Return the names of the tasks of a whole removal that changed something."""
    return converge(user, playbook="uninstall", iact_maintenance_purge=True)


@pytest.fixture(scope="module", autouse=True)
def accounts() -> None:
    """Take away what earlier tests installed, and make accounts as sites have them."""
    remove("callcenter")
    HOST.check_output(f"{ODD}\n{ELSEWHERE}")


def test_installation_and_removal_never_change_an_account_that_exists():
    before = database()
    converge("agent")
    assert database() == before
    assert HOST.check_output("stat -c %U /var/log/iact") == "agent"
    assert remove("agent")
    assert database() == before


def test_a_group_that_is_asked_for_is_all_that_an_account_of_whatever_source_gets():
    before = set(database().splitlines())
    groups = {"iact_maintenance_groups": ["games", "backup"]}
    announced = converge("remote", "--tags", "account", "--check", **groups)
    assert set(database().splitlines()) == before
    done = converge("remote", "--tags", "account", **groups)
    assert done == announced == {"Let the account into the application's groups"}
    assert {"games", "backup"} <= set(HOST.check_output("id -nG remote").split())
    after = set(database().splitlines())
    assert {line.split(":")[0] for line in after - before} == {"games", "backup"}
    assert converge("remote", "--tags", "account", **groups) == set()
    remove("remote")
    assert set(database().splitlines()) == after


def test_an_account_that_was_not_looked_up_is_not_taken_for_one_that_is_not_there():
    before = database()
    tags = ("--tags", "account", "--skip-tags", "always")
    run = play("playbooks/site.yml", "refusals", *tags, iact_maintenance_user="agent", **KEPT)
    assert run.return_code != 0
    assert database() == before


def test_an_account_is_named_as_the_host_names_it():
    before = database()
    run = play("playbooks/site.yml", "refusals", iact_maintenance_user="4711", **KEPT)
    assert run.return_code != 0
    assert "the host calls the account 4711 remote" in said(run)
    assert database() == before


def test_an_account_of_the_role_s_that_became_another_s_is_not_taken_away():
    HOST.check_output("groupadd --system iact")
    assert converge("iact", "--tags", "account") == {"Create the account of the jobs if it does not exist"}
    assert HOST.check_output("id -nG iact") == "iact"
    HOST.check_output("usermod --shell /bin/bash iact")
    before = database()
    remove("iact")
    assert database() == before
    HOST.check_output("usermod --shell /usr/sbin/nologin iact")
    assert "Remove the account" in remove("iact")
    assert not HOST.user("iact").exists
