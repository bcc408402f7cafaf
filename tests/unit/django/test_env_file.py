"""The grammar of .env files."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.django import env_file

PLAIN = [
    ("A=b", "b"),
    ("export A=b", "b"),
    ("  A=b  ", "b"),
    ("A=", ""),
    ("A=a=b", "a=b"),
    ("A=a#b", "a#b"),
    ("A=a  # the rest is a comment", "a"),
    ("A=# nothing", ""),
    ("A='a # b'", "a # b"),
    ("A='a\\b\"c'", 'a\\b"c'),
    ('A="a \\" b \\\\ c"', 'a " b \\ c'),
    ('A="a" # comment', "a"),
    ("A='$HOME ${HOME} $(id) `id`'", "$HOME ${HOME} $(id) `id`"),
    ("A='contraseña ☎'", "contraseña ☎"),
    ("A=b\r", "b"),
]


@pytest.mark.parametrize(("line", "expected"), PLAIN)
def test_a_line_sets_its_variable(line: str, expected: str) -> None:
    assert env_file.parse(line) == {"A": expected}


@pytest.mark.parametrize(("line", "expected"), PLAIN)
def test_a_shell_reads_the_same(line: str, expected: str) -> None:
    shell = subprocess.run(["sh", "-c", line.strip() + '\nprintf %s "$A"'], stdout=subprocess.PIPE, check=True)
    assert shell.stdout.decode() == expected


def test_nothing_is_expanded() -> None:
    assert env_file.parse('A="$HOME"\nB=$HOME\nC=${A}') == {"A": "$HOME", "B": "$HOME", "C": "${A}"}


def test_comments_and_blank_lines_set_nothing_and_the_last_assignment_counts() -> None:
    assert env_file.parse("# a\n\n   \nA=1\nA=2\n") == {"A": "2"}


@pytest.mark.parametrize(
    "line", ["secret", "1A=secret", "A B=secret", "=secret", "A='secret", 'A="secret', "A='secret' more", "A=secret\0"]
)
def test_a_wrong_line_is_named_by_its_number_and_never_shown(line: str) -> None:
    with pytest.raises(ValueError, match="^line 3: ") as caught:
        env_file.parse("# first\nGOOD=1\n" + line)
    assert "secret" not in str(caught.value)
