"""A password never shows itself, in whatever form another program repeats it."""

from __future__ import annotations

import base64
import dataclasses
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret, printable, redact

HOSTILE = ["p@ss: w/ord%#", 'it\'s "quoted" \\ back', "blank  ends ", "päßwörd", "a\nb\tc", "$(id) `id` ;&|", "x=y&z+1"]


@dataclasses.dataclass(frozen=True)
class Holder:
    """Something with a password in it."""

    password: Secret


def test_fs09_a_secret_never_shows_in_text() -> None:
    hidden = Secret("hunter2")
    holder = Holder(hidden)
    shown = [
        str(hidden),
        repr(hidden),
        f"{hidden} {hidden!r}",
        repr(holder),
        repr([hidden]),
        repr(dataclasses.asdict(holder)),
        json.dumps({"a": hidden}, default=str),
    ]
    assert all("***" in text for text in shown)
    assert "hunter2" not in " ".join(shown)
    assert not hasattr(hidden, "__dict__")


def test_only_reveal_gives_the_text_and_equality_compares_it() -> None:
    assert Secret("a b").reveal() == "a b"
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


FORMS = {
    "plain": str,
    "url": lambda text: quote(text, safe=""),
    "url with slashes": quote,
    "form": quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "json": lambda text: json.dumps(text)[1:-1],
    "json with unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "python": lambda text: repr(text)[1:-1],
    "shell": shlex.quote,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", HOSTILE)
def test_fs07_every_form_of_a_password_is_struck_out(form: str, text: str) -> None:
    Secret(text)
    said = f"could not connect as {FORMS[form](text)}; retry"
    redacted = redact(said)
    assert redacted.startswith("could not connect as ")
    assert redacted.endswith("; retry")
    assert FORMS[form](text) not in redacted
    assert text not in redacted


def test_one_password_inside_another_leaves_no_rest() -> None:
    Secret("hunter")
    Secret("hunter2hunter2")
    assert redact("hunter2hunter2 hunter") == "*** ***"


def test_a_very_short_password_is_struck_out_only_where_it_stands_alone() -> None:
    Secret("e")
    assert redact("the end: e, 'e' and e") == "the end: ***, '***' and ***"


def test_text_without_a_secret_stays_as_it_is() -> None:
    Secret("hunter2")
    Secret("")
    assert redact("nothing to hide") == "nothing to hide"


@given(st.text(min_size=4, max_size=30))
def test_no_password_of_four_or_more_characters_survives(text: str) -> None:
    Secret(text)
    if text not in secret.MASK * 3:
        assert text not in redact(f"<<{text}>>").replace(secret.MASK, "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\0b\x7f", "a\\x00b\\x7f"),
        ("\udcff", "\\udcff"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("é 日本 😀", "é 日本 😀"),
    ],
)
def test_ft16_foreign_text_is_shown_on_one_line_without_control_characters(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_ft16_foreign_text_is_cut() -> None:
    assert printable("x" * 10_000_000) == "x" * 4096 + " …"
    assert printable("abc", 3) == "abc"
    assert printable("abcd", 3) == "abc …"


@given(st.text())
def test_printable_text_is_always_printable(text: str) -> None:
    assert printable(text).isprintable()
