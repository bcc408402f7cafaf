"""Evaluate the role's variables and templates with Ansible itself.

In a separate process, because Ansible installs its own importer for `ansible_collections`.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROLE = Path(__file__).resolve().parents[2] / "roles" / "iact_maintenance"
# A host on which nothing was seen yet, and an account that the role will make.
HOST = {
    "account": {"exists": False, "home": "/var/lib/iact", "group": "iact", "is_made_by_role": False},
    "programs": [],
    "packages": {"missing": [], "removed": [], "fault": ""},
    "folders": [],
    "credentials": [],
    "rotation": {"is_ours": False, "rules": []},
    "refusals": [],
}
FOUND = {
    "__iact_maintenance_first_look": HOST,
    "__iact_maintenance_second_look": {"skipped": True},
    "ansible_check_mode": False,
    "role_path": str(ROLE),
}


def evaluated(expression: str, **given: Any) -> Any:
    """Return the value of an expression of the role with these variables."""
    return _asked("{{ " + expression + " }}", given)


def said(text: str, **given: Any) -> str:
    """Return a task's text, such as a refusal's message, with these variables."""
    return str(_asked(text, given))


def rendered(template: str, **given: Any) -> str:
    """Return the text of a template of the role with these variables."""
    return str(_asked((ROLE / "templates" / template).read_text(encoding="utf-8"), given))


def _asked(text: str, given: dict[str, Any]) -> Any:
    asked, answered = _ansible()
    asked.write(json.dumps([text, {**FOUND, **given}]) + "\n")
    asked.flush()
    return json.loads(answered.readline())


@functools.cache
def _ansible() -> tuple[Any, Any]:
    """Return the two ends of a process that answers until this one ends."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process.stdin, process.stdout


def main() -> None:
    """Answer each line of JSON, a text with variables, with a line of JSON, the rendered text."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar, trust_as_template

    init_plugin_loader()
    loader = DataLoader()
    variables: dict[str, Any] = {}
    for name in ("defaults/main.yml", "vars/main.yml"):
        variables.update(loader.load_from_file(str(ROLE / name), trusted_as_template=True))
    # A backslash in a task is one; in a template file it is Jinja's own.
    for line in sys.stdin:
        text, given = json.loads(line)
        templar = Templar(loader=loader, variables={**variables, **given})
        made = templar.template(trust_as_template(text), escape_backslashes="{%" not in text)
        sys.stdout.write(json.dumps(made, default=str) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
