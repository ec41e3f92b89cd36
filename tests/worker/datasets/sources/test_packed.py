"""Gzip files unfold piece by piece, say where they are damaged, and never without bounds."""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import StudioError
from worker.datasets.sources import content, packed
from worker.datasets.sources.batch import Limits
from worker.datasets.sources.content import PlainFile
from worker.datasets.sources.packed import Gzip

LINES = b"".join(b'{"text": "row %d"}\n' % number for number in range(20_000))


def unpacked(path: Path, limits: Limits | None = None) -> bytes:
    return b"".join(block for block, _ in Gzip(PlainFile(path), limits or Limits()).blocks())


@pytest.mark.parametrize("block", [7, 1000, 1 << 20])
def test_pieces_behind_each_other_and_zeros_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(content, "BLOCK", block)
    monkeypatch.setattr(packed, "BLOCK", block)
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(LINES[:9000]) + gzip.compress(LINES[9000:40_000]) + bytes(50))
    assert unpacked(path) == LINES[:40_000]


@pytest.mark.parametrize("cut", [5, 1000, -1])
def test_a_cut_off_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(LINES)[:cut])
    with pytest.raises(StudioError, match="cut off"):
        unpacked(path)


def test_a_damaged_file_is_refused_and_told_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "BLOCK", 5000)
    whole = bytearray(gzip.compress(LINES))
    whole[-6] ^= 1  # of the checksum
    path = tmp_path / "damaged.gz"
    path.write_bytes(whole)
    with pytest.raises(StudioError, match=r"damaged.* KB"):
        unpacked(path)


def test_rubbish_behind_the_packed_bytes_is_no_part_of_them(tmp_path: Path) -> None:
    path = tmp_path / "rubbish.gz"
    path.write_bytes(gzip.compress(LINES) + b"rubbish")
    with pytest.raises(StudioError, match="damaged"):
        unpacked(path)


def test_a_bomb_is_refused_by_its_ratio_before_it_has_unfolded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    packer = zlib.compressobj(9, wbits=31)
    with path.open("wb") as file:
        for _ in range(300):
            file.write(packer.compress(bytes(1_000_000)))
        file.write(packer.flush())
    sizes: list[int] = []
    blocks = Gzip(PlainFile(path), Limits()).blocks()
    with pytest.raises(StudioError, match="100 times"):
        sizes.extend(len(block) for block, _ in blocks)
    assert sum(sizes) < packed.RATIO_FROM + 2 * packed.BLOCK


def test_a_file_is_refused_by_its_size_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "large.gz"
    path.write_bytes(gzip.compress(LINES))
    assert unpacked(path, Limits(most_bytes=len(LINES))) == LINES
    with pytest.raises(StudioError, match="larger than 100 KB"):
        unpacked(path, Limits(most_bytes=100_000))


def test_few_equal_rows_are_no_bomb(look: Callable) -> None:
    rows = b'{"text": "the same"}\n' * 100_000
    assert len(gzip.compress(rows)) * 100 < len(rows)
    assert len(look(gzip.compress(rows)).records) == 100_000
