"""Our reader of password files finds what libpq finds."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import errors
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.engines import password_file
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from tests.hostile import PASSWORDS

WANTED = ("127.0.0.1", "5432", "site", "iact")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:5432:site:iact:right", "right"),
        ("*:*:*:*:right\n", "right"),
        ("*:5433:*:*:wrong\n*:*:*:iact:right\n*:*:*:*:later", "right"),
        ("# *:*:*:*:comment\n*:*:*:*:right", "right"),
        ("*:*:*:*:right\r\n", "right"),
        ("*:*:*:*:a\\:b\\\\c\n", "a:b\\c"),
        ("*:*:*:*:before:ignored", "before"),
        ("*:*:*:*: blanks \n", " blanks "),
        ("\\*:*:*:*:wrong\n", None),
        ("127.0.0.1:5432:site:other:wrong", None),
        ("127.0.0.1:5432:site:iact", None),
        ("", None),
    ],
)
def test_the_first_line_that_fits_counts(text: str, expected: str | None) -> None:
    found = password_file.find_password(text, WANTED)
    assert (found and found.reveal()) == expected


def test_a_name_with_a_colon_is_found_by_its_escaped_form() -> None:
    found = password_file.find_password("h:1:a\\:b:c\\\\d:right", ("h", "1", "a:b", "c\\d"))
    assert found == Secret("right")


@pytest.mark.parametrize("password", PASSWORDS)
def test_fi11_a_password_that_was_written_is_read_again_or_refused(password: str) -> None:
    if "\n" in password or "\r" in password:
        with pytest.raises(errors.Refused, match="line break"):
            password_file.render(Secret(password))
    else:
        assert password_file.find_password(password_file.render(Secret(password)), WANTED) == Secret(password)
