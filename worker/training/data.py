"""The data of a run: split, encoded, cut, counted, and packed into blocks."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from datasets import Dataset
from trl import pack_dataset

from storage.errors import StudioError
from worker.training.tokens import IGNORED, Encoder


@dataclass
class Count:
    """What became of the rows of one side. `learned` counts tokens that have a label.

    Of a row longer than the maximum the rest is cut off, or it is divided into several examples.
    """

    rows: int = 0
    cut: int = 0
    divided: int = 0
    dropped: int = 0
    tokens: int = 0
    learned: int = 0

    def facts(self, side: str) -> dict[str, int]:
        """Return the counts by name, such as `train_rows`."""
        return {f"{side}_{name}": value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Side:
    """The training or the evaluation side: columns `input_ids`, `labels` (and `seq_lengths`).

    `highest` is the highest token in it; -1 where there is none.
    """

    examples: Dataset
    count: Count
    highest: int


def encode(
    rows: Iterable[dict[str, Any]], encoder: Encoder, max_length: int, check: Callable[[], None]
) -> Side:
    """Encode rows, cut them at `max_length` tokens and drop those with nothing left to learn.

    Args:
        rows: with `messages` or `text`.
        encoder: see `Encoder`.
        max_length: in tokens.
        check: called after each row; raises where somebody asked to stop.
    """
    kept, count = _Examples(), Count()
    for row in encoder.encode(rows):
        check()
        count.rows += 1
        count.cut += len(row.ids) > max_length
        count.dropped += not kept.add(row.ids[:max_length], row.labels[:max_length])
    return kept.side(count)


def encode_whole(
    rows: Iterable[dict[str, Any]], encoder: Encoder, max_length: int, check: Callable[[], None]
) -> Side:
    """Encode rows and divide long ones into examples of at most `max_length` tokens.

    Each example begins with the last token of the one before: so every token but a row's first is
    predicted, and learned, exactly once. Arguments as for `encode`.
    """
    kept, count = _Examples(), Count()
    for row in encoder.encode(rows):
        check()
        count.rows += 1
        count.divided += len(row.ids) > max_length
        starts = range(0, max(len(row.ids) - 1, 1), max_length - 1)
        found = [
            kept.add(row.ids[at : at + max_length], row.labels[at : at + max_length])
            for at in starts
        ]
        count.dropped += not any(found)
    return kept.side(count)


def pack(side: Side, max_length: int) -> Side:
    """Put short examples together into blocks of at most `max_length` tokens (best fit first)."""
    return replace(side, examples=pack_dataset(side.examples, max_length, "bfd"))


def require_both(train: Side, evaluation: Side | None) -> None:
    """Raise StudioError where nothing would be learned, or nothing is left for the exam."""
    if not len(train.examples):
        raise StudioError(*_nothing_to_learn(train.count))
    if evaluation is not None:
        require_exam(evaluation)


def require_exam(evaluation: Side) -> None:
    """Raise StudioError where nothing is left for the exam."""
    if not len(evaluation.examples):
        raise StudioError(
            "No example is left for the exam: there are too few, or they are all too long.",
            "Set the share kept for the exam to 0, or add examples. Where the data itself marks "
            "rows for the exam, mark others.",
        )


def _nothing_to_learn(count: Count) -> tuple[str, str]:
    if not count.rows:
        return (
            "There is no example to learn from.",
            "Add examples, or keep fewer for the exam.",
        )
    if count.cut:
        return (
            "There is nothing left to learn: the answers lie beyond the longest example.",
            "Raise 'Longest example, in tokens', or switch off 'Learn from the answers only'.",
        )
    return (
        "There is nothing to learn: no example has an answer.",
        "Add answers to your data, or switch off 'Learn from the answers only'.",
    )


class _Examples:
    """Examples one after the other: 4 bytes a token and column, not Python ints."""

    def __init__(self) -> None:
        self._ids, self._labels, self._ends = array("i"), array("i"), array("q", [0])
        self._learned = 0

    def add(self, ids: list[int], labels: list[int]) -> bool:
        """Add an example, unless nothing in it is learned; tells whether it was added."""
        learned = sum(label != IGNORED for label in labels[1:])  # nothing predicts the first token
        if not learned:
            return False
        self._ids.extend(ids)
        self._labels.extend(labels)
        self._ends.append(len(self._ids))
        self._learned += learned
        return True

    def side(self, count: Count) -> Side:
        """Return the examples, their tokens added to what was counted."""
        count.tokens, count.learned = len(self._ids), self._learned
        highest = max(self._ids, default=-1)
        return Side(_dataset(self._ids, self._labels, self._ends), count, highest)


def _dataset(ids: "array[int]", labels: "array[int]", ends: "array[int]") -> Dataset:
    """Return the examples in Arrow's form."""
    columns = {
        name: [np.frombuffer(values, np.int32)[a:b] for a, b in pairwise(ends)]
        for name, values in (("input_ids", ids), ("labels", labels))
    }
    return Dataset.from_dict(columns)
