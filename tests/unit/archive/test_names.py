from __future__ import annotations

import itertools
from datetime import datetime, timezone

import pytest

from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance.archive import names

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize("partial", [False, True])
def test_an_archive_name_is_read_back_as_it_was_made(partial: bool) -> None:
    name = names.ArchiveName(MOMENT, partial)
    assert names.parse_archive_name(name.text) == name


def test_the_name_carries_the_moment_in_utc() -> None:
    assert names.ArchiveName(MOMENT).text == "iact_data_backup_20260102_030405.tar"
    assert names.ArchiveName(MOMENT, partial=True).text == "iact_data_backup_20260102_030405.partial.tar"


@pytest.mark.parametrize(
    "name",
    [
        "iact_data_backup_20250101_020000.tar.gz",
        "iact_data_backup_20259901_020000.tar",
        "iact_data_backup_20250101_020000.tar\n",
        "iact_data_backup_2025010a_020000.tar",
        "iact_data_backup_٢٠٢٥٠١٠١_020000.tar",
        "xiact_data_backup_20250101_020000.tar",
        "iact_data_backup_20250101_020000.tar.part",
        "iact_data_backup_20250101_020000_1.tar",
        "iact_data_backup_20250101_020000_02.tar",
        "iact_data_backup_20250101_020000_x.tar",
        "iact_data_backup_20250101_020000_2_2.tar",
        "iact_data_backup_20250101_020000.partial_2.tar",
    ],
)
def test_fh44_a_name_that_is_not_ours_is_not_taken_for_an_archive(name: str) -> None:
    assert names.parse_archive_name(name) is None


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        (names.part_name(MOMENT, "a" * 32), "a" * 32),
        (names.copy_name(4711, "b" * 32), "b" * 32),
        ("iact_data_backup_20250101_020000.tar.gz.part", ""),
        ("iact_data_backup_20250101_020000.tar.part", ""),
        (f"iact_data_backup_20250101_020000.{'a' * 31}.tar.part", ""),
        (f"iact_data_backup_20250101_020000.{'A' * 32}.tar.part", ""),
        (f"iact_data_backup_copy_.{'a' * 32}.part", ""),
        (f"iact_data_backup_copy_1.{'a' * 32}.part\n", ""),
        ("iact_data_backup_.part", ""),
        ("iact_data_backup_20250101_020000.tar", ""),
    ],
)
def test_fh44_only_the_names_that_the_writer_gives_are_leftovers(name: str, identity: str) -> None:
    assert names.writer_of(name) == identity


@pytest.mark.parametrize("partial", [False, True])
def test_g07_archives_of_one_second_have_names_of_their_own_and_the_true_time(partial: bool) -> None:
    first, second, third = itertools.islice(names.ArchiveName(MOMENT, partial).alternatives(), 3)
    assert first.text == names.ArchiveName(MOMENT, partial).text
    assert second.text == "iact_data_backup_20260102_030405_2" + (".partial.tar" if partial else ".tar")
    for name in (first, second, third):
        assert names.parse_archive_name(name.text) == name and name.created_at == MOMENT
