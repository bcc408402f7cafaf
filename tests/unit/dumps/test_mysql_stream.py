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
    """Gives a text in pieces of one size."""
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
    b"/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 trigger tr */;;\n"
    b"/*!50106 CREATE*/ /*!50117 DEFINER=`root`@`localhost`*/ /*!50106 EVENT `ev` */ ;;\n"
    b"CREATE DEFINER=`admin` PROCEDURE `p`()\n"
    b"INSERT INTO `t` VALUES\n(1,'CREATE DEFINER=`root`@`localhost` x');\n"
)
UNDEFINED = (
    b"/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013  SQL SECURITY DEFINER */\n"
    b"/*!50003 CREATE*/ /*!50017 */ /*!50003 trigger tr */;;\n"
    b"/*!50106 CREATE*/ /*!50117 */ /*!50106 EVENT `ev` */ ;;\n"
    b"CREATE  PROCEDURE `p`()\n"
    b"INSERT INTO `t` VALUES\n(1,'CREATE DEFINER=`root`@`localhost` x');\n"
)


@pytest.mark.parametrize("size", [1, 5, 41, 60, 1 << 16])
@pytest.mark.parametrize("head", [HEAD, b"", b"/*M!999999\\- enable the sandbox mode */\n-- x\n", b"/*M"])
def test_what_is_restored_names_no_account_and_no_sandbox_and_is_else_the_same(head: bytes, size: int) -> None:
    end = b"INSERT INTO `t` VALUES\n(1,'" + b"x" * 3_000_000 + b"\n');\n"
    found = b"".join(mysql_stream.for_restore(pieces(head + DEFINED + end[: 1000 * size], size)))
    kept = head[head.find(b"\n") + 1 :] if b"sandbox" in head else head
    assert found == kept + UNDEFINED + end[: 1000 * size]


def test_a_very_long_line_passes_through_without_being_held() -> None:
    text = b"(1,'" + b"\nCREATE DEFINER=`a`@`b` ".join([b"x" * 2_000_000] * 3) + b"');\n"
    found = b"".join(mysql_stream.for_restore(pieces(text, 1 << 18)))
    assert found == text.replace(b"DEFINER=`a`@`b`", b"")


def test_an_empty_stream_stays_empty() -> None:
    assert b"".join(mysql_stream.for_restore(iter([]))) == b""
