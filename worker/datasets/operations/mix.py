"""Mixes several datasets, each as often as its weight says, in an order drawn by lot."""

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from storage.errors import StudioError
from storage.operations import Mix
from storage.rows import EXAM, NUMBER, count
from worker.datasets.operations.stream import Lines, Report, part, require_alike, told

MOST_ROWS = 20_000_000
"""Of a mix: eight bytes each are in memory while they are shuffled."""

_COUNTING = 0.4  # share of the work that finding the exam's rows is
_AT_ONCE = 4096

Numbers = NDArray[np.uint64]


def mix(operation: Mix, parents: list[Path], _scratch: Path, report: Report) -> Lines:
    """The rows of all parts in one shuffled order; marks are kept.

    Raises:
        StudioError: the parts are of several kinds, or the mix would be too large.
    """
    require_alike(parents)
    weights = [each.weight for each in operation.parts]
    _require_size(parents, weights)
    # NumPy keeps the numbers of a seeded RandomState the same for ever, as no other of its own.
    chance = np.random.RandomState(operation.seed)
    drawn, begin = [], 0
    for place, (folder, weight) in enumerate(zip(parents, weights, strict=True)):
        width = _COUNTING / len(parents)
        counting = part(report, place * width, (place + 1) * width)
        drawn.append(_drawn(folder, weight, chance, counting) + np.uint64(begin))
        begin += count(folder)
    numbers = np.concatenate(drawn)
    chance.shuffle(numbers)
    return _picked(parents, numbers, part(report, _COUNTING, 1.0))


def times(rows: int, weight: float) -> int:
    """How many rows a part of so many gives: in proportion, and one at least if it has any."""
    return max(1, round(rows * weight)) if rows else 0


def _require_size(parents: list[Path], weights: list[float]) -> None:
    pairs = zip(parents, weights, strict=True)
    total = sum(times(count(folder), max(weight, 1.0)) for folder, weight in pairs)
    if total > MOST_ROWS:
        raise StudioError(
            f"This mix would have {total:,} rows; {MOST_ROWS:,} are the most.",
            "Choose smaller weights: only their proportion matters.",
        )


def _drawn(folder: Path, weight: float, chance: "np.random.RandomState", report: Report) -> Numbers:
    """The numbers of the rows that a part gives, some of them several times."""
    exam = _exam(folder, report)
    learned, held_out = np.flatnonzero(~exam), np.flatnonzero(exam)
    whole, more = divmod(times(len(learned), weight), len(learned)) if len(learned) else (0, 0)
    some = np.sort(chance.permutation(len(learned))[:more])
    return np.concatenate((np.tile(learned, whole), learned[some], held_out)).astype(np.uint64)


def _exam(folder: Path, report: Report) -> NDArray[np.bool_]:
    marks = (
        b'"split"' in line and orjson.loads(line).get("split") == EXAM
        for line in told(folder, report)
    )
    return np.fromiter(marks, dtype=np.bool_, count=count(folder))


def _picked(parents: list[Path], numbers: Numbers, report: Report) -> Lines:
    """The rows with these numbers, counted through all parts, read where they lie."""
    ends = np.cumsum([count(folder) for folder in parents], dtype=np.uint64)
    files = [_File(folder) for folder in parents]
    try:
        for at in range(0, len(numbers), _AT_ONCE):
            some = numbers[at : at + _AT_ONCE]
            report(at / len(numbers), f"{at:,} of {len(numbers):,} rows")
            parts = np.searchsorted(ends, some, side="right")
            for place, number in zip(parts.tolist(), some.tolist(), strict=True):
                yield files[place].line(number - (int(ends[place - 1]) if place else 0))
    finally:
        for file in files:
            file.close()


class _File:
    """The rows of one part, by number."""

    def __init__(self, folder: Path) -> None:
        self._rows: BinaryIO = (folder / "rows.jsonl").open("rb", buffering=0)
        self._offsets: BinaryIO = (folder / "rows.idx").open("rb", buffering=0)
        self._size = os.fstat(self._rows.fileno()).st_size

    def line(self, number: int) -> bytes:
        both = os.pread(self._offsets.fileno(), 2 * NUMBER, number * NUMBER)
        begin = int.from_bytes(both[:NUMBER], "little")
        end = int.from_bytes(both[NUMBER:], "little") if len(both) > NUMBER else self._size
        return os.pread(self._rows.fileno(), end - begin, begin)

    def close(self) -> None:
        self._rows.close()
        self._offsets.close()
