"""Odd answers: empty ones, refusals, the same one to several questions; and how long they are."""

from array import array
from pathlib import Path
from typing import Any

import numpy as np

from storage import rows
from worker.datasets.care import content
from worker.datasets.care.refusals import is_refusal
from worker.datasets.care.repeats import Places, repeats, text_hash

SAMPLES = 10
_MOST_GROUPS = 50
_MOST_ROWS = 20  # of a group of identical answers
_SHOWN = 500  # characters of an answer


class Answers:
    """Takes the answers of all rows in; keeps 16 bytes of each."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._lengths = array("Q")
        self._empty = 0
        self._empty_rows: list[int] = []
        self._refused = 0
        self._refusals: list[dict[str, Any]] = []

    def add(self, number: int, row: content.Row, answer: str) -> None:
        """Takes in the answer of row `number`."""
        said = answer.strip()
        self._hashes.append(text_hash(said))
        self._lengths.append(len(answer))
        if content.is_empty(row):
            self._empty += 1
            if self._empty <= SAMPLES:
                self._empty_rows.append(number)
        elif is_refusal(said):
            self._refused += 1
            if self._refused <= SAMPLES:
                self._refusals.append({"row": number, "text": said})

    def found(self, folder: Path, distinct: Places) -> dict[str, Any]:
        """What is to be known of them; `distinct` are the rows that are no exact copies."""
        return {
            "empty": {"rows": self._empty, "samples": self._empty_rows},
            "identical": self._identical(folder, distinct),
            "refusals": {"rows": self._refused, "samples": self._refusals},
            "lengths": _lengths(self._lengths),
        }

    def _identical(self, folder: Path, distinct: Places) -> dict[str, Any]:
        """Different rows with one answer; copies of a row and blank answers do not count."""
        lengths = np.frombuffer(self._lengths, dtype=np.uint64)
        same = repeats(self._hashes, distinct[lengths[distinct] > 0])
        numbers = same.by_size()[:_MOST_GROUPS]
        groups = [same.group(number, _MOST_ROWS) for number in numbers]
        texts = (content.answer(row) for row in rows.pick(folder, (found[0] for found in groups)))
        return {
            "rows": int(same.sizes.sum()),
            "groups": [
                {"answer": text.strip()[:_SHOWN], "rows": found, "count": int(same.sizes[number])}
                for text, found, number in zip(texts, groups, numbers, strict=True)
            ],
        }


def _lengths(found: "array[int]") -> dict[str, int]:
    """Median, ninth decile and greatest length in characters."""
    lengths = np.frombuffer(found, dtype=np.uint64)
    median, ninth = np.percentile(lengths, (50, 90))
    return {"median": round(median), "p90": round(ninth), "longest": int(lengths.max())}
