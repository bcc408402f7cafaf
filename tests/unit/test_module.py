"""The Ansible face on its own: parameters in, one result out, and no exception's text ever."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.iact.maintenance.plugins.module_utils import _module
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import account, config_file, history
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import sqlite
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import Interrupted
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import (
    runner,
    session_cleanup,
    table,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import Finding, Report
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from tests.unit.session_site import Done, Site, let_everybody_enter

CANARY = "hunter2-canary"
Answer = tuple[int, dict[str, Any], str]


@pytest.fixture
def module(site: Site, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Return the module session_cleanup on the site: its exit status, its result, and all it printed."""

    def run(**parameters: object) -> Answer:
        with patch_module_args({"config": str(site.config), **parameters}), pytest.raises(SystemExit) as ended:
            _module.run("session_cleanup")
        output, errors = capsys.readouterr()
        result: dict[str, Any] = json.loads(output)
        return int(str(ended.value.code or 0)), result, output + errors

    return run


def in_check_mode(**others: object) -> dict[str, object]:
    return {"_ansible_check_mode": True, "_ansible_diff": True, **others}


def test_it_does_the_job_and_says_what_changed(site: Site, module: Callable[..., Answer]) -> None:
    site.fill(3, 2)
    status, result, _all = module()
    assert (status, result["changed"], result["deleted"], result["remaining"]) == (0, True, 3, 2)
    assert "failed" not in result or result["failed"] is False
    status, result, _all = module()
    assert (status, result["changed"], result["deleted"]) == (0, False, 0)
    assert [run["scheduled"] for run in site.history()] == [False, False]


def test_check_mode_announces_and_touches_nothing(site: Site, module: Callable[..., Answer]) -> None:
    site.fill(3, 2)
    before = site.snapshot()
    status, result, _all = module(**in_check_mode())
    assert (status, result["changed"], result["eligible"], result["dry_run"]) == (0, True, 3, True)
    assert result["diff"] == {"before": "expired sessions: 3\n", "after": "expired sessions: 0\n"}
    assert site.snapshot() == before


def test_a_diff_is_shown_only_where_it_was_asked_for(site: Site, module: Callable[..., Answer]) -> None:
    site.fill(3, 2)
    assert "diff" not in module()[1]


@pytest.mark.parametrize(("fail_on", "status"), [(None, 0), ("never", 0), ("critical", 0), ("warning", 1)])
def test_fail_on_decides_about_findings(
    site: Site, module: Callable[..., Answer], fail_on: str | None, status: int
) -> None:
    site.fill(0, 3)
    parameters = {"warning_rows": 1, "critical_rows": 100, **({"fail_on": fail_on} if fail_on else {})}
    ended, result, _all = module(**parameters)
    assert (ended, result["status"]) == (status, "warning")
    assert bool(result.get("failed")) == bool(status)


def test_fail_on_never_does_not_hide_a_refusal(module: Callable[..., Answer]) -> None:
    status, result, _all = module(fail_on="never", days=-1)
    assert (status, result["failed"]) == (1, True)
    assert result["msg"] == "days is -1: a whole number from 0 to 36500 is allowed"


def test_a_job_that_did_not_do_its_work_fails_with_what_to_do(site: Site, module: Callable[..., Answer]) -> None:
    site.sql("DROP TABLE django_session")
    status, result, _all = module()
    assert (status, result["failed"], result["outcome"]) == (1, True, "failed with error no_table")
    assert result["msg"] == f"there is no table django_session in {site.database} (check session_cleanup.table)"
    assert module(fail_on="never")[0] == 0


def test_fh19_busy_is_said_so(site: Site, module: Callable[..., Answer]) -> None:
    with Host().lock(str(site.state / "session-cleanup.lock"), "session_cleanup"):
        status, result, _all = module()
    assert (status, result["failed"], result["busy"]) == (1, True, True)
    assert f"process {os.getpid()}" in result["msg"]


def test_fh12_a_signal_while_a_run_is_written_down_is_a_result_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, module: Callable[..., Answer]
) -> None:
    def interrupted(*_arguments: object) -> Report:
        raise Interrupted(15)

    monkeypatch.setattr(runner, "_ended", interrupted)
    status, result, _all = module()
    assert (status, result["failed"], result["findings"][0]["code"]) == (1, True, "interrupted")


LAYERS: list[tuple[object, str]] = [
    (config_file, "load"),
    (config_file, "build"),
    (table, "job"),
    (account, "must_become"),
    (runner, "_run"),
    (session_cleanup, "session_target"),
    (sqlite, "connect"),
    (sqlite.SQLiteSessions, "describe"),
    (sqlite.SQLiteSessions, "delete_expired"),
    (Report, "as_dict"),
    (Host, "now"),
    (Host, "lock"),
]
LAYER_IDS = [f"{getattr(owner, '__name__', '').rpartition('.')[2]}.{name}" for owner, name in LAYERS]


def break_down(*_arguments: object, **_options: object) -> object:
    raise RuntimeError(f"cannot log in with {CANARY}")


def patched(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """Let the layer break down; a job bound its functions when it was made, so that it is made again."""
    monkeypatch.setattr(owner, name, break_down)


@pytest.mark.parametrize(("owner", "name"), LAYERS, ids=LAYER_IDS)
def test_fs05_a_fault_in_any_layer_prints_nothing_of_its_text_in_the_module(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    owner: object,
    name: str,
) -> None:
    site.fill(3, 2)
    parameters = {"config": str(site.config), "mysql": {"login_password": CANARY}, "engine": "sqlite"}
    patched(monkeypatch, owner, name)
    with patch_module_args(parameters), pytest.raises(SystemExit) as ended:
        _module.run("session_cleanup")
    output, errors = capfd.readouterr()
    assert ended.value.code == 1
    assert CANARY not in output + errors
    assert "Traceback" not in output + errors
    assert json.loads(output)["failed"] is True
    assert "internal fault: RuntimeError at test_module.py:" in output
    assert site.live_count() == 2


@pytest.mark.parametrize(("owner", "name"), LAYERS, ids=LAYER_IDS)
def test_fs05_a_fault_in_any_layer_prints_nothing_of_its_text_in_the_command(
    site: Site, call: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    site.fill(3, 2)
    patched(monkeypatch, owner, name)
    done = call("session-cleanup", "--force", "--json", "--config", str(site.config))
    assert done.status == 1
    assert CANARY not in done.output + done.errors
    assert "Traceback" not in done.output + done.errors
    assert "internal fault: RuntimeError at test_module.py:" in done.output + done.errors
    assert site.live_count() == 2


def test_a_fault_of_the_history_costs_the_record_and_not_the_work_and_prints_nothing_of_its_text(
    site: Site, call: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.fill(3, 2)
    patched(monkeypatch, history, "record")
    done = call("session-cleanup", "--force", "--json", "--config", str(site.config))
    assert (done.status, site.expired_count(), site.live_count()) == (0, 0, 2)
    (finding,) = done.line["findings"]
    assert (finding["code"], finding["subject"]) == ("not_recorded", "history")
    assert "internal fault at test_module.py:" in finding["message"]
    # A run that ended with 0 must not match the operator's grep.
    assert not any(word in done.output.lower() for word in ("error", "fail", CANARY.lower()))


def test_the_history_says_that_ansible_started_a_run(site: Site, module: Callable[..., Answer]) -> None:
    module()
    assert [(run["scheduled"], run["started_by"]) for run in site.history()] == [(False, "ansible")]


def test_fs06_a_warning_is_redacted_before_ansible_gets_it(
    module: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    Secret(CANARY)
    finding = Finding("warning", "odd", subject="mysql", message=f"the server said {CANARY}")
    job = runner.Job("session_cleanup", lambda *_: None, lambda *_: Report("x", "s", (finding,)), lambda *_: None)
    monkeypatch.setattr(table, "job", lambda name: job)
    warned: list[str] = []
    monkeypatch.setattr(_module.AnsibleModule, "warn", lambda self, text, **_options: warned.append(text))
    module()
    assert warned == ["the server said *** [odd]"]


def test_fs04_a_password_parameter_is_hidden_in_the_result(module: Callable[..., Answer], site: Site) -> None:
    site.fill(1, 0)
    status, _result, everything = module(mysql={"login_password": CANARY, "login_host": "db"}, engine="sqlite")
    assert status == 0
    assert CANARY not in everything


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@as_root
def test_a_run_as_root_becomes_the_settings_user_and_comes_back_with_its_report(
    module: Callable[..., Answer], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.configure(user="nobody")  # type: ignore[arg-type]
    seen: list[str] = []

    def run_as(user: str, action: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
        seen.append(user)
        return json.loads(json.dumps(action()))  # type: ignore[no-any-return]

    monkeypatch.setattr(account, "run_as", run_as)
    status, result, _all = module()
    assert (status, seen, result["outcome"]) == (0, ["nobody"], "done")


@as_root
def test_g1j_an_account_that_may_not_enter_is_told_whose_the_directory_is(
    module: Callable[..., Answer], site: Site
) -> None:
    let_everybody_enter(site.folder)
    site.state.chmod(0o700)
    site.configure(user="nobody")  # type: ignore[arg-type]
    status, result, _all = module()
    assert (status, result["failed"]) == (1, True)
    assert "nobody has no permission to open the lock" in result["msg"]
    # Not sudo, with which it was run.
    assert f"chown nobody {site.state}" in result["msg"] and "sudo" not in result["msg"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"login_password": CANARY},
        {"login_password": [CANARY, "x"]},
        {"login_password": {"password": CANARY}},
        {"login_password": CANARY, "login_user": "u", "login_host": "h"},
        {"mysql": CANARY},
        {"postgresql": [CANARY]},
        {"mysql": {"login_port": CANARY}},
        {"mysql": {"connect_timeout": CANARY}},
        {"postgresql": {"read_only": CANARY}},
        {"postgresql": {"tls": CANARY}},
        {"postgresql": {"passfile": CANARY}},
        {"mysql": {"pasword": CANARY}},
        {"mysql": {"login_port": [CANARY]}},
    ],
    ids=str,
)
def test_g10_g1d_a_password_at_a_wrong_place_is_refused_and_never_shown(
    site: Site, module: Callable[..., Answer], parameters: dict[str, object]
) -> None:
    site.fill(1, 0)
    status, result, output = module(**parameters)
    assert (status, result["failed"]) == (1, True)
    assert next(iter(parameters)) in result["msg"] or "dictionary requested" in result["msg"]
    assert CANARY not in output
    assert CANARY not in json.dumps(result)
    assert site.expired_count() == 1


def test_g1d_a_password_outside_of_a_connection_is_told_where_it_belongs(module: Callable[..., Answer]) -> None:
    message = module(login_password=CANARY)[1]["msg"]
    assert "login_password stands outside of a connection" in message
    assert "postgresql: {login_password: …}" in message
