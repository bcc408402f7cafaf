"""The command as one file: it runs, it holds the whole core, and the same version is the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils import _launcher
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import about

SOURCES = {
    "__init__.py": b"",
    "about.py": b'VERSION = "9.8.7"\n',
    "cli/__init__.py": b"",
    "cli/start.py": b"""import sys
from ..about import VERSION
def start():
    print(VERSION, sys.argv[1:], __file__)
    raise SystemExit(7)
""",
}


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o755)
    return path


def test_the_file_runs_as_a_program_under_an_isolated_python(tmp_path):
    program = write(tmp_path / "command", _launcher.build(SOURCES))
    ended = subprocess.run(
        [sys.executable, "-I", str(program), "health", "--json"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (7, "")
    assert ended.stdout.startswith("9.8.7 ['health', '--json']")


def test_the_compiled_code_is_what_runs(tmp_path):
    program = write(tmp_path / "command", _launcher.build(SOURCES))
    ended = subprocess.run([sys.executable, "-I", str(program)], capture_output=True, text=True, check=False)
    assert ended.stdout.rstrip().endswith("cli/start.pyc")


def test_another_python_falls_back_to_the_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(_launcher, "MAGIC_NUMBER", b"zz\r\n")
    program = write(tmp_path / "command", _launcher.build(SOURCES))
    ended = subprocess.run([sys.executable, "-I", str(program)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.rstrip()[-13:]) == (7, "/cli/start.py")


def test_the_same_version_gives_the_same_bytes_in_another_process():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.iact.maintenance.plugins.module_utils import _launcher\n"
        "from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import about\n"
        "import hashlib; content = _launcher.build(_launcher.core_sources(about.__file__, None))\n"
        "print(hashlib.sha256(content).hexdigest())\n"
    )
    collections = str(Path(_launcher.__file__).parents[5])
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, collections],
            capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


def test_sources_come_out_of_a_zip_as_they_come_out_of_a_folder(tmp_path):
    archive = tmp_path / "payload.zip"
    with zipfile.ZipFile(archive, "w") as payload:
        for name, content in SOURCES.items():
            payload.writestr(f"ansible_collections/iact_maintenance/{name}", content)
        payload.writestr("ansible_collections/other/about.py", "")
        payload.writestr("ansible_collections/iact_maintenance/data.json", "{}")
    about_file = f"{archive}/ansible_collections/iact_maintenance/about.py"
    assert _launcher.core_sources(about_file, str(archive)) == SOURCES


def test_the_version_is_read_back_from_the_file():
    content = _launcher.build(_launcher.core_sources(about.__file__, None))
    assert _launcher.version_of(content) == about.VERSION


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("relative", "path is 'relative': an absolute path is allowed"),
        ("", "path is '': an absolute path is allowed"),
        ("./x/y", "an absolute path is allowed"),
        ("/dev/null", "/dev/null is not a regular file"),
        ("{}/folder", "folder is not a regular file"),
        ("{}/folder/", "folder/ is not a regular file"),
        ("{}/fifo", "fifo is not a regular file"),
        ("{}/link", "link is not a regular file"),
        ("{}/file/x", "file is not a directory"),
    ],
)
def test_g1i_a_path_where_no_command_can_be_is_refused(tmp_path, place, words, state):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/dev/null")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ValueError, match=words):
        _launcher.check_path(place.format(tmp_path), state)


def test_g1i_a_path_where_a_command_can_be_is_not_refused(tmp_path):
    (tmp_path / "file").touch()
    for place in ("file", "new"):
        _launcher.check_path(str(tmp_path / place), "present")
    with pytest.raises(ValueError, match="missing is not a directory"):
        _launcher.check_path(str(tmp_path / "missing/x"), "present")
    _launcher.check_path(str(tmp_path / "missing/x"), "absent")


def test_g1l_a_command_that_was_cut_short_anywhere_or_changed_is_known_as_ours():
    whole = _launcher.build(_launcher.core_sources(about.__file__, None))
    for size in (len(_launcher.SHEBANG) + 1, 50, 100, 150, 1000, len(whole) // 2, len(whole) - 1):
        assert _launcher.version_of(whole[:size]) is None
        assert _launcher.is_damaged(whole[:size]), size
    place = whole.index(b"VERSION = ")
    assert _launcher.is_damaged(whole[:place] + b"X" + whole[place + 1 :])
    assert not _launcher.is_damaged(whole)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        _launcher.SHEBANG[:5],
        _launcher.SHEBANG,
        _launcher.SHEBANG + b"print('mine')\n",
        _launcher.SHEBANG + b"PK\x03\x04" + b"\0" * 26 + b"__main__.pyfrom something_else import x",
        b"PK\x03\x04",
    ],
)
def test_g1l_what_begins_otherwise_is_not_taken_for_a_damaged_command(content):
    assert _launcher.version_of(content) is None
    assert not _launcher.is_damaged(content)


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexit 0\n", b"PK\x03\x04"])
def test_a_file_that_is_not_ours_has_no_version(content):
    assert _launcher.version_of(content) is None
