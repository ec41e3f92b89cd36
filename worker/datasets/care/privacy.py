"""Counts personal data over the rows of a dataset, with a few masked samples of each kind."""

from collections import Counter
from typing import Any

from worker.datasets.care.personal import KINDS, find, mask

SAMPLES = 10


class Privacy:
    """Takes the text of all rows in."""

    def __init__(self) -> None:
        self._rows = 0
        self._pieces: Counter[str] = Counter()
        self._rows_of: Counter[str] = Counter()
        self._samples: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}

    def add(self, number: int, text: str) -> None:
        """Takes in everything that row `number` says."""
        spans = find(text)
        if not spans:
            return
        self._rows += 1
        self._rows_of.update({span.kind for span in spans})
        for span in spans:
            self._pieces[span.kind] += 1
            samples = self._samples[span.kind]
            if len(samples) < SAMPLES:
                masked = mask(span.kind, text[span.start : span.end])
                samples.append({"row": number, "masked": masked})

    def found(self) -> dict[str, Any]:
        """How many rows have any, and what kinds there are."""
        return {
            "rows": self._rows,
            "kinds": {
                kind: {
                    "count": self._pieces[kind],
                    "rows": self._rows_of[kind],
                    "samples": self._samples[kind],
                }
                for kind in KINDS
                if self._pieces[kind]
            },
        }
