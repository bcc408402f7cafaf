"""The role's argument specification and the tables of its README, which are generated."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
if str(CHECKOUT / "plugins" / "module_utils") not in sys.path:
    sys.path.insert(0, str(CHECKOUT / "plugins" / "module_utils"))

from iact_maintenance.formatting import simplified  # noqa: E402
from iact_maintenance.provisioning.variables import (  # noqa: E402
    PREFIX,
    ROLE_OPTIONS,
)
from iact_maintenance.sections.table import (  # noqa: E402
    JOB_SECTIONS,
    SECTIONS,
    SHARED_SECTIONS,
)
from iact_maintenance.values import Option  # noqa: E402

ROLE = CHECKOUT / "roles" / "iact_maintenance"
SPECIFICATION = ROLE / "meta" / "argument_specs.yml"
README = ROLE / "README.md"
TABLES = re.compile(r"(<!-- variables -->\n).*(<!-- end of variables -->)", re.DOTALL)
TYPES = {"path": "str", "schedule": "str"}


def defaults() -> dict[str, Any]:
    """Return the role's defaults."""
    given = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert isinstance(given, dict)
    return given


def variables() -> dict[str, dict[str, Any]]:
    """Return every variable with its entry of the argument specification: the role's own, then by section."""
    entries = {PREFIX + option.name: entry(option) for option in ROLE_OPTIONS}
    for section in (*SHARED_SECTIONS, *JOB_SECTIONS):
        for option in SECTIONS[section]:
            entries[f"{PREFIX}{section}_{option.name}"] = entry(option, "The command's default is")
    given = defaults()
    return {name: {**row, "default": given[name]} if name in given else row for name, row in entries.items()}


def entry(option: Option, default: str = "") -> dict[str, Any]:
    """Return the entry of a variable; if it belongs to a connection, the type is only described.

    Ansible prints a value of a wrong type, which may be a misplaced password; the role's own check names the variable
    and never the value.
    """
    text = option.help
    if default and option.default not in (None, ()):
        text += f" {default} {plain_default(option.default)}."
    if is_private(option):
        row: dict[str, Any] = {"type": "raw", "description": f"{text} Allowed is {allowed(option)}."}
        return {**row, "no_log": True} if option.secret else row
    row = {"type": TYPES.get(option.kind, option.kind), "description": text}
    if option.choices:
        row["choices"] = list(option.choices)
    return {**row, "elements": "str"} if option.kind == "list" else row


def is_private(option: Option) -> bool:
    """Return whether the value may be a misplaced password."""
    return bool(option.private) or option.kind == "section"


def allowed(option: Option) -> str:
    """Return the allowed values, as the end of a sentence."""
    return f"a dictionary of the options of C({option.section})" if option.kind == "section" else option.allowed


def plain_default(content: object) -> str:
    """Return a default in Ansible's markup."""
    if isinstance(content, tuple):
        return ", ".join(plain_default(one) for one in content)
    return f"C({str(content).lower() if isinstance(content, bool) else simplified(content)})"


def specification() -> str:
    """Return the text of meta/argument_specs.yml."""
    main = {
        "short_description": "Provision a host of IACT with the jobs that maintain it",
        "description": [
            "Packages, account, directories, rotation, credentials, command, config file and cron entries.",
            "The role examines the host first, and stops before any change if it would break an existing setup.",
        ],
        "author": ["IACT maintainers"],
        "options": variables(),
    }
    head = "---\n# Generated from the option table: change that, then run `make docs`.\n"
    return head + yaml.dump({"argument_specs": {"main": main}}, Dumper=Indented, sort_keys=False, width=110)


class Indented(yaml.SafeDumper):
    """Indent sequences as yamllint and ansible-lint require, and repeat what occurs twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent every sequence."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Return True, so that no anchors are written."""
        return True


def plain(text: str) -> str:
    """Return a text in Ansible's markup as Markdown."""
    return re.sub(r"\b[CO]\(([^)]*)\)", r"`\1`", text).replace("|", "\\|")


def shown(content: object) -> str:
    """Return a default as YAML in code marks; empty for none."""
    if content is None:
        return ""
    if isinstance(content, (list, tuple)):
        return f"`{[str(one) for one in content]}`".replace("'", '"')
    return f"`{str(content).lower() if isinstance(content, bool) else simplified(content)}`"


def tables() -> str:
    """Return the README's tables of variables, one for the role and one for each section."""
    given = defaults()
    rows = [(PREFIX + row.name, given.get(PREFIX + row.name), row.help, row.choices) for row in ROLE_OPTIONS]
    parts = [table("The role itself", rows)]
    for section in (*SHARED_SECTIONS, *JOB_SECTIONS):
        named = [(f"{PREFIX}{section}_{option.name}", option) for option in SECTIONS[section]]
        options = [(name, given.get(name, option.default), option.help, option.choices) for name, option in named]
        parts.append(table(f"Section `{section}`", options))
    return "\n".join(parts)


def table(title: str, rows: list[tuple[str, object, str, tuple[str, ...]]]) -> str:
    """Return one table of variables with their defaults."""
    lines = [f"### {title}\n", "| variable | default | what |", "|---|---|---|"]
    for name, default, text, choices in rows:
        words = plain(text) + (f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else "")
        lines.append(f"| `{name}` | {shown(default)} | {words} |")
    return "\n".join(lines) + "\n"


def readme(text: str) -> str:
    """Return the README with generated tables."""
    return TABLES.sub(lambda match: f"{match.group(1)}\n{tables()}\n{match.group(2)}", text)


def texts() -> dict[Path, str]:
    """Return the text that each file should have."""
    return {SPECIFICATION: specification(), README: readme(README.read_text(encoding="utf-8"))}
