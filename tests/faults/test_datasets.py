"""Data meets a killed worker, a full disk and files that unfold without end; nothing is lost."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import artifacts, datasets, work
from storage.artifacts import Artifacts
from storage.database import Database, opened
from storage.datasets import ORIGINAL, Dataset
from storage.ids import LOCAL_PERSON
from storage.settings import Settings
from storage.status import WorkStatus
from storage.tables import DatasetRow
from tests.fakes.studio_worker import StudioWorker, until, wait_until_ended
from worker.children import Nursery
from worker.duties import WorkDuty
from worker.entries import ENTRIES
from worker.tasks import Doorbell
from worker.watch import Orders, Watch

MEGABYTE = 1 << 20


def rows_of(megabytes: int, *, pairs: bool = False) -> bytes:
    """Return so many megabytes of different conversations, or preference pairs."""
    answer = "Rest, drink enough, and see a doctor if it lasts longer than three days. " * 12
    lines, size = [], 0
    while size < megabytes * MEGABYTE:
        asked = {"role": "user", "content": f"What helps in case {len(lines)}?"}
        answered = {"role": "assistant", "content": f"{answer}{len(lines)}"}
        worse = {"role": "assistant", "content": "Nothing."}
        row = {"prompt": [asked], "chosen": [answered], "rejected": [worse]}
        lines.append(json.dumps(row if pairs else {"messages": [asked, answered]}).encode() + b"\n")
        size += len(lines[-1])
    return b"".join(lines)


class Shelf:
    """A home with files to read."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.database: Database = opened(self.settings)

    def put(self, content: bytes) -> str:
        """Return the id of a dataset whose file has arrived."""
        sha256 = hashlib.sha256(content).hexdigest()
        folder = self.folder(sha256)
        folder.mkdir(parents=True)
        (folder / ORIGINAL).write_bytes(content)
        return datasets.add(self.database, LOCAL_PERSON, "Answers", sha256, len(content)).id

    def folder(self, sha256: str) -> Path:
        """Return the folder of a file."""
        return Artifacts(self.settings.home).dataset(sha256)

    def found(self, identifier: str) -> Dataset:
        """Return a dataset as it is now."""
        return datasets.get(self.database, LOCAL_PERSON, identifier)

    def read(self) -> None:
        """Let a child read the next file."""
        row = work.claim(self.database, DatasetRow, "test", 60)
        duty = WorkDuty(self.database, self.settings, row, ENTRIES)
        Watch(duty, Nursery(), Orders(), 0.5).run()


def test_a_killed_worker_leaves_what_it_has_read_and_the_next_one_goes_on(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    content = rows_of(64, pairs=True)  # the slowest to judge, and four pieces at least
    identifier = shelf.put(content)
    folder = shelf.folder(shelf.found(identifier).sha256)
    first = StudioWorker(tmp_path)
    try:
        Doorbell(shelf.settings).ring()
        pieces = until(lambda: list(folder.glob(".reading-rows/*-*-*[0-9]/tally.json")))
        family = first.family()
    finally:
        first.kill()
    wait_until_ended(family)
    assert shelf.found(identifier).status is not WorkStatus.READY
    kept = {piece: piece.stat().st_ino for piece in pieces}

    second = StudioWorker(tmp_path)
    try:
        Doorbell(shelf.settings).ring()
        until(lambda: shelf.found(identifier).status is WorkStatus.WORKING)
        assert all(piece.stat().st_ino == number for piece, number in kept.items())
        until(lambda: shelf.found(identifier).status is WorkStatus.READY, 300)
    finally:
        second.kill()
    found = shelf.found(identifier)
    assert found.rows_good == content.count(b"\n")
    every_row_in_order_as_it_was = hashlib.sha256(content).hexdigest()
    assert found.fingerprint == every_row_in_order_as_it_was
    assert sorted(path.name for path in folder.iterdir() if path.name != ".rows.lock") == [
        ORIGINAL,
        "rows",
    ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a volume of eight megabytes."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small volume")
    options = ["-t", "tmpfs", "-o", "size=8m", "small", str(tmp_path)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this system mounts no small volume: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_disk_that_fills_up_half_way_is_said_and_trying_again_reads_everything(
    small_disk: Path,
) -> None:
    shelf = Shelf(small_disk)
    content = rows_of(4)
    identifier = shelf.put(content)
    shelf.read()
    found = shelf.found(identifier)
    assert found.status is WorkStatus.FAILED
    assert (found.error or "").startswith("The disk is full: ")
    assert f"the volume {small_disk}," in (found.hint or "")
    assert "try again" in (found.hint or "")
    folder = shelf.folder(found.sha256)
    assert {path.name for path in folder.iterdir()} == {ORIGINAL, ".rows.lock"}

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    work.retry(shelf.database, DatasetRow, identifier, LOCAL_PERSON)
    shelf.read()
    assert shelf.found(identifier).rows_good == content.count(b"\n")
    artifacts.verify(folder / "rows")


def test_a_gzip_bomb_is_refused_in_words_and_costs_neither_disk_nor_memory(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    line = b'{"text": "' + b"a" * 1000 + b'"}\n'
    bomb = gzip.compress(line * 500_000)  # half a gigabyte in about a megabyte
    identifier = shelf.put(bomb)
    shelf.read()
    found = shelf.found(identifier)
    assert found.status is WorkStatus.FAILED
    assert "unpack" in f"{found.error} {found.hint}".lower()
    assert artifacts.size(tmp_path) < 20 * MEGABYTE
