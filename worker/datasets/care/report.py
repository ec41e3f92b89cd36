"""What a careful person would want to know about a dataset before anything learns from it."""

from array import array
from pathlib import Path
from typing import Any

import numpy as np

from storage import rows
from worker.datasets.care import content, near
from worker.datasets.care.answers import Answers
from worker.datasets.care.languages import Languages
from worker.datasets.care.privacy import Privacy
from worker.datasets.care.progress import Progress, Report
from worker.datasets.care.readability import Readability
from worker.datasets.care.repeats import Places, Repeats, firsts, repeats
from worker.datasets.care.sketches import Sketches

CHECKED = 20_000
"""Rows, evenly spaced, whose language and readability are looked at in a large dataset."""
LARGE = 100_000  # rows

_MOST_GROUPS = 100
_MOST_ROWS = 100  # of a group named in the report


def analyse(folder: Path, report: Report) -> dict[str, Any]:
    """Looks at every row once; the readings of language and ease at a sample of a large dataset.

    Duplicates are counted as the rows that a copy without them would lack: all of a group but its
    first. Near duplicates are counted among the rows that are no exact copies, identical answers
    too. `checked` is the number of rows whose language and readability was looked at.

    Args:
        folder: the prepared rows; room for temporary files is needed there.
        report: gets the share done and words about four times a second; may raise to cancel.

    Raises:
        StudioError: the rows are not there.
    """
    total = rows.count(folder)
    with Sketches(near.THRESHOLD, folder) as sketches:
        reading = _Reading(total, sketches)
        progress = Progress(report, 0.0, 0.85)
        for number, row in enumerate(rows.iterate(folder)):
            reading.add(number, row)
            progress.tell(number, total, f"{number + 1:,} of {total:,} rows looked at")
        sketches.finish()
        alike = near.joined(sketches, near.THRESHOLD, Progress(report, 0.85, 1.0))
    return reading.found(folder, alike)


class _Reading:
    """One pass over the rows, everything that looks at them side by side."""

    def __init__(self, total: int, sketches: Sketches) -> None:
        self._total = total
        self._sketches = sketches
        self._hashes = array("Q")
        self._privacy = Privacy()
        self._answers = Answers()
        self._languages = Languages()
        self._readability = Readability()
        self._checked = 0

    def add(self, number: int, row: content.Row) -> None:
        answer = content.answer(row)
        self._hashes.append(int(row["hash"], 16))
        self._sketches.add(number, content.parts(row))
        self._privacy.add(number, content.everything(row))
        self._answers.add(number, row, answer)
        if self._is_checked(number):
            self._checked += 1
            self._readability.add(answer, self._languages.add(number, answer))

    def found(self, folder: Path, alike: list[near.Group]) -> dict[str, Any]:
        distinct = firsts(self._hashes)
        answers = self._answers.found(folder, distinct)
        return {
            "rows": self._total,
            "checked": self._checked,
            "duplicates": {
                "exact": _exact(repeats(self._hashes)),
                "near": _near(alike, distinct, self._total),
            },
            "personal": self._privacy.found(),
            "answers": answers | {"languages": self._languages.found()},
            "readability": self._readability.found(self._languages.main),
        }

    def _is_checked(self, number: int) -> bool:
        if self._total <= LARGE:
            return True
        return (number + 1) * CHECKED // self._total > number * CHECKED // self._total


def _exact(copies: Repeats) -> dict[str, Any]:
    shown = copies.by_first()[:_MOST_GROUPS]
    return {"rows": copies.copies, "groups": [copies.group(n, _MOST_ROWS) for n in shown]}


def _near(alike: list[near.Group], distinct: Places, total: int) -> dict[str, Any]:
    """The groups of near duplicates without the exact copies in them."""
    is_distinct = np.zeros(total, dtype=bool)
    is_distinct[distinct] = True
    kept = [([n for n in group.rows if is_distinct[n]], group.similarity) for group in alike]
    several = [(members, similarity) for members, similarity in kept if len(members) > 1]
    return {
        "rows": sum(len(members) - 1 for members, _ in several),
        "threshold": near.THRESHOLD,
        "groups": [
            {"rows": members[:_MOST_ROWS], "similarity": round(similarity, 3)}
            for members, similarity in several[:_MOST_GROUPS]
        ],
    }
