"""What an option accepts: every kind, at its edges, with a message that names it."""

from __future__ import annotations

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.errors import BadOption
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.secret import Secret
from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.values import (
    Option,
    mapping,
    nearest,
    parse,
)

WHOLE = Option("days", "int", "", minimum=0, maximum=36500)
NUMBER = Option("pause", "float", "", minimum=0, maximum=60)
SWITCH = Option("enabled", "bool", "")
PATH = Option("directory", "path", "")
TEXT = Option("table", "str", "")
CHOICE = Option("engine", "str", "", choices=("auto", "mysql"))
LIST = Option("tables", "list", "")
SECRET = Option("login_password", "str", "", secret=True)


@pytest.mark.parametrize(("raw", "value"), [(0, 0), (36500, 36500), ("7", 7), ("0", 0), ("007", 7)])
def test_a_whole_number_may_be_text(raw: object, value: int) -> None:
    assert parse(WHOLE, raw, "days") == value


@pytest.mark.parametrize(
    "raw",
    [
        -1,
        36501,
        2**31,
        2**63,
        1.0,
        1.5,
        True,
        False,
        None,
        "",
        " ",
        " 7",
        "7 ",
        "1_0",
        "+7",
        "--7",
        "7-",
        "٣",
        "0x1",
        "1e1",
        [],
        {},
    ],
)
def test_fi01_everything_else_is_no_whole_number(raw: object) -> None:
    with pytest.raises(BadOption, match="^days is .*: a whole number from 0 to 36500 is allowed$"):
        parse(WHOLE, raw, "days")


@pytest.mark.parametrize(("raw", "value"), [(0, 0.0), (0.5, 0.5), ("0.02", 0.02), ("1e1", 10.0), (60, 60.0)])
def test_a_number_may_be_text(raw: object, value: float) -> None:
    found = parse(NUMBER, raw, "pause")
    assert found == value
    assert isinstance(found, float)


@pytest.mark.parametrize(
    "raw",
    [
        -0.1,
        60.1,
        10**400,
        "1e400",
        "nan",
        "NaN",
        "inf",
        "-inf",
        float("nan"),
        float("inf"),
        True,
        None,
        "",
        " ",
        "1_0",
        "1,5",
        "٣",
        [],
        {},
    ],
)
def test_fi01_everything_else_is_no_number(raw: object) -> None:
    with pytest.raises(BadOption, match="^pause is .*: a number from 0 to 60 is allowed$"):
        parse(NUMBER, raw, "pause")


@pytest.mark.parametrize("raw", [True, 1, "1", "yes", "YES", "y", "on", "True", "t"])
def test_a_switch_is_on_by_ansible_s_words(raw: object) -> None:
    assert parse(SWITCH, raw, "enabled") is True


@pytest.mark.parametrize("raw", [False, 0, "0", "no", "N", "off", "FALSE", "f"])
def test_a_switch_is_off_by_ansible_s_words(raw: object) -> None:
    assert parse(SWITCH, raw, "enabled") is False


@pytest.mark.parametrize("raw", [2, -1, 1.0, "maybe", "", " ", None, [], {}, [True]])
def test_everything_else_is_no_switch(raw: object) -> None:
    with pytest.raises(BadOption, match="^enabled is .*: true or false is allowed$"):
        parse(SWITCH, raw, "enabled")


@pytest.mark.parametrize(
    ("raw", "value"), [("/", "/"), ("/a/b/", "/a/b"), ("/a//b", "/a/b"), ("/a/./b", "/a/b"), ("/a b/é", "/a b/é")]
)
def test_fi06_a_path_is_normalised(raw: str, value: str) -> None:
    assert parse(PATH, raw, "directory") == value


@pytest.mark.parametrize(
    "raw",
    [
        "a",
        "./a",
        "../a",
        "/a/../b",
        "/..",
        "~/a",
        "",
        " ",
        "/a\0b",
        "/a\nb",
        "/a\x7fb",
        "/" + "a" * 5000,
        1,
        None,
        ["/a"],
        "/\udcff",
    ],
)
def test_fi06_a_path_that_is_relative_climbs_or_holds_control_characters_is_refused(raw: object) -> None:
    with pytest.raises(BadOption, match="^directory is .*: an absolute path is allowed$"):
        parse(PATH, raw, "directory")


@pytest.mark.parametrize("raw", ["a", "a b", "x; DROP TABLE", "`a`", "日本", "-rf", "$(id)", "{{ 7*7 }}", "%s%n"])
def test_a_text_is_taken_as_it_is(raw: str) -> None:
    assert parse(TEXT, raw, "table") == raw


@pytest.mark.parametrize(
    "raw", ["", " ", "\t", "a\nb", "a\0b", "a\x1bb", "x" * 4097, "\ud800", 1, 1.5, True, None, [], {}]
)
def test_a_text_that_is_empty_long_or_holds_control_characters_is_refused(raw: object) -> None:
    with pytest.raises(BadOption, match="^table is .*: a text that is not empty is allowed$"):
        parse(TEXT, raw, "table")


@pytest.mark.parametrize("raw", ["oracle", "MYSQL", "", None, 1, ["auto"]])
def test_a_choice_takes_its_words_only(raw: object) -> None:
    assert parse(CHOICE, "mysql", "engine") == "mysql"
    with pytest.raises(BadOption, match="^engine is .*: one of auto, mysql is allowed$"):
        parse(CHOICE, raw, "engine")


def test_a_list_may_be_text_with_commas() -> None:
    assert parse(LIST, ["a", "b c"], "tables") == ("a", "b c")
    assert parse(LIST, "a,b", "tables") == ("a", "b")
    assert parse(LIST, [], "tables") == ()


@pytest.mark.parametrize("raw", ["", "a,,b", ",", [""], ["a", 1], [None], [["a"]], {"a": 1}, 1, True, None])
def test_everything_else_is_no_list(raw: object) -> None:
    with pytest.raises(BadOption, match="^tables is .*: a list of texts is allowed$"):
        parse(LIST, raw, "tables")


@pytest.mark.parametrize("raw", [" ", "#'\"\\`$", "a\nb", "ü", "[client]", "x" * 5000])
def test_a_password_may_be_anything_but_empty_or_with_nul(raw: str) -> None:
    assert parse(SECRET, raw, "mysql.login_password") == Secret(raw)


@pytest.mark.parametrize("raw", ["", "hunter2\0canary", 123456789, ["canary"], None])
def test_a_refused_password_is_not_repeated(raw: object) -> None:
    with pytest.raises(BadOption) as caught:
        parse(SECRET, raw, "mysql.login_password")
    assert caught.value.message.startswith("mysql.login_password: ")
    assert "canary" not in caught.value.message
    assert "123456789" not in caught.value.message


def test_a_refusal_shows_a_hostile_value_on_one_short_line() -> None:
    with pytest.raises(BadOption) as caught:
        parse(WHOLE, "x\n\x1b[31m" * 100_000, "days")
    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("depth", [10, 500, 900, 5000])
def test_a_refusal_of_a_deep_or_huge_value_is_short_too(depth: int) -> None:
    deep: object = []
    for _level in range(depth):
        deep = [deep]
    for raw in (deep, {"a": deep}, 10**5000):
        with pytest.raises(BadOption) as caught:
            parse(WHOLE, raw, "days")
        assert len(caught.value.message) < 200


@pytest.mark.parametrize("raw", [None, [], "text", 1, {1: "a"}])
def test_a_section_must_be_a_mapping_with_text_keys(raw: object) -> None:
    with pytest.raises(BadOption, match="^backup is .*: a mapping is allowed$"):
        mapping(raw, "backup")
    assert mapping({"a": 1}, "backup") == {"a": 1}


def test_fi02_the_nearest_name_is_offered_or_all_are_named() -> None:
    assert nearest("retention_dasy", ["retention_days", "tables"]) == "did you mean retention_days?"
    assert nearest("zzz", ["tables", "days"]) == "allowed are days, tables"


SCHEDULE = Option("schedule", "schedule", "")


@pytest.mark.parametrize(
    "raw",
    ["0 */6 * * *", "*/5 * * * *", "0 2 * * *", "1,2,5-7 0-23/2 1 jan-mar SUN", "@daily", "@reboot", "0 0 * * 7"],
)
def test_a_schedule_is_what_cron_understands(raw: str) -> None:
    assert parse(SCHEDULE, raw, "schedule") == raw


@pytest.mark.parametrize(
    "raw",
    [
        "99 99 * * *",
        "a b c d e",
        "@every",
        "* * * *",
        "* * * * * *",
        "*/0 * * * *",
        "5/2 * * * *",
        "7-3 * * * *",
        "1-2-3 * * * *",
        "1, * * * *",
        "-1 * * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * * ; id",
        "",
        5,
        None,
    ],
)
def test_a_schedule_that_cron_would_not_understand_is_refused(raw: object) -> None:
    with pytest.raises(BadOption, match="five cron fields, or one of @hourly"):
        parse(SCHEDULE, raw, "backup.schedule")
