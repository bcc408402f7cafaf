"""Writes the role's argument specification and the tables of its README from the option table and the role's own list.

``python tests/tools/role_variables.py`` rewrites both files; a unit test compares them with what this would write.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / ".collections"))

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.table import (  # noqa: E402
    JOB_SECTIONS,
    SECTIONS,
    SHARED_SECTIONS,
)
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.values import Option  # noqa: E402

ROLE = CHECKOUT / "roles" / "iact_maintenance"
SPECIFICATION = ROLE / "meta" / "argument_specs.yml"
README = ROLE / "README.md"
TABLES = re.compile(r"(<!-- variables -->\n).*(<!-- end of variables -->)", re.DOTALL)
TYPES = {"path": "str", "schedule": "str", "list": "list", "section": "dict"}
PREFIX = "iact_maintenance_"

# What the role has beside the options of the command: type, choices, and what it means.
OWN: dict[str, tuple[str, tuple[str, ...], str]] = {
    "state": ("str", ("present", "absent"), "C(absent) takes away what the role made; logs and backups stay."),
    "purge": ("bool", (), "With C(absent), the jobs' logs and archives go as well."),
    "strict": ("bool", (), "The play fails where the health check at its end finds the host unhealthy."),
    "user": ("str", (), "The account of the jobs; made unless it exists, and then not changed. Never C(root)."),
    "groups": ("list", (), "Groups into which the account is let, such as the application's."),
    "state_directory": ("str", (), "Where history, proofs and locks lie."),
    "log_directory": ("str", (), "Where the jobs write C(cleanup.log), C(health.log) and C(backup.log)."),
    "log_group": ("str", (), "The group that may read the jobs' logs."),
    "logrotate": ("str", ("manage", "keep"), "C(keep) leaves the rotation of the logs to a rule of the site's own."),
    "credentials": ("str", ("manage", "keep"), "C(keep) uses C(~/.my.cnf) and C(~/.pgpass) as they are found."),
}


def defaults() -> dict[str, Any]:
    """What the role gives its variables."""
    found = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def variables() -> dict[str, dict[str, Any]]:
    """Every variable with its entry of the argument specification: first the role's own, then section by section."""
    entries = {PREFIX + name: own_entry(*row) for name, row in OWN.items()}
    for section in (*SHARED_SECTIONS, *JOB_SECTIONS):
        for option in SECTIONS[section]:
            entries[f"{PREFIX}{section}_{option.name}"] = entry(option)
    given = defaults()
    return {name: {**row, "default": given[name]} if name in given else row for name, row in entries.items()}


def own_entry(kind: str, choices: tuple[str, ...], text: str) -> dict[str, Any]:
    """The entry of a variable that is the role's own."""
    row: dict[str, Any] = {"type": kind, "description": text}
    if choices:
        row["choices"] = list(choices)
    return {**row, "elements": "str"} if kind == "list" else row


def entry(option: Option) -> dict[str, Any]:
    """The entry of a variable that is an option of the command, whose default is the command's own."""
    default = f" The command's default is {plain_default(option.default)}." if option.default not in (None, ()) else ""
    row = own_entry(TYPES.get(option.kind, option.kind), option.choices, option.help + default)
    if option.secret:
        row["no_log"] = True
    if option.section:
        row["options"] = {inner.name: entry(inner) for inner in SECTIONS[option.section]}
    return row


def plain_default(content: object) -> str:
    """A default in Ansible's markup."""
    if isinstance(content, tuple):
        return ", ".join(plain_default(one) for one in content)
    return f"C({str(content).lower() if isinstance(content, bool) else content})"


def specification() -> str:
    """The text of meta/argument_specs.yml."""
    main = {
        "short_description": "Provisions a host of IACT and lets the three jobs look after it",
        "description": [
            "Packages, account, directories, rotation, credentials, command, config file and cron entries.",
            "It looks at the host first, and stops before anything changed where it would break what it finds.",
        ],
        "author": ["IACT maintainers"],
        "options": variables(),
    }
    head = "---\n# Written by tests/tools/role_variables.py from the option table; change that, then run it.\n"
    return head + yaml.dump({"argument_specs": {"main": main}}, Dumper=Indented, sort_keys=False, width=110)


class Indented(yaml.SafeDumper):
    """Indents lists as yamllint and ansible-lint want them, and repeats what it meets twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Never without indentation."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors."""
        return True


def plain(text: str) -> str:
    """Ansible's markup as Markdown."""
    return re.sub(r"\b[CO]\(([^)]*)\)", r"`\1`", text).replace("|", "\\|")


def shown(content: object) -> str:
    """A default as it is written in YAML, in code marks; nothing for none."""
    if content is None:
        return ""
    if isinstance(content, (list, tuple)):
        return f"`{[str(one) for one in content]}`".replace("'", '"')
    return f"`{str(content).lower() if isinstance(content, bool) else content}`"


def tables() -> str:
    """The README's tables of variables, one for the role and one for each section."""
    given = defaults()
    rows = [(PREFIX + name, given.get(PREFIX + name), row[2], row[1]) for name, row in OWN.items()]
    parts = [table("The role itself", rows)]
    for section in (*SHARED_SECTIONS, *JOB_SECTIONS):
        own = [(f"{PREFIX}{section}_{option.name}", option) for option in SECTIONS[section]]
        options = [(name, given.get(name, option.default), option.help, option.choices) for name, option in own]
        parts.append(table(f"Section `{section}`", options))
    return "\n".join(parts)


def table(title: str, rows: list[tuple[str, object, str, tuple[str, ...]]]) -> str:
    """One table of variables with their defaults."""
    lines = [f"### {title}\n", "| variable | default | what |", "|---|---|---|"]
    for name, default, text, choices in rows:
        words = plain(text) + (f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else "")
        lines.append(f"| `{name}` | {shown(default)} | {words} |")
    return "\n".join(lines) + "\n"


def readme(text: str) -> str:
    """The README with its tables written anew."""
    return TABLES.sub(lambda match: f"{match.group(1)}\n{tables()}\n{match.group(2)}", text)


def main() -> int:
    """Rewrite both files."""
    SPECIFICATION.write_text(specification(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
