# Copyright: (c) 2026, IACT maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Run jobs as Ansible modules: option table to argument_spec, parameters to settings, report to result.

The only file of the collection's module_utils that imports ansible or calls fail_json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.iact.maintenance.plugins.module_utils import _python  # noqa: F401  # pylint: disable=unused-import
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import (
    account,
    config_file,
    guards,
    limits,
    permissions,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import (
    BadOption,
    Interrupted,
    LockHeld,
    Refused,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.jobs import model, runner, table
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.report import (
    Report,
    report_of,
    stamped,
    status_named,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret, redact
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.connections import Servers
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import (
    SECTIONS,
    SHARED_SECTIONS,
    SITE,
    run_options,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import PARAMETER, Layer
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.timestamps import iso
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.values import Option

FAIL_ON = ("warning", "critical", "never")
# Options whose text is a name or a path, and no secret.
_PLACES = ("login_host", "login_user", "login_db")
# At the place where community.mysql and community.postgresql have it.
_MISPLACED = "login_password"


class _Module(AnsibleModule):
    """An AnsibleModule that shows no connection value when it refuses parameters, because it may be a password."""

    accepted = False

    def fail_json(self, msg: str, **result: Any) -> None:
        """End the module; if its parameters were not accepted yet, without them."""
        if not self.accepted:
            for text in _possible_secrets(self.params):
                Secret(text)
            result = {"invocation": {"module_args": {}}}
        super().fail_json(redact(msg) if not self.accepted else msg, **result)


def _possible_secrets(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text of a connection except names and paths, and a password given outside of a connection."""
    for name, value in params.items():
        if name in Servers._fields or name == _MISPLACED:
            yield from _texts(value)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _PLACES or not isinstance(inner, str):
                yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    elif value is not None:
        yield str(value)


def argument_spec(job: str) -> dict[str, Any]:
    """Return the argument_spec of a job's module. It has no defaults, so that they do not override the config file."""
    spec: dict[str, Any] = {
        "config": {"type": "path"},
        "fail_on": {"type": "str", "choices": list(FAIL_ON)},
        # Declared only to be refused: Ansible prints the value of an unknown parameter.
        _MISPLACED: {"type": "raw", "no_log": True},
    }
    job_options = tuple(option for option in run_options(job) if option.kind != "section")
    shared = tuple(option for option in SITE if option.name in (*SHARED_SECTIONS, "state_directory"))
    return {**spec, **_arguments(job_options + shared)}


def run(job: str) -> None:
    """Run the job as the host's command does, and end the module with its report."""
    host = Host()
    module = _Module(argument_spec=argument_spec(job), supports_check_mode=True)
    module.accepted = True
    try:
        _finish(module, _reported(module, job, host))
    except Exception as fault:
        # Without the exception's text, because it may contain a password.
        module.fail_json(msg=report_of(job, fault).summary)


def _reported(module: AnsibleModule, job: str, host: Host) -> Mapping[str, Any]:
    try:
        return _run(module, job, host)
    except (Exception, Interrupted) as ending:
        return _plain(stamped(report_of(job, ending), iso(host.now()), host.name()))


def _arguments(options: tuple[Option, ...]) -> dict[str, Any]:
    return {option.name: _argument(option) for option in options}


def _argument(option: Option) -> dict[str, Any]:
    if option.kind == "section":
        return {"type": "dict", "options": _arguments(SECTIONS[option.section])}
    argument: dict[str, Any] = {"type": option.kind}
    if option.kind == "list":
        argument["elements"] = "str"
    if option.choices:
        argument["choices"] = list(option.choices)
    if option.secret or "password" in option.name:
        argument["no_log"] = option.secret
    return argument


def _run(module: AnsibleModule, name: str, host: Host) -> Mapping[str, Any]:
    # Before a child becomes the maintenance user, who may not read AnsiballZ's zip.
    job = table.job(name)
    limits.check()
    settings = config_file.load(host, module.params["config"], Layer(PARAMETER, _options(module.params, name)))
    permissions.run_for(settings.user)
    mode = model.Mode(dry_run=module.check_mode, started_by="ansible")

    def action() -> Mapping[str, Any]:
        return _plain(runner.run(job, settings, host, mode))

    if account.must_become(settings.user):
        return account.run_as(str(settings.user), action)
    guards.protect()
    return action()


def _options(params: Mapping[str, Any], job: str) -> dict[str, object]:
    """Return the parameters that were given, by section. The connections of a restore are those of its own section."""
    if params.get(_MISPLACED) is not None:
        hint = "write mysql: {login_password: …} or postgresql: {login_password: …}"
        raise BadOption(f"{_MISPLACED} stands outside of a connection, and was not used", hint=hint)
    job_options: dict[str, object] = {}
    options: dict[str, object] = {job: job_options}
    for name, value in params.items():
        if value is None or name in ("config", "fail_on"):
            continue
        given = {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, dict) else value
        is_shared = name in (*SHARED_SECTIONS, "state_directory") and not (job == "restore" and name in Servers._fields)
        (options if is_shared else job_options)[name] = given
    return options


def _plain(report: Report) -> dict[str, Any]:
    """Return the report as plain data for a pipe, with what `_finish` needs."""
    return {"result": report.as_dict(), "exit_status": report.exit_status, "diff": report.diff}


def _finish(module: AnsibleModule, plain: Mapping[str, Any]) -> None:
    result = dict(plain["result"])
    if plain["diff"] is not None and module._diff:
        result["diff"] = plain["diff"]
    for finding in result["findings"]:
        if finding["severity"] == "warning":
            # Ansible prints warnings as they are and drops them from registered results: hence also `findings`.
            module.warn(redact(f"{finding['message']} [{finding['code']}]"))
    if plain["exit_status"] == Refused.exit_status:
        # A refused value may be a misplaced password, which Ansible would show with the result.
        shown = {name: value for name, value in module.params.items() if name not in (*Servers._fields, _MISPLACED)}
        result["invocation"] = {"module_args": shown}
    if plain["exit_status"] == LockHeld.exit_status:
        result["busy"] = True
    if _is_failure(module.params["fail_on"], plain["exit_status"], result["status"]):
        module.fail_json(msg=_message(result), **result)
    module.exit_json(**result)


def _is_failure(fail_on: str | None, exit_status: int, status: str) -> bool:
    """Return whether the exit status is not 0; `fail_on` can change that, but not for a refused run."""
    if fail_on is None or exit_status == 2:
        return exit_status != 0
    return fail_on in status_named(status).fail_on


def _message(result: Mapping[str, Any]) -> str:
    hint = next((finding["hint"] for finding in result["findings"] if finding.get("hint")), "")
    return f"{result['summary']} ({hint})" if hint else str(result["summary"])
