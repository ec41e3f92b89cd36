"""Groups of rows that are equal or nearly equal, over one dataset or several."""

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from storage.rows import count, row_hash
from worker.datasets.care import near
from worker.datasets.operations.stream import Report, Row, lines

Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Text = Callable[[Row], str]


def equal(hashes: Hashes) -> Numbers:
    """For each row the number of the first row with the same hash: its own if there is none."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], dtype=np.int64)


def grouped(
    folders: list[Path], text: Text, threshold: float, scratch: Path, report: Report
) -> tuple[Numbers, Hashes]:
    """For each row the number of the first row of its group, and the rows' hashes.

    Rows are counted through all folders, from 0. A group hangs together by single links: each of
    its rows equals or nearly equals another one of it, though not every other one.

    Args:
        folders: prepared folders.
        text: what of a row is compared; see `care.content`.
        threshold: see `care.near.groups`.
        scratch: a folder for temporary files.
        report: told the share done; may raise to cancel.
    """
    hashes = array("Q")
    total = sum(count(folder) for folder in folders)
    texts = _texts(folders, text, hashes)
    found = near.groups(texts, threshold, report, total=total, scratch=scratch)
    kept = np.frombuffer(hashes, dtype=np.uint64)
    first = equal(kept)
    joined = _Joined()
    for group in found:
        joined.join([int(first[row]) for row in group.rows])
    return joined.roots(len(kept))[first], kept


def hash_of(row: Row) -> int:
    """The row's hash as a number."""
    return int(row_hash(row), 16)


def _texts(folders: list[Path], text: Text, hashes: "array[int]") -> Iterator[str]:
    for folder in folders:
        for line in lines(folder):
            row = orjson.loads(line)
            hashes.append(hash_of(row))
            yield text(row)


class _Joined:
    """Union-find over the few rows that are in a group; the smallest number is the root."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def join(self, rows: list[int]) -> None:
        roots = sorted({self._root(row) for row in rows})
        for root in roots:
            self._above[root] = roots[0]

    def roots(self, total: int) -> Numbers:
        found = np.arange(total, dtype=np.int64)
        for row in self._above:
            found[row] = self._root(row)
        return found

    def _root(self, row: int) -> int:
        while (above := self._above.get(row, row)) != row:
            row = above
        return row
