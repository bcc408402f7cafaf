"""What every dump and restore program needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import children
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.processes import (
    Command,
    Completed,
    Limits,
)


def program(tmp_path: Path, script: str) -> Host:
    """Return a host on which the program `dumper` is this shell script."""
    path = tmp_path / "dumper"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return Host({"PATH": str(tmp_path)})


def test_a_program_is_found_with_what_it_says_of_its_version(tmp_path: Path) -> None:
    host = program(tmp_path, 'echo "dumper 1.2 $SETTING"')
    found = children.find_tool(host, "absent", "dumper", hint="install it", environment={"SETTING": "as told"})
    assert found == children.Tool(f"{tmp_path}/dumper", "dumper 1.2 as told")


def test_fh41_a_program_that_is_missing_is_named_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(errors.ToolMissing) as caught:
        children.find_tool(Host({"PATH": str(tmp_path)}), "iact-none", hint="apt-get install it")
    assert (caught.value.code, caught.value.hint) == ("tool_missing", "apt-get install it")


@pytest.mark.parametrize("script", ["exit 3", "exit 0", "kill -9 $$"])
def test_fh41_a_program_that_does_not_run_is_broken(tmp_path: Path, script: str) -> None:
    with pytest.raises(errors.DatabaseFault) as caught:
        children.find_tool(program(tmp_path, script), "dumper", hint="")
    assert caught.value.code == "tool_broken"


def test_fs11_credentials_are_read_by_the_child_and_by_nobody_else_and_lie_on_no_disk(tmp_path: Path) -> None:
    with children.private_file("user and pass☎word\n" * 1000) as (descriptor, path):
        done = Host({}).run(Command(("/bin/cat", path, path), pass_descriptors=(descriptor,)), Limits(10))
        assert done.output.decode() == "user and pass☎word\n" * 2000
        found = os.fstat(descriptor)
        assert found.st_mode & 0o777 == 0o600 and found.st_nlink == 0
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_fd17_what_a_program_said_is_kept_short_and_on_one_line() -> None:
    said = "\n".join(f"line {number}\x1b" for number in range(100))
    (finding,) = children.warnings_of(Completed("dumper", 0, said), "mysql.iact")
    assert finding.code == "dump_warned" and "line 19\\x1b" in finding.message and "line 20" not in finding.message
    assert children.warnings_of(Completed("dumper", 0, "\n \n"), "mysql.iact") == ()
