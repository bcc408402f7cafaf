"""Strings that break code without quoting: passwords (FI11) and names of tables and databases (FI05, FD23)."""

from __future__ import annotations

PASSWORDS = [
    " leading",
    "trailing ",
    "in side",
    "a#b",
    "#",
    "a;b",
    "a'b",
    'a"b',
    '"quoted"',
    "'quoted'",
    "back\\slash",
    "end\\",
    "\\\\n\\s",
    "line\nbreak",
    "tab\tbed",
    "carriage\rreturn",
    "contraseña ☎ 密码",
    "[client]",
    "!include /etc/passwd",
    "user=root",
    "%s%n{{ 7*7 }}",
    "$(id)`id`$HOME",
    "a:b@c/d?e&f",
    "--password",
    "x" * 200,
]

IDENTIFIERS = ["x; DROP TABLE victim", "a`b", '"a"', "database.table", "-rf", "a b", "%s", "../x", "a\\b", "'"]
