"""What an account may do, from the words of SHOW GRANTS."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import mysql_rights
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps.model import Source

WHOLE = Source("mysql.site", "mysql", "site", ())
TABLE = Source("mysql.site", "mysql", "site", ("metrics",))
HOLDER = "'b'@'localhost'"
LOGIN = "GRANT USAGE ON *.* TO `b`@`localhost` IDENTIFIED BY PASSWORD '*F33AE6DD04EF4C7C'"
README = "GRANT SELECT, SHOW VIEW, EVENT, TRIGGER ON `site`.* TO `b`@`localhost`"
EVERYWHERE = "GRANT SELECT, INSERT, EVENT, TRIGGER ON *.* TO `b`@`%`"
PROC = "GRANT SELECT ON `mysql`.`proc` TO `b`@`localhost`"


def missing(lines: list[str], source: Source = WHOLE, *, is_mariadb: bool = True) -> list[str]:
    needs = ["SELECT", "TRIGGER", *([] if source.tables else ["EVENT"])]
    return mysql_rights.missing_for_dump(
        mysql_rights.parse(HOLDER, lines, is_mariadb=is_mariadb), source, needs, is_mariadb=is_mariadb
    )


@pytest.mark.parametrize(
    ("lines", "is_mariadb"),
    [
        ([LOGIN, README, PROC], True),
        (["GRANT SELECT, EVENT, TRIGGER ON `s%e`.* TO `b`@`%`", PROC], True),
        (["GRANT SELECT, EVENT, TRIGGER ON `si\\_te`.* TO `b`@`%`", README, PROC], True),
        (["GRANT ALL PRIVILEGES ON *.* TO `b`@`%` WITH GRANT OPTION"], True),
        (["GRANT ALL PRIVILEGES ON *.* TO `b`@`%` WITH GRANT OPTION"], False),
        ([README, "GRANT SHOW CREATE ROUTINE ON `site`.* TO `b`@`%`"], True),
        ([README, "GRANT SHOW_ROUTINE ON *.* TO `b`@`%`"], False),
        ([EVERYWHERE, "REVOKE TRIGGER ON `other`.* FROM `b`@`%`"], False),
        ([EVERYWHERE, README, "REVOKE INSERT, TRIGGER ON `site`.* FROM `b`@`%`"], False),
        ([LOGIN, "GRANT `r` TO `b`@`%`", README.replace("`b`@`localhost`", "`r`"), PROC], True),
    ],
)
def test_fd15_these_rights_are_enough_for_a_whole_database(lines: list[str], is_mariadb: bool) -> None:
    assert missing(lines, is_mariadb=is_mariadb) == []


@pytest.mark.parametrize(
    ("lines", "is_mariadb", "expected"),
    [
        ([README.replace(", TRIGGER", ""), PROC], True, ["GRANT TRIGGER ON `site`.* TO 'b'@'localhost';"]),
        ([README], True, ["GRANT SELECT ON mysql.proc TO 'b'@'localhost';"]),
        ([README], False, ["GRANT SHOW_ROUTINE ON *.* TO 'b'@'localhost';"]),
        ([README, PROC], False, ["GRANT SHOW_ROUTINE ON *.* TO 'b'@'localhost';"]),
        ([README.replace("`site`", "`si\\_te`"), PROC], True,
         ["GRANT SELECT, TRIGGER, EVENT ON `site`.* TO 'b'@'localhost';"]),
        (["GRANT SELECT, TRIGGER, EVENT ON `site`.`metrics` TO `b`@`%`", PROC], True,
         ["GRANT SELECT, TRIGGER, EVENT ON `site`.* TO 'b'@'localhost';"]),
        ([EVERYWHERE, "REVOKE INSERT, TRIGGER ON `site`.* FROM `b`@`%`"], False,
         ["GRANT TRIGGER ON `site`.* TO 'b'@'localhost';"]),
        (["GRANT TRIGGER ON PROCEDURE `site`.`p` TO `b`@`%`", README.replace(", TRIGGER", ""), PROC], True,
         ["GRANT TRIGGER ON `site`.* TO 'b'@'localhost';"]),
    ],
)  # fmt: skip
def test_fd15_what_is_missing_is_named_as_a_grant(lines: list[str], is_mariadb: bool, expected: list[str]) -> None:
    assert missing(lines, is_mariadb=is_mariadb) == expected


def test_fd15_a_named_table_needs_only_its_own_rights() -> None:
    assert missing(["GRANT SELECT, INSERT (`id`), TRIGGER ON `site`.`metrics` TO `b`@`%`"], TABLE) == []
    assert missing(["GRANT SELECT ON `site`.`metrics` TO `b`@`%`"], TABLE) == [
        "GRANT TRIGGER ON `site`.`metrics` TO 'b'@'localhost';"
    ]


def test_fd15_what_a_partial_revoke_takes_from_a_named_table_is_missing() -> None:
    revoke = "REVOKE TRIGGER ON `site`.* FROM `b`@`%`"
    assert missing([EVERYWHERE, revoke], TABLE) == ["GRANT TRIGGER ON `site`.`metrics` TO 'b'@'localhost';"]
    assert missing([EVERYWHERE, revoke, "GRANT TRIGGER ON `site`.`metrics` TO `b`@`%`"], TABLE) == []


@pytest.mark.parametrize(
    "lines",
    [
        [LOGIN, r"GRANT ALL PRIVILEGES ON `iact\_restore\_%`.* TO `b`@`%`"],
        [LOGIN, r"GRANT ALL PRIVILEGES ON `iact\_restore\_%`.* TO `b`@`%`", "GRANT SELECT ON `site`.* TO `b`@`%`"],
        [LOGIN, "GRANT ALL PRIVILEGES ON `iact_restore_mine`.* TO `b`@`%`"],
        [LOGIN, "GRANT INSERT ON `iact_restore_%`.`one` TO `b`@`%`"],
        [LOGIN, "GRANT EXECUTE ON PROCEDURE `iact_restore_mine`.`p` TO `b`@`%`"],
        [LOGIN, "GRANT SELECT ON *.* TO `b`@`%`", "REVOKE SELECT ON `site`.* FROM `b`@`%`"],
        [LOGIN, "SET DEFAULT ROLE NONE FOR `b`@`%`"],
        [LOGIN, "GRANT SELECT, PROCESS ON *.* TO `b`@`%`"],
        ["GRANT SELECT (`id`) ON `site`.`e` TO `b`@`%`"],
    ],
)
def test_ft12_an_account_for_restores_alone_writes_nowhere_else(lines: list[str]) -> None:
    assert mysql_rights.writes_elsewhere(mysql_rights.parse(HOLDER, lines)) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("GRANT ALL PRIVILEGES ON *.* TO `b`@`%`", "ALL PRIVILEGES on *.*"),
        ("GRANT SELECT, INSERT ON `site`.* TO `b`@`%`", "INSERT on site.*"),
        ("GRANT SELECT (`id`), UPDATE (`id`, `x`) ON `site`.`e` TO `b`@`%`", "UPDATE on site.e"),
        ("GRANT EXECUTE ON PROCEDURE `site`.`p` TO `b`@`%`", "EXECUTE on site.p"),
        ("GRANT FILE ON *.* TO `b`@`%`", "FILE on *.*"),
        ("GRANT INSERT ON `test`.* TO `b`@`%`", "INSERT on test.*"),
        ("GRANT ALL PRIVILEGES ON `iact_restore_%`.* TO `b`@`%`", "ALL PRIVILEGES on iact_restore_%.*"),
        (r"GRANT INSERT ON `iact_restore\_%`.* TO `b`@`%`", r"INSERT on iact_restore\_%.*"),
        ("GRANT INSERT ON `iact%`.* TO `b`@`%`", "INSERT on iact%.*"),
        ("GRANT ALL PRIVILEGES ON `%`.* TO `b`@`%`", "ALL PRIVILEGES on %.*"),
        ("GRANT `nested` TO `b`@`%`", "the role `nested`"),
        ("GRANT `r`@`%`,`s`@`%` TO `b`@`%` WITH ADMIN OPTION", "the role `r`@`%`,`s`@`%`"),
    ],
)
def test_ft12_what_an_account_could_change_elsewhere_is_named(line: str, said: str) -> None:
    assert mysql_rights.writes_elsewhere(mysql_rights.parse(HOLDER, [LOGIN, line])) == [said]


@pytest.mark.parametrize(
    "line",
    [
        "GRANT PROXY ON ``@`%` TO `b`@`%` WITH GRANT OPTION",
        'GRANT ALL PRIVILEGES ON "site".* TO "b"@"%"',
        "GRANT INSERT ON LIBRARY `site`.`x` TO `b`@`%`",
        "something that a later server says",
        "",
    ],
)
def test_ft12_a_line_that_is_not_understood_counts_as_writing_elsewhere_and_is_not_shown(line: str) -> None:
    rights = mysql_rights.parse(HOLDER, [LOGIN, line])
    assert mysql_rights.writes_elsewhere(rights) == ["grants in an unknown form: 1"]


HIDDEN = [
    (["s%", "site"], "s%", "site"),
    (["s_te", "site"], "s_te", "site"),
    (["s_te", r"s\_te"], "s_te", "s_te"),
]


@pytest.mark.parametrize("is_mariadb", [True, False])
@pytest.mark.parametrize(("patterns", "complete", "database"), HIDDEN)
def test_g40_only_the_most_specific_row_of_a_database_counts(
    patterns: list[str], complete: str, database: str, is_mariadb: bool
) -> None:
    full, less = "SELECT, EVENT, TRIGGER", "SELECT, EVENT"
    routines = PROC if is_mariadb else "GRANT SHOW_ROUTINE ON *.* TO `b`@`%`"
    lines = [f"GRANT {full if name == complete else less} ON `{name}`.* TO `b`@`%`" for name in patterns]
    source = Source("mysql.site", "mysql", database, ())
    for ordered in (lines, lines[::-1]):
        (missing_one,) = missing([*ordered, routines], source, is_mariadb=is_mariadb)
        assert "TRIGGER" in missing_one and f" ON `{patterns[1]}`.*" in missing_one
    (turned,) = [name for name in patterns if name != complete]
    lines = [f"GRANT {full if name == turned else less} ON `{name}`.* TO `b`@`%`" for name in patterns]
    assert missing([*lines, routines], source, is_mariadb=is_mariadb) == []


@pytest.mark.parametrize("is_mariadb", [True, False])
@pytest.mark.parametrize(("more", "less"), [("si%", "s%"), ("s%", "%"), ("sit_", "s%"), ("site%", "s_te")])
def test_g40_of_two_patterns_the_more_specific_one_counts(more: str, less: str, is_mariadb: bool) -> None:
    if is_mariadb and more == "site%":
        more, less = less, more
    for taken, other, enough in ((more, less, False), (less, more, True)):
        lines = [f"GRANT SELECT, EVENT ON `{taken}`.* TO `b`@`%`", f"GRANT TRIGGER ON `{other}`.* TO `b`@`%`"]
        assert mysql_rights.parse(HOLDER, lines, is_mariadb=is_mariadb).allows("TRIGGER", "site") is enough


def test_g40_mysql_and_mariadb_differ_in_what_is_most_specific() -> None:
    lines = ["GRANT SELECT, EVENT ON `_ite`.* TO `b`@`%`", README.replace("`site`", "`s%`"), PROC]
    assert missing(lines) != []
    assert missing([*lines, "GRANT SHOW_ROUTINE ON *.* TO `b`@`%`"], is_mariadb=False) == []


@pytest.mark.parametrize("added", [
    "GRANT TRIGGER ON *.* TO `b`@`localhost`", "GRANT TRIGGER, SELECT ON `s%`.* TO `role`",
])  # fmt: skip
def test_g40_global_rights_and_a_role_s_add_up(added: str) -> None:
    assert missing([README.replace(", TRIGGER", ""), PROC, added]) == []


def test_g40_a_grant_that_is_named_gives_what_it_will_hide() -> None:
    """A row of exactly this database hides the pattern, so TRIGGER alone would take the rest away."""
    lines = [README.replace(", TRIGGER", "").replace("`site`", "`s%`"), PROC]
    assert missing(lines) == ["GRANT SELECT, TRIGGER, EVENT ON `site`.* TO 'b'@'localhost';"]


def test_g40_with_partial_revokes_a_pattern_of_mysql_is_a_name() -> None:
    line = "GRANT TRIGGER ON `s%`.* TO `b`@`%`"
    assert not mysql_rights.parse(HOLDER, [line], is_mariadb=False, literal=True).allows("TRIGGER", "site")
    assert mysql_rights.parse(HOLDER, [line], is_mariadb=False, literal=True).allows("TRIGGER", "s%")
