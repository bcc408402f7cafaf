"""The module session_cleanup as Ansible runs it, on SQLite: its results are data, read from events."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.iact.maintenance.plugins.modules import session_cleanup as module_file
from tests.runner import Options, Run, TaskResult, run_module, run_modules, run_playbook
from tests.unit.session_site import Site

CHECK = Options(arguments=("--check", "--diff"))
FULL_NAME = "iact.maintenance.session_cleanup"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a small site with three expired sessions and two that live."""
    site = Site(tmp_path)
    site.fill(3, 2)
    return site


def clean(site: Site, options: Options | None = None, **parameters: object) -> TaskResult:
    return run_module("session_cleanup", {"config": str(site.config), **parameters}, options)


def play(*tasks: Mapping[str, Any], options: Options | None = None) -> Run:
    return run_playbook([{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}], options)


def test_check_mode_announces_with_a_diff_what_the_run_then_does_once(site: Site) -> None:
    before = site.snapshot()
    announced = clean(site, CHECK)
    assert (announced.status, announced.result["changed"], announced.result["eligible"]) == ("ok", True, 3)
    assert announced.result["diff"] == {"before": "expired sessions: 3\n", "after": "expired sessions: 0\n"}
    assert site.snapshot() == before
    done, again = run_modules("session_cleanup", [{"config": str(site.config)}] * 2)
    assert (done.status, done.result["changed"], done.result["deleted"]) == ("ok", True, 3)
    assert (site.expired_count(), site.live_count()) == (0, 2)
    assert (again.status, again.result["changed"], again.result["deleted"]) == ("ok", False, 0)


def test_every_documented_result_is_returned_with_its_type(site: Site) -> None:
    documented = yaml.safe_load(module_file.RETURN)
    results = [clean(site, CHECK).result, clean(site).result]
    for result in results:
        ours = {name: value for name, value in result.items() if name not in ("changed", "invocation", "diff", "msg")}
        ours = {name: value for name, value in ours.items() if not name.startswith("_")}
        assert set(ours) - {"failed", "warnings", "deprecations"} <= set(documented)
        kinds = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict}
        for name, value in ours.items():
            if name in documented and value is not None:
                assert isinstance(value, kinds[documented[name]["type"]]), name
    always = {name for name, row in documented.items() if row["returned"] in ("always", "when the table was read")}
    assert always <= set(results[0]) & set(results[1])


def test_a_wrong_option_fails_with_the_command_s_words(site: Site) -> None:
    result = clean(site, days=-5)
    assert result.status == "failed"
    by_module = result.result["msg"]
    by_command = site.run("session-cleanup", "--days=-5").errors
    assert by_module == "days is -5: a whole number from 0 to 36500 is allowed"
    assert by_command == "iact-maintenance: --days is '-5': a whole number from 0 to 36500 is allowed\n"
    config = site.folder / "wrong.json"
    config.write_text('{"session_cleanup": {"dayz": 5}}')
    wrong = run_module("session_cleanup", {"config": str(config)})
    said = "session_cleanup.dayz is not an option (did you mean days?)"
    assert wrong.result["msg"] == said
    assert site.run("check-config", str(config)).errors == f"iact-maintenance: {said}\n"
    assert site.expired_count() == 3


def test_x4_text_in_days_is_never_code(site: Site) -> None:
    result = clean(site, days="0); open('/tmp/canary', 'w'); (")
    assert result.status == "failed"
    assert "days" in result.result["msg"]
    assert site.expired_count() == 3


def test_fh19_busy_fails_and_says_who_works(site: Site) -> None:
    holder = site.start("session-cleanup", "--force", "--batch-rows", "1", "--pause-seconds", "60")
    try:
        while site.expired_count() == 3:
            assert holder.poll() is None
        result = clean(site)
    finally:
        holder.send_signal(signal.SIGTERM)
        holder.communicate(timeout=20)
    assert (result.status, result.result["busy"]) == ("failed", True)
    assert f"runs as process {holder.pid} on " in result.result["msg"]


def test_without_a_config_file_the_module_says_what_to_set(site: Site) -> None:
    config = site.folder / "empty.json"
    config.write_text("{}")
    result = run_module("session_cleanup", {"config": str(config)})
    assert result.status == "failed"
    assert "nothing is configured for session_cleanup" in result.result["msg"]
    assert "/etc/iact/maintenance.json" in result.result["msg"]


def test_the_host_s_own_file_is_read_where_the_module_is_given_nothing(site: Site) -> None:
    environment = {"IACT_MAINTENANCE_CONFIG": str(site.config)}
    site.configure(session_cleanup={"days": 36500})
    quiet = run_module("session_cleanup", None, Options(environment=environment))
    assert (quiet.status, quiet.result["deleted"]) == ("ok", 0)
    told = run_module("session_cleanup", {"days": 0}, Options(environment=environment))
    assert told.result["deleted"] == 3


def test_a_password_is_nowhere_at_full_verbosity(site: Site) -> None:
    task = {
        "name": "Clean",
        FULL_NAME: {
            "config": str(site.config),
            "engine": "sqlite",
            "mysql": {"login_host": "db", "login_password": "{{ password }}"},
        },
        "register": "cleanup",
    }
    shown = {"name": "Show", "ansible.builtin.debug": {"var": "cleanup"}}
    secret = "hunter2 canary#'\"\\"
    options = Options(
        arguments=("-vvvvv", "--diff"), variables={"password": secret}, environment={"ANSIBLE_DEBUG": "1"}
    )
    run = play(task, shown, options=options)
    assert run.only("Clean").result["deleted"] == 3
    task_events = [event for event in run.events if event["event"] == "runner_on_ok"]
    assert "hunter2" not in repr(task_events)


WRONG: list[dict[str, Any]] = [
    {"login_password": "hunter2-canary", "login_user": "u"},
    {"login_password": ["hunter2-canary"]},
    {"mysql": {"login_port": "hunter2-canary"}},
    {"postgresql": {"passfile": "hunter2-canary"}},
]


def test_g10_g1d_a_password_at_a_wrong_place_is_in_none_of_ansible_s_words(site: Site) -> None:
    tasks = [
        {"name": str(number), FULL_NAME: {"config": str(site.config), **wrong}, "ignore_errors": True}
        for number, wrong in enumerate(WRONG)
    ]
    run = play(*tasks, options=Options(arguments=("-vvvvv",)))
    assert [run.only(task["name"]).status for task in tasks] == ["failed"] * len(WRONG)
    # The events of the start hold what the playbook itself says.
    events = [event for event in run.events if event["event"] == "runner_on_failed"]
    assert len(events) == len(WRONG)
    assert "hunter2" not in repr([(event["event_data"]["res"], event["stdout"]) for event in events])
    assert site.expired_count() == 3


def test_findings_are_warnings_for_people_and_data_for_playbooks(site: Site) -> None:
    site.sql("DROP INDEX django_session_expire_date_a5c62663")
    task = {"name": "Clean", FULL_NAME: {"config": str(site.config)}, "register": "cleanup"}
    shown = {"name": "Show", "ansible.builtin.debug": {"msg": "{{ cleanup.findings[0].code }}"}}
    run = play(task, shown)
    assert run.only("Show").result["msg"] == "no_index"
    assert any("no_index" in str(warning) for warning in run.only("Clean").result["warnings"])


def test_each_example_of_the_documentation_runs(site: Site) -> None:
    """Rule 6, in check mode, with this site's database in place of the example's."""
    text = module_file.EXAMPLES.replace("/srv/iact/db.sqlite3", str(site.database))
    text = text.replace("/srv/iact/state", str(site.state))
    tasks = yaml.safe_load(text)
    assert tasks
    for task in tasks:
        # G100: one that says all itself must need no config file.
        needs_file = not task["iact.maintenance.session_cleanup"]
        environment = {"IACT_MAINTENANCE_CONFIG": str(site.config)} if needs_file else {}
        run = play(task, options=Options(arguments=("--check",), environment=environment))
        assert [result.status for result in run.results] == ["ok"], run.output
    assert site.expired_count() == 3


def test_what_a_run_of_root_leaves_belongs_to_the_settings_user() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    folder = Path("/tmp") / f"iact-module-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        site = Site(folder)
        site.fill(3, 2)
        site.configure(user="nobody")  # type: ignore[arg-type]
        subprocess.run(["chown", "-R", "nobody", str(site.state), str(site.database)], check=True)
        folder.chmod(0o777)
        result = clean(site)
        assert (result.status, result.result["deleted"]) == ("ok", 3), result.result
        owners = {path.owner() for path in folder.rglob("*") if path != site.config}
        assert owners == {"nobody"}
    finally:
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_the_documentation_names_no_default_password() -> None:
    assert not re.search("(?i)password.*(default|holds)", module_file.DOCUMENTATION)
