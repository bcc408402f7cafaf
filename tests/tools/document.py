"""Writes what the option table knows into the documentation of modules: one source, no second list.

`python tests/tools/document.py` rewrites the files; a unit test compares them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "plugins" / "module_utils") not in sys.path:
    sys.path.insert(0, str(ROOT / "plugins" / "module_utils"))

from iact_maintenance.sections.table import SECTIONS, SHARED_SECTIONS, SITE, run_options  # noqa: E402
from iact_maintenance.values import Option  # noqa: E402

MODULES = {
    "session_cleanup": "session_cleanup",
    "iact_health": "health",
    "iact_backup": "backup",
    "iact_restore": "restore",
}
FRAGMENT = ROOT / "plugins" / "doc_fragments" / "_connections.py"
_SECTION_HELP = {
    "mysql": "Connection to MySQL or MariaDB; laid over the config file's section C(mysql), option by option.",
    "postgresql": "Connection to PostgreSQL; laid over the config file's section C(postgresql), option by option.",
    "sqlite": "An SQLite database file.",
    "django": "The Django project, which is asked where its sessions lie.",
}
# What only modules have; the table of `_module.py` is no option of the site.
_FACE = {
    "config": {
        "description": ["The site's settings. Without it the host's V(/etc/iact/maintenance.json), if there is one."],
        "type": "path",
    },
    "fail_on": {
        "description": [
            "The status from which on the task fails.",
            "Without it the task fails exactly where the command on the host would not exit with 0.",
            "With V(warning) or V(critical) it fails from that status on; with V(never) only when an option is wrong.",
        ],
        "type": "str",
        "choices": ["warning", "critical", "never"],
    },
    "login_password": {
        "description": [
            "Refused, so that a password that was put here is never printed.",
            "A password belongs to its connection, as O(mysql.login_password) or O(postgresql.login_password).",
        ],
        "type": "raw",
    },
}
_BLOCK = re.compile(r"(?<=\noptions:\n).*?(?=\n[a-z_]+:|\n\"\"\")", re.DOTALL)


def documented(options: Iterable[Option]) -> dict[str, object]:
    """Return the options as Ansible documents them, by name."""
    return {option.name: _documented(option) for option in options}


def _documented(option: Option) -> dict[str, object]:
    if option.kind == "section":
        inner = documented(SECTIONS[option.section])
        return {"description": [_SECTION_HELP[option.name]], "type": "dict", "suboptions": inner}
    lines = [option.help]
    if option.minimum is not None:
        lines.append(f"Allowed is {option.allowed}.")
    if option.default not in (None, ()):
        lines.append(f"Without it and without a config file V({_default(option.default)}) holds.")
    row: dict[str, object] = {"description": lines, "type": option.kind}
    if option.kind == "list":
        row["elements"] = "str"
    if option.choices:
        row["choices"] = list(option.choices)
    return row


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def block(rows: Mapping[str, object]) -> str:
    """Return the YAML of an `options:` block, indented by two blanks."""
    text = yaml.safe_dump(dict(rows), sort_keys=False, width=110, allow_unicode=True, default_flow_style=False)
    return "\n".join("  " + line if line else line for line in text.rstrip().split("\n"))


def rewritten(path: Path) -> str:
    """Return the file's text with its `options:` block as the table has it."""
    if path == FRAGMENT:
        shared = [option for option in SITE if option.name in (*SHARED_SECTIONS, "state_directory")]
        return _BLOCK.sub(
            lambda found: block({**_FACE, **documented(shared)}), path.read_text(encoding="utf-8"), count=1
        )
    own = [option for option in run_options(MODULES[path.stem]) if option.kind != "section"]
    return _BLOCK.sub(lambda found: block(documented(own)), path.read_text(encoding="utf-8"), count=1)


def targets() -> list[Path]:
    """Return the files that hold such a block."""
    modules = [ROOT / "plugins" / "modules" / f"{name}.py" for name in MODULES]
    return [FRAGMENT, *(path for path in modules if path.exists())]


if __name__ == "__main__":
    for target in targets():
        target.write_text(rewritten(target), encoding="utf-8")
