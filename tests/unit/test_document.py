"""What the modules' documentation says of options is what the option table knows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.tools import document


@pytest.mark.parametrize("path", document.targets(), ids=lambda path: path.stem)
def test_the_documentation_is_as_the_table_has_it(path: Path) -> None:
    assert document.rewritten(path) == path.read_text(encoding="utf-8"), "run python tests/tools/document.py"


def test_the_tool_writes_what_ansible_reads() -> None:
    (option,) = [option for option in document.SECTIONS["session_cleanup"] if option.name == "days"]
    assert yaml.safe_load(document.block(document.documented([option]))) == {
        "days": {
            "description": [
                "Keep sessions that expired less than this many days ago.",
                "Allowed is a whole number from 0 to 36500.",
                "Without it and without a config file V(0) holds.",
            ],
            "type": "int",
        }
    }


def test_every_job_s_module_is_documented_by_the_tool() -> None:
    modules = {path.stem for path in (document.ROOT / "plugins" / "modules").glob("[a-z]*.py")}
    assert {path.stem for path in document.targets()} == (modules & set(document.MODULES)) | {document.FRAGMENT.stem}
    assert modules - set(document.MODULES) <= {"iact_launcher", "iact_host_info", "iact_credentials"}
