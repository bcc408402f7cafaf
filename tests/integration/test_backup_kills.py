"""A backup that is killed, or whose system calls fail, at every step that changes a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.backup_rig import Call, Rig, verifies


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    assert rig.run()[0] == 0
    return rig


def check(rig: Rig, earlier: dict[Path, bytes], call: Call) -> None:
    """Check the invariant, and that the next run works: E3, E4 and E7 of the contract."""
    sources = {path: path.read_bytes() for path in (rig.database, rig.root / "logs" / "a_json.log")}
    assert all(verifies(path) for path in rig.archives()), call
    assert {path: path.read_bytes() for path in earlier} == earlier, call
    assert len(rig.leftovers()) <= 1, call
    report = rig.run_here()
    assert report.exit_status == 0, (call, report)
    assert rig.leftovers() == [], call
    for path in rig.archives():
        if path not in earlier:
            path.unlink()
    assert {path: path.read_bytes() for path in sources} == sources


def some(calls: list[Call], each: int) -> list[Call]:
    """Return every so many of the calls, and the last; the long sweep tries all of them."""
    return [*calls[:-1:each], *calls[-1:]]


def test_fh14_a_file_under_the_final_name_verifies_wherever_the_run_is_killed(rig: Rig) -> None:
    earlier = {path: path.read_bytes() for path in rig.archives()}
    calls = rig.calls()
    assert {"write", "pwrite64", "fsync"} <= {call.name for call in calls}
    for path in rig.archives():
        if path not in earlier:
            path.unlink()
    for call in some(calls, 3):
        status, report = rig.run_with(call, "signal=KILL")
        assert status in (-9, 137) and report == {}, call
        check(rig, earlier, call)


@pytest.mark.parametrize(
    ("name", "fault", "code"), [("fsync", "error=EIO", "storage"), ("write", "error=ENOSPC", "no_space")]
)
def test_fh08_fh10_a_call_that_fails_ends_the_run_and_publishes_nothing(
    rig: Rig, name: str, fault: str, code: str
) -> None:
    earlier = {path: path.read_bytes() for path in rig.archives()}
    calls = [call for call in rig.calls() if call.name == name]
    for path in rig.archives():
        if path not in earlier:
            path.unlink()
    for call in some(calls, 2):
        status, report = rig.run_with(call, fault)
        published = [path for path in rig.archives() if path not in earlier]
        assert all(verifies(path) for path in published), call
        if status == 0:
            # What went wrong came after the archive was safe: the history or the list of proofs.
            assert published and report["status"] == "warning", (call, report)
        else:
            assert (status, report["outcome"]) == (1, f"failed with error {code}"), (call, report)
        assert rig.leftovers() == [], call
        check(rig, earlier, call)


def test_fh12_a_signal_in_any_phase_ends_the_run_in_order(rig: Rig) -> None:
    earlier = {path: path.read_bytes() for path in rig.archives()}
    calls = rig.calls()
    for path in rig.archives():
        if path not in earlier:
            path.unlink()
    for call in some(calls, 8):
        status, report = rig.run_with(call, "signal=TERM")
        assert status in (143, -15), (call, status, report)
        assert rig.leftovers() == [], call
        check(rig, earlier, call)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO", "error=ENOSPC"])
def test_fh14_at_every_call_on_a_file_of_the_site(rig: Rig, fault: str) -> None:
    earlier = {path: path.read_bytes() for path in rig.archives()}
    calls = rig.calls(["all"])
    assert {"openat", "close", "pread64", "flock"} <= {call.name for call in calls}
    for path in rig.archives():
        if path not in earlier:
            path.unlink()
    for call in calls:
        status, report = rig.run_with(call, fault)
        assert status in (0, 1, 2, 75, -9, 137), (call, report)
        if call.name != "read":
            assert "internal_fault" not in str(report), (call, report)
        check(rig, earlier, call)
