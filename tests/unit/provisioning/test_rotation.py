"""Rules for the jobs' logs, as logrotate reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.provisioning.places import MARKER
from tests.unit.provisioning.machine import Machine

BODY = " {\n  weekly\n  postrotate\n    test -d / && { echo }; }\n  endscript\n}\n"


def rules(machine: Machine) -> list[tuple[str, str]]:
    """Return the files and patterns that take a log of ours."""
    return sorted({(Path(rule["file"]).name, rule["pattern"]) for rule in machine.look()["rotation"]["rules"]})


@pytest.mark.parametrize(
    "pattern", ["{logs}/*.log", "{logs}/health.log", "{root}/l*s/[bh]*.log", '"{logs}/backup.log"']
)
def test_a_rule_for_our_logs_is_refused_with_its_file(machine: Machine, pattern: str) -> None:
    text = pattern.format(logs=machine.logs, root=machine.root)
    machine.write("logrotate.d/site", f"# {machine.logs}/cleanup.log\n/var/log/other.log {text}{BODY}")
    assert rules(machine) == [("site", text.strip('"'))]
    assert machine.refusals() == [("rotated_already", "logrotate")]
    assert machine.refusals(logrotate="keep") == []


def test_a_rule_over_several_lines_and_those_that_follow_are_read(machine: Machine) -> None:
    text = f"/var/log/a.log\n/var/log/b.log\n{BODY}\n/var/log/c.log\n{{\n daily\n}}\n{machine.logs}/cleanup.log{BODY}"
    machine.write("logrotate.d/site", text)
    assert rules(machine) == [("site", f"{machine.logs}/cleanup.log")]


@pytest.mark.parametrize("pattern", ["/var/log/*.log", "{root}/*", "{logs}/*/*.log", "{logs}/app.log", "{logs}/*.json"])
def test_a_rule_for_other_logs_is_none_of_ours(machine: Machine, pattern: str) -> None:
    machine.write("logrotate.d/site", pattern.format(logs=machine.logs, root=machine.root) + BODY)
    script = f"/var/log/x.log {{\n  postrotate\n{machine.logs}/health.log\n  endscript\n}}\n"
    machine.write("logrotate.d/scripted", script)
    assert rules(machine) == []


@pytest.mark.parametrize(
    "name",
    ["site.disabled", "site.dpkg-old", "site.dpkg-dist", "site~", "site.bak", "site.rpmsave", "site.swp", "site,v"],
)
def test_g71_a_file_that_logrotate_passes_over_is_passed_over(machine: Machine, name: str) -> None:
    machine.write(f"logrotate.d/{name}", f"{machine.logs}/*.log{BODY}")
    assert rules(machine) == []


@pytest.mark.parametrize("name", ["site", "site.conf", "site.old", ".hidden"])
def test_a_file_with_any_other_name_counts(machine: Machine, name: str) -> None:
    machine.write(f"logrotate.d/{name}", f"{machine.logs}/*.log{BODY}")
    assert rules(machine) == [(name, f"{machine.logs}/*.log")]


def test_g71_the_list_is_that_of_the_configuration(machine: Machine) -> None:
    machine.write("logrotate", f"tabooext + .off .later\ntaboopat + never*\ninclude {machine.root}/logrotate.d\n")
    for name in ("site.off", "site.later"):
        machine.write(f"logrotate.d/{name}", f"{machine.logs}/*.log{BODY}")
    assert rules(machine) == []


def test_a_rule_that_waits_for_logrotate_to_be_installed_is_seen(machine: Machine) -> None:
    (machine.root / "logrotate").unlink()
    machine.write("logrotate.d/site", f"{machine.logs}/*.log{BODY}")
    assert machine.refusals() == [("rotated_already", "logrotate")]


def test_g72_a_rule_behind_a_symbolic_link_is_seen(machine: Machine) -> None:
    machine.write("site-rule", f"{machine.logs}/*.log{BODY}")
    (machine.root / "logrotate.d" / "site").symlink_to("../site-rule")
    (machine.root / "logrotate.d" / "dangling").symlink_to("nowhere")
    assert rules(machine) == [("site", f"{machine.logs}/*.log")]


def test_a_rule_for_the_folder_s_real_name_is_seen(machine: Machine) -> None:
    (machine.root / "disk").mkdir()
    machine.logs.symlink_to("disk")
    machine.write("logrotate.d/site", f"{machine.root}/disk/*.log{BODY}")
    assert rules(machine) == [("site", f"{machine.root}/disk/*.log")]


def test_a_file_that_others_may_write_is_ignored_as_logrotate_ignores_it(machine: Machine) -> None:
    machine.write("logrotate.d/site", f"{machine.logs}/*.log{BODY}").chmod(0o664)
    assert rules(machine) == []


def test_the_role_s_own_rule_is_no_other_and_a_site_s_under_its_name_is_not_replaced(machine: Machine) -> None:
    machine.write("logrotate.d/iact-maintenance", f"{MARKER}\n{machine.logs}/health.log{BODY}")
    assert rules(machine) == []
    assert machine.look()["rotation"]["is_ours"]
    assert machine.refusals() == []
    machine.write("logrotate.d/iact-maintenance", f"/var/log/x.log{BODY}")
    assert machine.refusals() == [("foreign_rotation", "logrotate")]
    assert not machine.look()["rotation"]["is_ours"]


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="compares with logrotate, where it is installed")
def test_the_files_that_are_read_are_those_that_logrotate_reads(machine: Machine) -> None:
    names = [
        "site",
        "site.conf",
        ".hidden",
        "a.disabled",
        "b.dpkg-old",
        "c~",
        "d.bak",
        "e.old",
        "f.rhn-cfg-tmp-1",
        "g.1",
    ]
    for name in names:
        machine.write(f"logrotate.d/{name}", f"{machine.logs}/{name}.log {{\n weekly\n}}\n")
    done = subprocess.run(
        ["logrotate", "--debug", machine.places.logrotate], capture_output=True, text=True, check=False, timeout=30
    )
    read = {name for name in names if f"reading config file {name}\n" in done.stderr}
    assert read
    for name in names:
        machine.write(f"logrotate.d/{name}", f"{machine.logs}/*.log{BODY}")
    assert {name for name, _pattern in rules(machine)} == read
