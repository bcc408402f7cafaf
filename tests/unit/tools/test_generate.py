"""Generated documents are as the tables have them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.tools import module_documents

sys.path.insert(0, str(Path(module_documents.__file__).parent))

import generate

TEXTS = generate.texts()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_generated_document_is_as_the_tables_have_it(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == TEXTS[path], "run make docs"


def test_the_tool_writes_what_ansible_reads() -> None:
    (option,) = [option for option in module_documents.SECTIONS["session_cleanup"] if option.name == "days"]
    assert yaml.safe_load(module_documents.block(module_documents.documented([option]))) == {
        "days": {
            "description": [
                "Keep sessions that expired less than this many days ago.",
                "Allowed: a whole number from 0 to 36500.",
                "Default: V(0), unless the config file sets it.",
            ],
            "type": "int",
        }
    }


@pytest.mark.parametrize("name", module_documents.MODULES)
def test_every_module_of_a_job_documents_what_every_job_returns(name: str) -> None:
    text = TEXTS[module_documents.ROOT / "plugins" / "modules" / f"{name}.py"]
    rows = yaml.safe_load(text.split('RETURN = r"""', 1)[1].split('"""', 1)[0])
    assert {"time", "outcome", "status", "summary", "findings", "measures"} < set(rows)
    assert ("busy" in rows, "dry_run" in rows) == ((False, False) if name == "iact_health" else (True, True))


def test_every_module_of_a_job_is_generated() -> None:
    modules = {path.stem for path in (module_documents.ROOT / "plugins" / "modules").glob("[a-z]*.py")}
    assert modules - set(module_documents.MODULES) == {"iact_launcher", "iact_host_info", "iact_credentials"}
