"""Compares two versions of a dataset: which rows came, which went, which were changed.

Light on purpose: it is called in the web process, where somebody waits for the answer.
"""

import re
from array import array
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from storage.rows import Row, pick, row_hash
from worker.datasets.operations import content
from worker.datasets.operations.stream import lines

EXAMPLES = 20
RESEMBLES = 0.3
"""Share of common words from which on two rows in the same place are one row, changed."""

Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Pairs = tuple[Numbers, Numbers]
_NO_PLACE = -1
_WORD = re.compile(r"\w+")


def compare(one: Path, other: Path) -> dict[str, Any]:
    """What is different in `other`, the later version.

    Rows are counted by their content, each copy for itself; their order and the exam's mark are no
    content. Of the rows that are in one version only, two are the same row changed where they share
    the question, or where they stand in the same place (after the same unchanged row) and share
    words. In memory are some tens of bytes a row.

    Args:
        one: prepared folder of the earlier version.
        other: prepared folder of the later one.

    Returns:
        counts `added`, `removed`, `changed`, `same`; `moved`: rows that are the same but changed
        sides between training and exam; and `examples`, the first 20 of each: `added` and
        `removed` rows, `changed` pairs [before, after]. A row of the examples has its number as
        `row`, from 0.
    """
    before, after = _Version(one), _Version(other)
    same = _equal(before.rows, after.rows)
    gone, came = _others(same[0], before.size), _others(same[1], after.size)
    changed, gone, came = _changed(before, after, gone, came, same)
    return {
        "added": len(came),
        "removed": len(gone),
        "changed": len(changed),
        "same": len(same[0]),
        "moved": int(np.count_nonzero(before.exam[same[0]] != after.exam[same[1]])),
        "examples": {
            "added": _examples(other, came[:EXAMPLES]),
            "removed": _examples(one, gone[:EXAMPLES]),
            "changed": _examples_of_pairs(one, other, changed[:EXAMPLES]),
        },
    }


class _Version:
    """What is remembered of a version's rows: hashes of content and question, and the mark."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rows, questions, exam = array("Q"), array("Q"), array("B")
        for line in lines(folder):
            row = orjson.loads(line)
            asked = content.question(row)
            rows.append(_number(row))
            questions.append(_number({"text": asked}) if asked else rows[-1])
            exam.append(row.get("split") == "test")
        self.rows: Hashes = np.frombuffer(rows, dtype=np.uint64)
        self.questions: Hashes = np.frombuffer(questions, dtype=np.uint64)
        self.exam: NDArray[np.uint8] = np.frombuffer(exam, dtype=np.uint8)
        self.size = len(rows)


def _number(row: Row) -> int:
    return int(row_hash(row), 16)


def _changed(
    before: _Version, after: _Version, gone: Numbers, came: Numbers, same: Pairs
) -> tuple[list[tuple[int, int]], Numbers, Numbers]:
    """Pairs of a row before and after, and what is left without a partner."""
    one, other = _equal(before.questions[gone], after.questions[came])
    asked = list(zip(gone[one].tolist(), came[other].tolist(), strict=True))
    gone, came = np.delete(gone, one), np.delete(came, other)
    one, other = _in_place(gone, came, same, before.size)
    alike = _resembling(before.folder, after.folder, gone[one], came[other])
    placed = list(zip(gone[one[alike]].tolist(), came[other[alike]].tolist(), strict=True))
    return sorted(asked + placed), np.delete(gone, one[alike]), np.delete(came, other[alike])


def _equal(one: Hashes | Numbers, other: Hashes | Numbers) -> Pairs:
    """Places of equal values: the first copy in one with the first in the other, and so on."""
    first, second = _ranked(one), _ranked(other)
    _, places, partners = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    order = np.argsort(places)
    return places[order], partners[order]


def _ranked(values: Hashes | Numbers) -> NDArray[np.void]:
    """Each value with the number of equal ones before it, so that no two are the same."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(values)])
    sizes = np.diff(begins, append=len(values))
    ranked = np.empty(len(values), dtype=[("value", values.dtype), ("rank", np.int64)])
    ranked["value"] = values
    ranked["rank"][order] = np.arange(len(values)) - np.repeat(begins, sizes)
    return ranked


def _others(places: Numbers, size: int) -> Numbers:
    return np.delete(np.arange(size, dtype=np.int64), places)


def _in_place(gone: Numbers, came: Numbers, same: Pairs, size: int) -> Pairs:
    """Rows that stand behind the same unchanged row, the first of them with the first."""
    partner = np.full(size + 1, _NO_PLACE, dtype=np.int64)  # the last entry is behind no row
    partner[same[0]] = same[1]
    unchanged = np.sort(same[1])
    behind = np.concatenate(([_NO_PLACE], same[0]))[np.searchsorted(same[0], gone)]
    found = np.concatenate(([_NO_PLACE], unchanged))[np.searchsorted(unchanged, came)]
    return _equal(partner[behind], found)


def _resembling(one: Path, other: Path, gone: Numbers, came: Numbers) -> NDArray[np.bool_]:
    pairs = zip(pick(one, gone.tolist()), pick(other, came.tolist()), strict=True)
    found = (_share_words(before, after) for before, after in pairs)
    return np.fromiter(found, dtype=np.bool_, count=len(gone))


def _share_words(before: Row, after: Row) -> bool:
    words, others = _words(before), _words(after)
    return len(words & others) >= RESEMBLES * len(words | others)


def _words(row: Row) -> set[str]:
    return set(_WORD.findall(content.everything(row).casefold()))


def _examples(folder: Path, numbers: Numbers) -> list[Row]:
    chosen = numbers.tolist()
    rows = zip(pick(folder, chosen), chosen, strict=True)
    return [row | {"row": number} for row, number in islice(rows, EXAMPLES)]


def _examples_of_pairs(one: Path, other: Path, pairs: list[tuple[int, int]]) -> list[list[Row]]:
    before = _examples(one, np.array([pair[0] for pair in pairs], dtype=np.int64))
    after = _examples(other, np.array([pair[1] for pair in pairs], dtype=np.int64))
    return [list(pair) for pair in zip(before, after, strict=True)]
