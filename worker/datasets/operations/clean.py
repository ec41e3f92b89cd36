"""Drops what teaches nothing new or nothing good: copies, empty answers, refusals."""

from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from storage.operations import Clean
from storage.rows import count
from worker.datasets.care import content
from worker.datasets.care.refusals import is_refusal
from worker.datasets.operations.alike import Numbers, equal, grouped, hash_of
from worker.datasets.operations.stream import Lines, Report, Row, part, told

_JUDGING, _GROUPING = 0.1, 0.8  # shares of the work that are done after each


def clean(operation: Clean, parents: list[Path], scratch: Path, report: Report) -> Lines:
    """The rows that stay, as they are: of each group of copies the first.

    Copies are looked for among the rows whose answers may stay. Of a preference pair the better
    answer is looked at.
    """
    (folder,) = parents
    bad = _bad(operation, folder, report)
    groups = _groups(operation, folder, scratch, part(report, _JUDGING, _GROUPING))
    stays = ~bad
    if groups is not None:
        good = np.flatnonzero(~bad)
        stays[good] = False
        stays[good[np.unique(groups[good], return_index=True)[1]]] = True
    for line, keep in zip(told(folder, report, _GROUPING), stays, strict=True):
        if keep:
            yield line


def _bad(operation: Clean, folder: Path, report: Report) -> NDArray[np.bool_]:
    found = np.zeros(count(folder), dtype=np.bool_)
    if operation.empty_answers or operation.refusals:
        for number, line in enumerate(told(folder, report, 0.0, _JUDGING)):
            found[number] = _is_bad(operation, orjson.loads(line))
    return found


def _is_bad(operation: Clean, row: Row) -> bool:
    if operation.empty_answers and content.is_empty(row):
        return True
    return operation.refusals and "text" not in row and is_refusal(content.answer(row))


def _groups(operation: Clean, folder: Path, scratch: Path, report: Report) -> Numbers | None:
    if operation.near:
        return grouped([folder], content.parts, operation.threshold, scratch, report)[0]
    if not operation.exact:
        return None
    hashes = (hash_of(orjson.loads(line)) for line in told(folder, report))
    return equal(np.fromiter(hashes, dtype=np.uint64, count=count(folder)))
