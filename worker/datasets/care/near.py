"""Finds texts that are nearly the same: MinHash names the candidates, their shingles decide.

Every group is complete in the sense of single links: each of its texts is at least as similar as
the threshold to another one of it, but two texts of a group need not be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from worker.datasets.care.progress import Progress, Report
from worker.datasets.care.shingles import similarity
from worker.datasets.care.sketches import Sketches

THRESHOLD = 0.8
_MOST_COMPARED = 8
"""Texts of one bucket that a further one is compared with: a thousand copies make no million."""
_MOST_REJECTED = 1_000_000  # pairs remembered not to be looked at again


@dataclass(frozen=True)
class Group:
    """Rows that are near duplicates of each other, counted from 0, in ascending order."""

    rows: tuple[int, ...]
    similarity: float  # of the least similar pair by which the group hangs together


def groups(
    texts: Iterable[str],
    threshold: float,
    report: Report,
    *,
    total: int = 0,
    scratch: Path | None = None,
) -> list[Group]:
    """Groups of near duplicates, by their first row; equal for equal texts in equal order.

    Args:
        texts: one a row, read once; parts divided by `shingles.SEPARATOR` must be alike each.
        threshold: Jaccard similarity of the word 3-grams, above 0, at most 1.
        report: gets the share done and words about four times a second; may raise to cancel.
        total: how many texts there are, for the share done; 0 where nobody knows.
        scratch: folder for temporary files.
    """
    reading = Progress(report, 0.0, 0.8)
    with Sketches(threshold, scratch) as sketches:
        for row, text in enumerate(texts):
            sketches.add(row, text)
            reading.tell(row, total, f"{row + 1:,} rows read to find near duplicates")
        sketches.finish()
        return joined(sketches, threshold, Progress(report, 0.8, 1.0))


def joined(sketches: Sketches, threshold: float, progress: Progress) -> list[Group]:
    """The groups among texts whose sketches are finished."""
    links = _Links(sketches, threshold)
    for band in range(sketches.bands):
        for bucket in _buckets(sketches.keys(band)):
            links.look(bucket)
            progress.tell(band, sketches.bands, "Comparing rows that look alike")
    return links.groups()


def _buckets(keys: NDArray[np.uint64]) -> Iterable[list[int]]:
    """Places of equal keys, two or more each, in ascending order."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(keys)])
    ends = np.append(begins[1:], len(keys))
    several = ends - begins > 1
    for begin, end in zip(begins[several], ends[several], strict=True):
        yield order[begin:end].tolist()


class _Links:
    """Texts joined into groups, link by link (union-find; the smallest place is the root)."""

    def __init__(self, sketches: Sketches, threshold: float) -> None:
        self._sketches = sketches
        self._threshold = threshold
        self._above: dict[int, int] = {}
        self._lowest: dict[int, float] = {}
        self._rejected: set[tuple[int, int]] = set()

    def look(self, bucket: list[int]) -> None:
        """Joins those of a bucket that are alike, each compared with a few that differ."""
        different: list[int] = []
        for place in bucket:
            roots = {self._root(other) for other in different}
            if self._root(place) in roots or any(self._join(other, place) for other in different):
                continue
            if len(different) < _MOST_COMPARED:
                different.append(place)

    def groups(self) -> list[Group]:
        """The groups found so far."""
        members: dict[int, list[int]] = {}
        for place in sorted(self._above):
            members.setdefault(self._root(place), []).append(place)
        rows = self._sketches.rows
        return [
            Group(tuple(rows[place] for place in [root, *below]), self._lowest[root])
            for root, below in sorted(members.items())
        ]

    def _root(self, place: int) -> int:
        while (above := self._above.get(place, place)) != place:
            self._above[place] = self._above.get(above, above)
            place = above
        return place

    def _join(self, one: int, other: int) -> bool:
        if (one, other) in self._rejected:
            return False
        found = similarity(self._sketches.shingles(one), self._sketches.shingles(other))
        if found < self._threshold:
            if len(self._rejected) >= _MOST_REJECTED:
                self._rejected.clear()
            self._rejected.add((one, other))
            return False
        first, second = sorted((self._root(one), self._root(other)))
        lowest = [self._lowest.pop(root, 1.0) for root in (first, second)]
        self._lowest[first] = min(found, *lowest)
        self._above[second] = first
        return True
