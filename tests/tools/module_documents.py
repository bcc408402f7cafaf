"""The parts of the modules' documentation that are generated: their options, and what every job returns."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "plugins" / "module_utils") not in sys.path:
    sys.path.insert(0, str(ROOT / "plugins" / "module_utils"))

from iact_maintenance.formatting import simplified  # noqa: E402
from iact_maintenance.sections.jobs import job_named  # noqa: E402
from iact_maintenance.sections.table import SECTION_HELP, SECTIONS, SHARED_SECTIONS, SITE, run_options  # noqa: E402
from iact_maintenance.values import Option  # noqa: E402

MODULES = {
    "session_cleanup": "session_cleanup",
    "iact_health": "health",
    "iact_backup": "backup",
    "iact_restore": "restore",
}
_SUMMARIES = {
    "session_cleanup": "deleted 90,000 sessions in 3.9 s; 30,000 remain",
    "health": "healthy: 11 checks pass",
    "backup": "saved 2 components in iact_data_backup_20260131_020000.tar (12.5 MiB)",
    "restore": "restored 1 component of iact_data_backup_20260131_020000.tar into iact_restore_20260131093000_1",
}
FRAGMENT = ROOT / "plugins" / "doc_fragments" / "_connections.py"
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
_OPTIONS = re.compile(r"(?<=\noptions:\n).*?(?=\n[a-z_]+:|\n\"\"\")", re.DOTALL)
_RETURNS = re.compile(r"(?<=\nRETURN = r\"\"\"\n).*?(?=\n# What this job returns besides\.\n)", re.DOTALL)


def documented(options: Iterable[Option]) -> dict[str, object]:
    """Return the options as Ansible documents them, by name."""
    return {option.name: _documented(option) for option in options}


def _documented(option: Option) -> dict[str, object]:
    if option.kind == "section":
        inner = documented(SECTIONS[option.section])
        return {"description": [SECTION_HELP[option.name]], "type": "dict", "suboptions": inner}
    lines = [option.help]
    if option.minimum is not None:
        lines.append(f"Allowed: {option.allowed}.")
    if option.default not in (None, ()):
        lines.append(f"Default: V({_default(option.default)}), unless the config file sets it.")
    row: dict[str, object] = {"description": lines, "type": option.kind}
    if option.kind == "list":
        row["elements"] = "str"
    if option.choices:
        row["choices"] = list(option.choices)
    return row


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(simplified(value))


def returned(job: str) -> dict[str, object]:
    """Return what every job returns, as Ansible documents it; Ansible's shared fragments cannot carry results."""
    attention = "What needs attention; also the warnings, which Ansible removes from registered results."
    rows: dict[str, object] = {
        "time": _always("When the run began, ISO 8601 in UTC.", sample="2026-01-31T02:00:00Z"),
        "host": _always("Name of the host."),
        "job": _always("Name of the job.", sample=job),
        "outcome": _always("The word V(done), or what ended the run.", sample="done"),
        "status": _always("The worst of the findings; V(ok), V(warning), V(critical) or V(unknown).", sample="ok"),
        "summary": _always("The run in one sentence.", sample=_SUMMARIES[job]),
        "duration_seconds": _always("Duration of the run, in seconds.", "float"),
        "findings": _list(attention, _FINDING),
        "measures": _list("The figures of the run.", _MEASURE),
    }
    if job_named(job).lock:
        rows["dry_run"] = {"description": "Always V(true).", "returned": "in check mode", "type": "bool"}
        held = "when another run held the lock"
        rows["busy"] = {"description": "Whether another run held the lock.", "returned": held, "type": "bool"}
    return rows


def _always(description: str, kind: str = "str", sample: str = "") -> dict[str, object]:
    row: dict[str, object] = {"description": description, "returned": "always", "type": kind}
    return {**row, "sample": sample} if sample else row


def _list(description: str, contains: Mapping[str, tuple[str, str]]) -> dict[str, object]:
    inner = {name: {"description": text, "type": kind} for name, (text, kind) in contains.items()}
    return {**_always(description, "list"), "elements": "dict", "contains": inner}


_FINDING = {
    "severity": ("One of V(info), V(warning), V(critical), V(unknown).", "str"),
    "code": ("Stable word for what happened; for a health check that has no other, its name.", "str"),
    "subject": ("The check, component, table, log or archive that it is about, or the job as a whole.", "str"),
    "message": ("What happened, in one sentence.", "str"),
    "hint": ("What to do next.", "str"),
}
_MEASURE = {
    "name": ("What was measured.", "str"),
    "value": ("The figure.", "float"),
    "unit": ("V(s) for seconds, V(%) for percent, V(B) for bytes; missing for a count.", "str"),
    "warning": ("Limit of a warning, as a Nagios range, if there is one.", "str"),
    "critical": ("Limit of what is critical, as a Nagios range, if there is one.", "str"),
}


def block(rows: Mapping[str, object], indentation: str = "  ") -> str:
    """Return rows of documentation as YAML, each line indented."""
    text = yaml.safe_dump(dict(rows), sort_keys=False, width=110, allow_unicode=True, default_flow_style=False)
    return "\n".join(indentation + line if line else line for line in text.rstrip().split("\n"))


def texts() -> dict[Path, str]:
    """Return the text that each file should have: its own, with the generated parts as the tables have them."""
    modules = {ROOT / "plugins" / "modules" / f"{name}.py": job for name, job in MODULES.items()}
    return {FRAGMENT: _fragment(), **{path: _module(path, job) for path, job in modules.items()}}


def _fragment() -> str:
    shared = [option for option in SITE if option.name in (*SHARED_SECTIONS, "state_directory")]
    rows = block({**_FACE, **documented(shared)})
    return _OPTIONS.sub(lambda _match: rows, FRAGMENT.read_text(encoding="utf-8"), count=1)


def _module(path: Path, job: str) -> str:
    options = block(documented(option for option in run_options(job) if option.kind != "section"))
    results = block(returned(job), "")
    text = _OPTIONS.sub(lambda _match: options, path.read_text(encoding="utf-8"), count=1)
    return _RETURNS.sub(lambda _match: results, text, count=1)
