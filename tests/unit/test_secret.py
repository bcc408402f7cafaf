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


SEPARATED = "ab/cdefgh#ijklmn@opq rst\\'\"%:é\n  uvwxyz"
HEX = {"hex": lambda text: text.encode().hex(), "upper-case hex": lambda text: text.encode().hex().upper()}
# How a program may repeat a secret within a sentence of its own.
EMBEDDINGS = {
    **FORMS,
    **HEX,
    "lower-case url": lambda text: quote(text, safe="").lower() if text.islower() else quote(text, safe=""),
    "url with sub-delimiters": lambda text: quote(text, safe="!$&'()*+,;=:@/~"),
    "bytes": lambda text: repr(text.encode()),
    "SQL": lambda text: text.replace("'", "''"),
    "collapsed": lambda text: " ".join(text.split()),
    "wrapped in blanks": lambda text: f"  {text}\t",
    "base64 in the middle": lambda text: base64.b64encode(f"\x01{text}\x01\x01".encode()).decode(),
}
secrets = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="*"), min_size=6, max_size=40)


def pieces(text: str, size: int = 6) -> set[str]:
    """Return every piece of a text of that length."""
    return {text[place : place + size] for place in range(len(text) - size + 1)}


@given(secrets, st.sampled_from(sorted(EMBEDDINGS)), st.integers(0, 200), st.integers(1, 200))
def test_g11_g12_no_piece_of_six_characters_survives_however_it_is_written_and_cut(
    text: str, embedding: str, start: int, length: int
) -> None:
    secret._known.clear()
    Secret(text)
    said = f"«{EMBEDDINGS[embedding](text)}»"
    for shown in (redact(said), redact(said[start : start + length]), secret.foreign(said), secret.foreign(said, 20)):
        assert not pieces(text) & pieces(shown)
    whole = EMBEDDINGS[embedding](text)
    assert len(whole) < 6 or whole not in redact(said)


def test_g11_a_secret_that_a_limit_cuts_in_half_is_struck_out_on_both_sides() -> None:
    Secret("first-half-second-half")
    assert redact("said: t-half-sec") == "said: ***"
    assert redact("-half-second-half: said") == "***: said"


@pytest.mark.parametrize("form", HEX)
def test_g12_a_secret_in_hexadecimal_is_struck_out(form: str) -> None:
    Secret(SEPARATED)
    assert redact(f"value X'{HEX[form](SEPARATED)}'") == "value X'***'"


def test_a_piece_that_is_no_secret_tears_no_hole() -> None:
    Secret("iact_callcenter-localhost-2026")
    secret.keep("iact_callcenter")
    text = 'connection to server at "localhost", database "iact_callcenter" does not exist'
    assert redact(text) == text
    assert redact("of iact_callcenter-localhost-2026 and center-local") == "of *** and ***"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("{'USER': 'u', 'PASSWORD': 'un\\'known', 'HOST': 'h'}", "{'USER': 'u', 'PASSWORD': ***, 'HOST': 'h'}"),
        ('{"password": "unknown", "port": 1}', '{"password": ***, "port": 1}'),
        ("DB_CLAVE=unknown CONTRASEÑA=unknown SENHA: 'unknown' x", "DB_CLAVE=*** CONTRASEÑA=*** SENHA: *** x"),
        ("invalid dsn: host=h password=unknown port=1", "invalid dsn: host=h password=*** port=1"),
        ("mysql://us@er:un/kn#o@wn@host/db", "mysql://us@er:***@host/db"),
        ("CREATE USER u IDENTIFIED BY 'unknown'", "CREATE USER u IDENTIFIED BY ***"),
        ("ALTER ROLE u PASSWORD 'unknown'", "ALTER ROLE u PASSWORD ***"),
        ("cut off: 'PASSWORD': 'unkno", "cut off: 'PASSWORD': ***"),
    ],
)
def test_g12_what_stands_behind_the_name_of_a_secret_is_struck_out_though_nobody_knows_it(
    said: str, shown: str
) -> None:
    assert redact(said) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Access denied for user 'u'@'h' (using password: YES)",
        'password authentication failed for user "u"',
        "fe_sendauth: no password supplied",
        "key: 'x' is a foreign key; passed: 3; monkey=1; unexpected token: '}'",
        "duplicate key value violates unique constraint: Key (session_key)=(abc) already exists.",
        "http://127.0.0.1:8000/path",
    ],
)
def test_ordinary_sentences_about_passwords_and_keys_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("name", "value", "hidden"),
    [
        ("DATABASE_URL", "postgres://u:pa/ss#wo@rd@host:5432/db", "pa/ss#wo@rd"),
        ("DATABASE_URL", "mysql://us@er:p%2Fssw%23rd@host/db", "p/ssw#rd"),
        ("CACHE", "redis://:hunter22@host/0", "hunter22"),
        ("DB_CLAVE", "hunter22", "hunter22"),
        ("CONTRASENA", "hunter22", "hunter22"),
        ("CONTRASEÑA", "hunter22", "hunter22"),
        ("SENHA_DO_BANCO", "hunter22", "hunter22"),
    ],
)
def test_g12_a_variable_of_the_site_teaches_its_secret(name: str, value: str, hidden: str) -> None:
    secret.learn(name, value)
    assert not pieces(hidden) & pieces(redact(f"«{hidden}» and «{value}»"))


def test_a_flag_of_a_telling_name_is_no_secret() -> None:
    secret.learn("USE_AUTH", "true")
    assert redact("it is true") == "it is true"
