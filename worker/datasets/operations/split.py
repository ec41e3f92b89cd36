"""Marks the rows that are kept for the exam; rows that are nearly the same stay on one side."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.errors import StudioError
from storage.operations import Split
from storage.rows import EXAM, count
from worker.datasets.care.content import whole
from worker.datasets.care.near import THRESHOLD
from worker.datasets.operations.alike import Hashes, Numbers, grouped
from worker.datasets.operations.stream import Lines, Report, marked, part, require_alike, told

LEARNED = "train"
_GROUPING = 0.8  # share of the work that the search for near duplicates is


def split(operation: Split, parents: list[Path], scratch: Path, report: Report) -> Lines:
    """Every row with its side; by file, the rows of the first that the exam holds too are left out.

    Raises:
        StudioError: nothing would be left to learn from.
    """
    require_alike(parents)
    finding = part(report, 0.0, _GROUPING)
    groups, hashes = grouped(parents, whole, THRESHOLD, scratch, finding)
    if operation.by == "file":
        return _by_file(parents, groups, report)
    exam = np.isin(groups, chosen(groups, hashes, operation.share, operation.seed))
    return _by_share(parents[0], exam, report)


def chosen(groups: Numbers, hashes: Hashes, share: float, seed: int) -> Numbers:
    """The groups that make the exam.

    The groups are drawn by lot, and each is taken that still fits into the share asked for. So the
    exam never has more rows than that (but one group at least), and it lacks fewer than the
    smallest group that was left has; a group larger than the share is always learned from. The lot
    depends on nothing but the contents of the group and the seed, not on the order of the rows.

    Args:
        groups: for each row the number that stands for its group.
        hashes: for each row its hash.
        share: of the rows, 0 to 1.
        seed: another one draws other groups.

    Raises:
        StudioError: all rows are one group.
    """
    names, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise StudioError(
            "All rows are nearly the same, so none can be kept for the exam.",
            "Use a second file as the exam, or add rows that differ.",
        )
    smallest = np.full(len(names), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, members, hashes)
    order = np.argsort(_lots(smallest, seed), kind="stable")
    wanted = max(1, round(share * len(groups)))
    taken = _fitting(sizes[order], wanted)
    if not taken:
        taken = [int(np.argmin(sizes[order]))]
    if len(taken) == len(names):
        taken.pop()  # a share near 1 of a few rows: something must be left to learn from
    return np.asarray(names[order[taken]])


def _lots(hashes: Hashes, seed: int) -> NDArray[np.uint64]:
    drawn = (hashlib.sha256(f"{seed}:{number:016x}".encode()).digest() for number in hashes)
    eights = (int.from_bytes(digest[:8], "big") for digest in drawn)
    return np.fromiter(eights, dtype=np.uint64, count=len(hashes))


def _fitting(sizes: Numbers, wanted: int) -> list[int]:
    """The places of the sizes that fit, each tried in turn."""
    taken, rows = [], 0
    for place, size in enumerate(sizes.tolist()):
        if rows + size <= wanted:
            taken.append(place)
            rows += size
    return taken


def _by_share(folder: Path, exam: NDArray[np.bool_], report: Report) -> Lines:
    for line, held_out in zip(told(folder, report, _GROUPING), exam, strict=True):
        yield marked(line, EXAM if held_out else LEARNED)


def _by_file(parents: list[Path], groups: Numbers, report: Report) -> Lines:
    learned, exam = parents
    rows = count(learned)
    known = np.isin(groups[:rows], groups[rows:])
    if known.all():
        raise StudioError(
            "Every row equals or nearly equals one of the exam, so nothing is left to learn from.",
            "Choose another file for the exam.",
        )
    for line, drop in zip(told(learned, report, _GROUPING, 0.9), known, strict=True):
        if not drop:
            yield marked(line, LEARNED)
    for line in told(exam, report, 0.9):
        yield marked(line, EXAM)
