"""A full disk: said as such, nothing half-written left, the database as it was."""

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from storage import artifacts, database, datasets
from storage.database import Database
from storage.settings import Settings

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a volume of two megabytes."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small volume")
    options = ["-t", "tmpfs", "-o", "size=2m", "small", str(tmp_path)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this system mounts no small volume: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def fill_up(home: Path) -> None:
    """Write until nothing more fits."""
    with (home / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            continue


def write_and_fill_up(folder: Path, home: Path) -> None:
    """Write a small file and leave no room for another."""
    (folder / "part").write_bytes(bytes(1000))
    fill_up(home)


def add_many(opened: Database) -> None:
    """Add datasets, more than two megabytes of them."""
    for number in range(10_000):
        datasets.add(opened, "anna", "x" * 200, f"{number:064d}", 1)


def write_three_megabytes(folder: Path) -> None:
    """Write more than the volume holds, in files that each fit."""
    for number in range(3):
        (folder / f"part-{number}").write_bytes(bytes(MEGABYTE))


def test_a_folder_that_does_not_fit_leaves_nothing_and_says_why(small_disk: Path) -> None:
    target = small_disk / "adapters" / "one"
    with pytest.raises(OSError, match="No space left") as full, artifacts.staged(target) as staging:
        write_three_megabytes(staging)
    assert full.value.errno == errno.ENOSPC
    assert list(target.parent.iterdir()) == []
    with artifacts.staged(target) as staging:
        (staging / "part").write_bytes(bytes(MEGABYTE))
    artifacts.verify(target)


def test_a_folder_whose_manifest_does_not_fit_is_not_published(small_disk: Path) -> None:
    target = small_disk / "adapters" / "one"
    with pytest.raises(OSError, match="No space left"), artifacts.staged(target) as staging:
        write_and_fill_up(staging, small_disk)
    assert list(target.parent.iterdir()) == []


def test_a_token_that_does_not_fit_leaves_the_one_before(small_disk: Path) -> None:
    path = small_disk / "secrets" / "hub-token"
    artifacts.write_private(path, "hf_first")
    fill_up(small_disk)
    with pytest.raises(OSError, match="No space left"):
        artifacts.write_private(path, "hf_" + "x" * 100_000)
    assert path.read_text() == "hf_first"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_to_a_full_database_fails_and_the_database_stays_whole(small_disk: Path) -> None:
    opened = database.opened(Settings(home=small_disk))
    datasets.add(opened, "anna", "Before", "a" * 64, 1)
    fill_up(small_disk)
    with pytest.raises(OperationalError, match=r"full|disk I/O"):
        add_many(opened)
    acknowledged = len(datasets.all_of(opened, "anna"))
    opened.close()

    (small_disk / "ballast").unlink()
    again = database.opened(Settings(home=small_disk))
    with again.read() as session:
        assert session.scalars(text("PRAGMA integrity_check")).all() == ["ok"]
    assert len(datasets.all_of(again, "anna")) == acknowledged
    datasets.add(again, "anna", "After", "b" * 64, 1)
    again.close()
