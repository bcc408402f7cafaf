"""The host's identity: made once, kept, and never another machine's."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import identity
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.host import Host
from tests.unit.fakes import FakeHost


class Machine(FakeHost):
    number = "a" * 64

    def machine(self) -> str:
        return self.number


def test_an_identity_is_made_once_and_kept(tmp_path: Path) -> None:
    assert identity.read(Machine(), str(tmp_path)).id == ""
    made, findings = identity.ensure(Machine(), str(tmp_path))
    assert findings == () and len(made.id) == 32
    assert identity.ensure(Machine(), str(tmp_path)) == (made, ())
    assert identity.read(Machine(), str(tmp_path)) == made
    stored = json.loads((tmp_path / "identity").read_text())
    assert (stored["host"], stored["made_at"]) == ("testhost", "2026-03-01T12:00:00Z")


def test_two_state_directories_of_one_machine_have_two_identities(tmp_path: Path) -> None:
    found = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found.add(identity.ensure(Machine(), str(tmp_path / name))[0].id)
    assert len(found) == 2


def test_a_cloned_machine_gets_an_identity_of_its_own_with_a_warning(tmp_path: Path) -> None:
    first, _findings = identity.ensure(Machine(), str(tmp_path))
    identity.adopt(Machine(), str(tmp_path), ["digest"])
    clone = Machine()
    clone.number = "b" * 64
    assert identity.read(clone, str(tmp_path)).id == ""
    second, (finding,) = identity.ensure(clone, str(tmp_path))
    assert second.id != first.id and second.adopted == frozenset()
    assert finding.code == "new_identity" and "another machine" in finding.message and "testhost" in finding.message
    assert identity.ensure(clone, str(tmp_path))[1] == ()


def test_a_machine_without_a_number_keeps_its_identity(tmp_path: Path) -> None:
    first, _findings = identity.ensure(Machine(), str(tmp_path))
    container = Machine()
    container.number = ""
    assert identity.read(container, str(tmp_path)).id == first.id


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"id": 5}', '{"id": "short", "made_at": "x"}', "[" * 5000, '{"id": null}']
)
def test_a_damaged_identity_is_replaced_with_a_warning(tmp_path: Path, content: str) -> None:
    (tmp_path / "identity").write_text(content)
    made, (finding,) = identity.ensure(Machine(), str(tmp_path))
    assert finding.code == "new_identity"
    assert identity.read(Machine(), str(tmp_path)) == made


def test_runs_that_begin_together_agree_on_one_identity(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(identity.ensure(Host(), str(tmp_path))[0].id))
        for _each in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_what_was_taken_over_is_this_host_s_own(tmp_path: Path) -> None:
    own, _findings = identity.ensure(Machine(), str(tmp_path))
    identity.adopt(Machine(), str(tmp_path), ["one"])
    identity.adopt(Machine(), str(tmp_path), ["two"])
    now = identity.read(Machine(), str(tmp_path))
    assert now.id == own.id and now.adopted == {"one", "two"}
    assert now.wrote("another", "elsewhere", "two") and now.wrote(own.id, "testhost", "x")
    assert not now.wrote("another", "testhost", "x") and not now.wrote(own.id, "clone", "x")


def test_a_state_directory_that_cannot_be_written_makes_no_identity(tmp_path: Path) -> None:
    with pytest.raises(MaintenanceError):
        identity.ensure(Machine(), str(tmp_path / "none"))


def test_this_machine_s_number_is_never_shown(tmp_path: Path) -> None:
    number = Path("/etc/machine-id").read_text().strip() if Path("/etc/machine-id").exists() else "none"
    identity.ensure(Host(), str(tmp_path))
    assert number not in (tmp_path / "identity").read_text()
