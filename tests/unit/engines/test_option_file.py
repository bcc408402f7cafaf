"""Our reader of option files reads what MySQL's own programs read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import option_file
from tests.hostile import PASSWORDS

LINES = [
    r'password="a\\b\"c#d"',
    'user = "x"  # a comment',
    'password="',
    'password=""',
    "password=''",
    "password=",
    "password",
    "password=a'b",
    "password='a\"b'",
    'password="a" "b"',
    r"password=\s\q\n1\\",
    "password=1\\",
    r"password='it\'s # one'",
    "password=it's # two",
    "  pass-word\t=\t1 ",
    "password=a=b",
    "password = contraseña ☎",
    "#password=1",
    ";password=1",
    "",
    "password=a\r",
    "[ client ]\npassword=1",
    "[client ] junk\npassword=1",
    "[mysql]\npassword=1",
    "[client-mariadb]\npassword=1",
    "password=1\npassword=2",
]


def read_by_the_tool(path: Path) -> dict[str, str]:
    program = shutil.which("my_print_defaults")
    if not program:
        pytest.skip("my_print_defaults is not installed")
    done = subprocess.run(
        [program, f"--defaults-file={path}", *option_file.GROUPS], stdout=subprocess.PIPE, check=True, timeout=20
    )
    found = {}
    for option in done.stdout.decode()[2:-1].split("\n--"):
        name, _equals, value = option.partition("=")
        if name:
            found[name.replace("-", "_")] = value
    return found


@pytest.mark.parametrize("line", LINES)
def test_a_line_means_what_it_means_to_the_client_programs(line: str, tmp_path: Path) -> None:
    path = tmp_path / "my.cnf"
    path.write_text(f"[client]\n{line}\n", encoding="utf-8", newline="")
    assert option_file.parse(path.read_bytes().decode(), str(path)) == read_by_the_tool(path)


@pytest.mark.parametrize("password", PASSWORDS)
def test_fi11_a_password_we_write_is_read_back_by_us_and_by_the_client_programs(password: str, tmp_path: Path) -> None:
    path = tmp_path / "my.cnf"
    path.write_text(option_file.render({"password": password, "user": "iact"}), encoding="utf-8", newline="")
    expected = {"password": password, "user": "iact"}
    assert option_file.parse(path.read_bytes().decode(), str(path)) == expected
    assert read_by_the_tool(path) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[client]\nuser=1\n!include /tmp/x", "line 3: includes are not supported"),
        ("[client]\n !includedir /tmp", "line 2: includes are not supported"),
        ("password=hidden", "line 1: there is an option before the first"),
        ("[client\npassword=hidden", "line 1: a .group. is not closed"),
    ],
)
def test_a_broken_file_is_refused_by_its_line_which_is_not_shown(text: str, reason: str) -> None:
    with pytest.raises(errors.Refused, match=reason) as caught:
        option_file.parse(text, "/home/x/.my.cnf")
    assert caught.value.code == "bad_credentials_file"
    assert "hidden" not in caught.value.message
