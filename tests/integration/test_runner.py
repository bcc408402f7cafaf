"""The helper that runs Ansible in the checkout gives data, and tells good from bad."""

from __future__ import annotations

from tests.runner import Options, run_module, run_playbook


def test_a_module_s_result_is_data():
    result = run_module("ansible.builtin.command", {"argv": ["echo", "a b 'c\""]})
    assert result.status == "ok"
    assert result.result["stdout"] == "a b 'c\""


def test_a_module_that_fails_says_so():
    result = run_module("ansible.builtin.fail", {"msg": "as asked"})
    assert result.status == "failed"
    assert result.result["msg"] == "as asked"


def test_a_playbook_gives_each_task_and_obeys_check_mode():
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {"name": "Write", "ansible.builtin.copy": {"content": "{{ text }}", "dest": "{{ place }}"}},
            {"name": "Stop", "ansible.builtin.fail": {"msg": "enough"}},
        ],
    }
    variables = {"text": "x", "place": "/nowhere-at-all.txt"}
    run = run_playbook([play], Options(variables=variables, arguments=["--check"]))
    assert run.return_code == 2
    assert [(result.task, result.status) for result in run.results] == [("Write", "ok"), ("Stop", "failed")]
    assert run.only("Write").result["changed"]
