"""Room on the volume that a path lies on, and words for one that is full."""

import errno
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from storage import datasets, volumes


def test_a_folder_that_is_not_there_yet_lies_where_it_will(tmp_path: Path) -> None:
    assert volumes.of(tmp_path / "not" / "yet") == volumes.of(tmp_path)
    assert volumes.of(tmp_path).is_mount()
    assert volumes.free(tmp_path / "not" / "yet") > 0


@pytest.mark.parametrize(
    ("size", "words"),
    [(999, "999 bytes"), (1500, "1.5 kB"), (2_340_000, "2.34 MB"), (1_200_000_000, "1.2 GB")],
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert volumes.in_words(size) == words


def test_a_full_volume_is_named_with_what_is_needed_and_what_is_free(tmp_path: Path) -> None:
    full = volumes.full(tmp_path, 5_000_000)
    assert full.message.startswith("The disk is full: it needs 5 MB, ")
    assert str(volumes.of(tmp_path)) in full.hint
    assert "needs" not in volumes.full(tmp_path).message


def test_a_database_without_room_is_a_full_disk_and_a_busy_one_is_not(story: Any) -> None:
    def allow_no_growth(connection: Any, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}").close()

    story.database.close()
    event.listen(story.database.engine, "connect", allow_no_growth)

    def add_many() -> None:
        for number in range(2000):
            datasets.add(story.database, "anna", "x" * 200, f"{number:064d}", 1)

    with pytest.raises(OperationalError) as full:
        add_many()
    assert volumes.is_full(full.value)
    assert len(datasets.all_of(story.database, "anna")) > 0
    assert not volumes.is_full(OperationalError("", {}, Exception("database is locked")))


def test_of_the_systems_errors_only_want_of_room_counts() -> None:
    assert volumes.is_full(OSError(errno.ENOSPC, "No space left on device"))
    assert not volumes.is_full(PermissionError(errno.EACCES, "denied"))
