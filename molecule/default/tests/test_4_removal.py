"""One variable takes everything away again, but for packages, logs and backups; a new installation takes those over."""

from __future__ import annotations

import json

from tests.hosts.scenario import COMMAND, host_named, play, said

SITE = host_named("site")
APART = host_named("apart")
# What stays, or is not the role's: state and services of packages, the servers' and the system's own files.
VAR = (
    "lib/iact",
    "lib/mysql",
    "lib/postgresql",
    "lib/dpkg",
    "lib/apt",
    "lib/systemd",
    "lib/logrotate",
    "log/",
    "backups/",
)
NOT_OURS = (*(f"/var/{name}" for name in VAR), "/etc/rc", "/etc/systemd/system/", "crontab:x:")


def left_over(host: object) -> set[str]:
    """Return what is there now and was not before, but for the files of packages."""
    now = set(host.check_output("sh /root/fingerprint").splitlines())
    before = set(host.file("/root/before").content_string.splitlines())
    packaged = set(host.check_output("cat /var/lib/dpkg/info/*.list").splitlines())
    found = set()
    for line in now - before:
        path = line.split(" ", 3)[-1]
        if path not in packaged and not path.startswith(NOT_OURS):
            found.add(line)
    return found


def test_removal_in_check_mode_changes_nothing():
    run = play("playbooks/uninstall.yml", "site", "--check")
    assert run.return_code == 0, said(run)
    assert SITE.run(f"{COMMAND} version").rc == 0


def test_removal_leaves_the_host_as_it_was_but_for_packages_logs_and_backups():
    for host, name in ((SITE, "site"), (APART, "apart")):
        run = play("playbooks/uninstall.yml", name)
        assert run.return_code == 0, said(run)
        assert left_over(host) == set()
        assert not host.user("iact").exists
        assert host.check_output("find / -xdev -nouser") == ""


def test_logs_and_backups_stay_and_nobody_inherits_them():
    assert SITE.file("/var/log/iact/cleanup.log").size > 0
    archives = SITE.check_output("find /var/backups/iact -name '*.tar' -printf '%u %m\\n'").splitlines()
    assert set(archives) == {"root 600"}
    # With the identity that they carry, so that the next installation counts them as its own.
    kept = SITE.check_output("find /var/lib/iact -type f -printf '%P\n'").split()
    assert set(kept) == {"state/identity", ".kept-by-iact-maintenance", "state/.kept-by-iact-maintenance"}


def test_a_second_removal_changes_nothing():
    run = play("playbooks/uninstall.yml", "site")
    assert run.return_code == 0, said(run)
    assert [result.task for result in run.results if result.result.get("changed")] == []


def test_a_new_installation_takes_over_what_was_kept_and_follows_no_link():
    SITE.check_output("touch /root/target /var/log/iact/foreign && chown nobody /var/log/iact/foreign")
    SITE.check_output("cd /var/log/iact && ln -s /root/target planted && ln /root/target hard")
    before = SITE.check_output("find /var/backups/iact -name '*.tar'").split()
    run = play("playbooks/site.yml", "site")
    assert run.return_code == 0, said(run)
    for path in (*before, "/var/log/iact", "/var/log/iact/cleanup.log"):
        assert SITE.file(path).user == "iact"
    assert SITE.file("/root/target").user == "root"
    assert SITE.file("/var/log/iact/foreign").user == "nobody"
    SITE.check_output("cd /var/log/iact && rm /root/target foreign planted hard")
    assert SITE.run(f"{COMMAND} health --json").rc == 0
    kinds = {entry["kind"] for entry in json.loads(SITE.check_output(f"{COMMAND} archives --json"))["archives"]}
    # Its own again: proven already where cron has run a backup meanwhile.
    assert kinds <= {"unverified", "good"}


def test_a_purge_takes_logs_and_archives_and_nothing_else():
    names = ("20250101.tar.gz", "20250101_020000.tar.gz", "20250101_020000.tar.old", "copy_of_mine.part")
    foreign = {f"iact_data_backup_{name}" for name in names}
    own = json.loads(SITE.file("/var/lib/iact/state/identity").content_string)["id"]
    foreign |= {f"iact_data_backup_20250101_020000.{'f' * 32}.tar.part"}
    ours = [
        f"iact_data_backup_{name}.{own}{end}" for name, end in (("20250101_020000", ".tar.part"), ("copy_123", ".part"))
    ]
    SITE.check_output(f"cd /var/backups/iact && touch {' '.join([*foreign, *ours])}")
    run = play("playbooks/uninstall.yml", "site", iact_maintenance_purge=True)
    assert run.return_code == 0, said(run)
    assert set(SITE.file("/var/backups/iact").listdir()) == foreign
    assert [name for name in SITE.file("/var/log/iact").listdir() if "_json" not in name] == []
    assert not SITE.file("/var/lib/iact").exists
