"""A dump's text as it flows by: rows counted, the end seen, whatever the size of the pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.dumps import mysql_stream

TAIL = b"UNLOCK TABLES;\n\n-- Dump completed on 2026-03-01 12:00:00\n"
HEAD = b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n"
MARIADB = (
    HEAD
    + b"CREATE TABLE `a``b` (\n  `id` int(11)\n);\n"
    + b"INSERT INTO `a``b` VALUES\n(1,'x\\n(2),(3);'),\n(2,'it\\'s'),\n(3,NULL);\n"
    + b"INSERT INTO `a``b` VALUES\n(4,'y');\nCREATE TABLE `empty` (\n  `id` int(11)\n);\n"
    + b"DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 trigger t\nbefore insert on x\n"
    + b"INSERT INTO `empty` VALUES\n(1);\n*/;;\nDELIMITER ;\n"
    + TAIL
)
MYSQL = (
    b"-- MySQL dump 10.13  Distrib 9.7.0\nCREATE TABLE `a``b` (\n  `id` int\n);\n"
    b"INSERT INTO `a``b` VALUES (1,'x),(y'),(2,'it\\'s),('),(3,_binary 'z\\\\');\n"
    b"INSERT INTO `a``b` (`id`, `s`) VALUES (4,'y');\nCREATE TABLE `empty` (\n  `id` int\n);\n" + TAIL
)


def pieces(text: bytes, size: int) -> Iterator[bytes]:
    """Return a text in pieces of one size."""
    return (text[begin : begin + size] for begin in range(0, len(text), size))


def watched(text: bytes, size: int = 1 << 16) -> mysql_stream.DumpWatcher:
    watcher = mysql_stream.DumpWatcher()
    for piece in pieces(text, size):
        watcher(piece)
    return watcher


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1 << 16])
@pytest.mark.parametrize("text", [MARIADB, MYSQL], ids=["mariadb", "mysql"])
def test_the_rows_of_each_table_are_counted_in_whatever_pieces(text: bytes, size: int) -> None:
    watcher = watched(text, size)
    assert (watcher.rows, watcher.reason, watcher.is_complete) == ({"a`b": 4, "empty": 0}, "", True)


@pytest.mark.parametrize("lost", [1, 60, 200])
def test_fd09_a_dump_without_its_last_line_is_not_complete(lost: int) -> None:
    text = MARIADB.rstrip(b"\n")
    assert not watched(text[: -lost - 40], 50).is_complete
    assert not watched(b"").is_complete
    assert not watched(b"-- Dump completed on 2026-03-01\nINSERT INTO `x` VALUES\n").is_complete


def test_a_line_too_long_for_memory_is_counted_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_stream, "_LONGEST_LINE_BYTES", 1000)
    row = b"(1,'" + b"x" * 5000 + b"')"
    text = b"CREATE TABLE `t` (\n);\nINSERT INTO `t` VALUES\n" + row + b",\n" + row + b";\n" + TAIL
    assert watched(text, 100).rows == {"t": 2}
    watcher = watched(b"INSERT INTO `t` VALUES " + row + b"," + row + b";\n" + TAIL, 100)
    assert watcher.rows == {"t": None} and watcher.reason


DEFINED = (
    b"/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`ro``ot`@`local%host` SQL SECURITY DEFINER */\n"
    b"/*!50001 VIEW `v` AS select 1 */;\n"
    b'DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER="ro""ot"@"localhost"*/ /*!50003 trigger tr */;;\n'
    b"/*!50106 CREATE*/ /*!50117 DEFINER=`root`@`localhost`*/ /*!50106 EVENT `e\nv` ON SCHEDULE EVERY 1 DAY STARTS "
    b"'2026-01-01 00:00:00' ON COMPLETION NOT PRESERVE ENABLE COMMENT 'it''s ENABLE' DO SELECT 'ENABLE' */ ;;\n"
    b"CREATE DEFINER=`role` PROCEDURE `p`()\nBEGIN\nSELECT 'it\\'s;;\nDELIMITER ;\n"
    b"CREATE DEFINER=`root`@`localhost` x'; -- don't;;\nEND ;;\n"
    b"DELIMITER ;\nINSERT INTO `t` VALUES\n(1,'CREATE DEFINER=`root`@`localhost` x');\n"
)
UNDEFINED = (
    DEFINED.replace(b"DEFINER=`ro``ot`@`local%host` ", b" ")
    .replace(b'DEFINER="ro""ot"@"localhost"', b"")
    .replace(b"DEFINER=`root`@`localhost`*/", b"*/")
    .replace(b"PRESERVE ENABLE", b"PRESERVE DISABLE")
    .replace(b"DEFINER=`role` ", b" ")
)


def to_restore(stream: Iterator[bytes]) -> bytes:
    """Return what a restore would send to the client."""
    return b"".join(mysql_stream.RestoreStream().of(stream))


@pytest.mark.parametrize("size", [1, 5, 41, 60, 1 << 16])
@pytest.mark.parametrize("head", [HEAD, b"", b"/*M!999999\\- enable the sandbox mode */\n-- x\n", b"/*M */;\n"])
def test_what_is_restored_names_no_account_and_no_sandbox_and_is_else_the_same(head: bytes, size: int) -> None:
    end = b"INSERT INTO `t` VALUES\n(1,'" + b"x" * 3_000_000 + b"\n');\n"
    found = to_restore(pieces(head + DEFINED + end[: 1000 * size], size))
    kept = head[head.find(b"\n") + 1 :] if b"sandbox" in head else head
    assert found == kept + UNDEFINED + end[: 1000 * size]


@pytest.mark.parametrize("size", [7, 1 << 18])
def test_rows_and_long_statements_pass_through_byte_for_byte(size: int) -> None:
    rows = b"(1,'" + b"\\nCREATE DEFINER=`a`@`b` ".join([b"x" * 20 * size] * 3) + b"')"
    text = b"INSERT INTO `t` VALUES\n" + rows + b",\n" + rows + b";\nCREATE TABLE `x` (`a\n;\nb` int);\n" + TAIL
    assert to_restore(pieces(text, size)) == text


def test_an_empty_stream_stays_empty() -> None:
    assert to_restore(iter([])) == b""


ODD_NAMES = (
    b"CREATE TABLE `a\nINSERT INTO ``x`` VALUES\n(1);\n` (\n  `c\n) VALUES\n(1` int COMMENT 'x;\\nCREATE TABLE `z` (',"
    b"\n  `d` int\n);\n"
    b"INSERT INTO `a\nINSERT INTO ``x`` VALUES\n(1);\n` (`c\n) VALUES\n(1`, `d`) VALUES (1,2),\n(2,3),\n(3,4);\n"
    b"INSERT INTO `b` (`c`) VALUES (1),(2);\n" + TAIL
)


@pytest.mark.parametrize("size", [1, 3, 50, 1 << 16])
def test_g38_g42_rows_are_counted_whatever_names_and_columns_are_called(size: int) -> None:
    assert watched(ODD_NAMES, size).rows == {"a\nINSERT INTO `x` VALUES\n(1);\n": 3, "b": 2}
    assert to_restore(pieces(ODD_NAMES, size)) == ODD_NAMES


BODIES = (
    b"/*!50003 SET sql_mode              = 'NO_BACKSLASH_ESCAPES' */ ;\nDELIMITER ;;\n"
    b"CREATE DEFINER=`a`@`b` PROCEDURE `p`()\nSELECT 'x\\';;\n"
    b"/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER `t` BEFORE INSERT ON `x` FOR EACH ROW\n"
    b"/* it's\nDELIMITER ;\n/*!50106 CREATE*/ /*!50106 EVENT `no` */\nSET @x = '\nCREATE TABLE `no` (' */;;\n"
    b"DELIMITER ;\n/*!50003 SET sql_mode              = @saved_sql_mode */ ;\n"
    b"/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50001 VIEW `v` AS select '\\';\nCREATE TABLE `no` (' */;\n"
    b"CREATE TABLE `yes` (\n  `i` int\n);\n" + TAIL
)


@pytest.mark.parametrize("size", [1, 13, 1 << 16])
def test_what_a_dump_makes_is_counted_and_what_only_stands_in_texts_is_not(size: int) -> None:
    watcher = watched(BODIES, size)
    assert watcher.rows == {"yes": 0} and watcher.made == {"routine": 1, "trigger": 1, "view": 1}


def event(schedule: bytes, state: bytes, rest: bytes = b"DO SELECT 1") -> bytes:
    return (
        b"DELIMITER ;;\n/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`b`*/ /*!50106 EVENT `e``1` ON SCHEDULE " + schedule
        + b" ON COMPLETION PRESERVE " + state + b" " + rest + b" */ ;;\nDELIMITER ;\n"
    )  # fmt: skip


@pytest.mark.parametrize("schedule", [b"AT '2037-01-01 00:00:00'", b"EVERY '1:30' MINUTE_SECOND ENDS '2037-01-01'"])
@pytest.mark.parametrize("rest", [b"DO SELECT 1", b"COMMENT 'DO ENABLE' DO SELECT ' ON COMPLETION PRESERVE ENABLE '"])
def test_g36_an_event_is_made_disabled_and_its_body_stays(schedule: bytes, rest: bytes) -> None:
    made = mysql_stream.RestoreStream()
    text = b"".join(made.of(iter([event(schedule, b"ENABLE", rest)])))
    assert text == event(schedule, b"DISABLE", rest).replace(b"DEFINER=`a`@`b`", b"")
    assert (made.events, made.enabled, made.unread) == (["e`1"], ["e`1"], 0)


@pytest.mark.parametrize("state", [b"DISABLE", b"DISABLE ON SLAVE", b"DISABLE ON REPLICA"])
def test_g36_an_event_that_was_disabled_stays_as_it_was(state: bytes) -> None:
    made = mysql_stream.RestoreStream()
    assert state + b" DO" in b"".join(made.of(iter([event(b"EVERY 1 DAY", state)])))
    assert (made.events, made.enabled, made.unread) == (["e`1"], [], 0)


def test_g36_an_event_that_is_not_understood_is_left_out_and_counted() -> None:
    made = mysql_stream.RestoreStream()
    assert b"EVENT" not in b"".join(made.of(iter([event(b"NOW AND THEN", b"ENABLE")])))
    assert (made.events, made.unread) == ([], 1)
