from __future__ import annotations

import contextlib
import io
import os
import socket
import tarfile
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import logs
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import MaintenanceError
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.sections.backup import Backup
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.settings import Layer, build


def options(log_directory: Path, **changes: object) -> Backup:
    section = {"directory": "/nowhere/backups", "log_directory": str(log_directory), **changes}
    return build([Layer("test", {"backup": section})]).backup


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as inner:
        return {name: inner.extractfile(name).read() for name in inner.getnames()}  # type: ignore[union-attr]


def archived(settings: Backup) -> dict[str, bytes]:
    with logs.open_logs(settings) as found:
        return unpacked(b"".join(found.chunks()))


def noted(settings: Backup) -> set[tuple[str, str]]:
    with logs.open_logs(settings) as found:
        list(found.chunks())
        return {(note.severity, note.code) for note in found.notes}


def test_b1_the_default_patterns_take_the_json_logs_and_nothing_else(tmp_path: Path) -> None:
    expected = ["app.json.log", "app.json.log.1", "error_json.log", "error_json.log.2.gz"]
    for name in (*expected, "cleanup.log", ".x_json.log"):
        (tmp_path / name).write_text(name)
    assert archived(options(tmp_path)) == {name: name.encode() for name in expected}


@pytest.mark.parametrize("seconds", [2**33, 253402300799, 253402300800, 2**40, -1, -(2**40)])
def test_g1a_a_file_with_a_time_that_no_calendar_holds_is_archived(tmp_path: Path, seconds: int) -> None:
    path = tmp_path / "a_json.log"
    path.write_bytes(b"odd")
    with contextlib.suppress(OSError):
        os.utime(path, (seconds, seconds))
    with logs.open_logs(options(tmp_path)) as found:
        assert unpacked(b"".join(found.chunks())) == {"a_json.log": b"odd"}
        assert found.files[0].listed.modified_at.endswith("Z")


def test_g25_a_link_is_followed_only_where_it_is_named_and_leads_to_a_file_of_this_account(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "big").write_bytes(b"moved")
    directory = tmp_path / "logs"
    directory.mkdir()
    for name, target in (("a_json.log", disk / "big"), ("b_json.log", disk), ("c_json.log", "/etc/none")):
        (directory / name).symlink_to(target)
    assert archived(options(directory)) == {} and noted(options(directory)) == {("info", "skipped")}
    named = options(directory, follow_links=["a_*"])
    assert archived(named) == {"a_json.log": b"moved"}
    assert archived(options(directory, follow_links=["b_json.log"])) == {}
    assert ("warning", "log_removed") in noted(options(directory, follow_links=["*"]))


def test_g25_a_link_to_another_account_s_file_is_never_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").write_bytes(b"secret")
    (tmp_path / "a_json.log").symlink_to(tmp_path / "theirs")
    monkeypatch.setattr(os, "geteuid", lambda: (tmp_path / "theirs").stat().st_uid + 1)
    assert archived(options(tmp_path, follow_links=["*"])) == {}


def test_fh28_a_file_cut_while_archived_is_filled_up_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a_json.log"
    path.write_bytes(b"x" * 1000)
    with logs.open_logs(options(tmp_path)) as found:
        os.truncate(path, 300)
        content = unpacked(b"".join(found.chunks()))
        assert [note.code for note in found.notes] == ["source_changed"]
        assert [finding.severity for finding in found.findings()] == ["warning"]
    assert content == {"a_json.log": b"x" * 300 + bytes(700)}


def test_fh29_a_growing_file_is_archived_up_to_its_size_when_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "a_json.log"
    path.write_bytes(b"before")
    with logs.open_logs(options(tmp_path)) as found:
        with path.open("ab") as stream:
            stream.write(b" and after")
        assert unpacked(b"".join(found.chunks())) == {"a_json.log": b"before"}
        assert found.notes == []


def test_fh30_a_rotation_between_listing_and_reading_neither_misses_nor_doubles(tmp_path: Path) -> None:
    path = tmp_path / "a_json.log"
    path.write_bytes(b"old")
    os.link(path, tmp_path / "a_json.log.1")
    with logs.open_logs(options(tmp_path)) as found:
        path.unlink()
        path.write_bytes(b"new")
        assert list(unpacked(b"".join(found.chunks())).values()) == [b"old"]


@pytest.mark.parametrize(("name", "severity"), [("a_json.log.1", "info"), ("a_json.log", "warning")])
def test_fh31_a_file_that_vanishes_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, severity: str
) -> None:
    monkeypatch.setattr(logs, "matching", lambda folder, patterns: [name])
    assert noted(options(tmp_path)) == {(severity, "log_removed")}


class Unreadable:
    """Opening fails for one name, as it does for a user without the right (the tests may run as root)."""

    def __init__(self, name: str) -> None:
        self.name, self.real = name, os.open

    def __call__(self, path: str, *rest: int, **more: int) -> int:
        if path == self.name:
            raise PermissionError(13, "Permission denied")
        return self.real(path, *rest, **more)


def test_fh32_an_unreadable_file_is_refused_unless_it_may_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a_json.log", "error_json.log"):
        (tmp_path / name).write_text("x")
    monkeypatch.setattr(os, "open", Unreadable("error_json.log"))
    with pytest.raises(MaintenanceError, match="error_json.log cannot be read") as raised:
        archived(options(tmp_path))
    assert raised.value.code == "unreadable"
    lenient = options(tmp_path, ignore_unreadable=True)
    assert list(archived(lenient)) == ["a_json.log"]
    assert noted(lenient) == {("warning", "unreadable")}


def test_findings_count_files_and_name_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "error_json.log").write_text("x")
    monkeypatch.setattr(os, "open", Unreadable("error_json.log"))
    with logs.open_logs(options(tmp_path, ignore_unreadable=True)) as found:
        (finding,) = found.findings()
        assert found.notes[0].text.startswith("error_json.log")
    assert "1" in finding.message
    assert "error" not in f"{finding.as_dict()}" and "fail" not in f"{finding.as_dict()}"


def test_fh34_what_is_no_regular_file_is_skipped_and_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe_json.log")
    (tmp_path / "link_json.log").symlink_to("/etc/passwd")
    (tmp_path / "dir_json.log").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket_json.log"))
        assert archived(options(tmp_path)) == {}
        assert noted(options(tmp_path)) == {("info", "skipped")}


HOSTILE = [b"new\nline_json.log", b"\xff\xfe_json.log", b"-rf_json.log", b"x" * 246 + b"_json.log"]
HOSTILE += ["\u202emoji\U0001f600_json.log".encode(), b"A_json.log", b"a_json.log", b"end_json.log ", b"..json.log"]


def test_fh36_hostile_names_are_archived_under_encoded_names(tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as stream:
            stream.write(b"%d" % number)
    found = archived(options(tmp_path, log_patterns=["*", ".*"]))
    assert sorted(found.values()) == sorted(b"%d" % number for number in range(len(HOSTILE)))
    assert all(name.isascii() and name.isprintable() and "/" not in name and len(name) <= 100 for name in found)


def test_a_missing_log_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(MaintenanceError, match="no such directory|No such file") as raised:
        archived(options(tmp_path / "none"))
    assert raised.value.code == "no_directory"


def test_b1_a_pattern_without_a_match_warns_only_where_the_last_archive_held_such_files() -> None:
    patterns = ("*.json.log*", "*_json.log*")
    assert [found.severity for found in logs.unmatched(patterns, [], [])] == ["info", "info"]
    assert [found.severity for found in logs.unmatched(patterns, [], ["a_json.log"])] == ["info", "warning"]
    assert logs.unmatched(patterns, ["a.json.log", "a_json.log"], []) == []


def test_more_files_than_the_soft_limit_allows_are_opened(tmp_path: Path) -> None:
    for number in range(1100):
        (tmp_path / f"{number}_json.log").write_text("")
    assert len(archived(options(tmp_path))) == 1100
