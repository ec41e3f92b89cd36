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
from storage.mappings import Target
from worker.training.conversations import NO_CONVERSATIONS
from worker.training.tokens import IGNORED, Encoder

SPLIT_SEED = 20_260_101
"""Fixed for ever: the rows kept for the exam must not move when a run has another seed."""


@dataclass
class Count:
    """What became of the rows of one side. `learned` counts tokens that have a label."""

    rows: int = 0
    cut: int = 0
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
    ids, labels, ends, count = array("i"), array("i"), array("q", [0]), Count()
    for row in encoder.encode(rows):
        check()
        count.rows += 1
        count.cut += len(row.ids) > max_length
        kept = row.labels[:max_length]
        learned = sum(label != IGNORED for label in kept[1:])  # nothing predicts the first token
        if not learned:
            count.dropped += 1
            continue
        ids.extend(row.ids[:max_length])
        labels.extend(kept)
        ends.append(len(ids))
        count.tokens, count.learned = len(ids), count.learned + learned
    return Side(_dataset(ids, labels, ends), count, max(ids, default=-1))


def pack(side: Side, max_length: int) -> Side:
    """Put short examples together into blocks of at most `max_length` tokens (best fit first)."""
    return replace(side, examples=pack_dataset(side.examples, max_length, "bfd"))


def require_supervised(target: str | None) -> None:
    """Raise StudioError where supervised training cannot learn from such rows."""
    if target not in (Target.CHAT, Target.TEXT):
        raise StudioError(*NO_CONVERSATIONS)


def require_both(train: Side, evaluation: Side | None) -> None:
    """Raise StudioError where nothing would be learned, or nothing is left for the exam."""
    if not len(train.examples):
        raise StudioError(*_nothing_to_learn(train.count))
    if evaluation is not None and not len(evaluation.examples):
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


def _dataset(ids: "array[int]", labels: "array[int]", ends: "array[int]") -> Dataset:
    """Return the examples in Arrow's compact form: 4 bytes a token and column, not Python ints."""
    columns = {
        name: [np.frombuffer(values, np.int32)[a:b] for a, b in pairwise(ends)]
        for name, values in (("input_ids", ids), ("labels", labels))
    }
    return Dataset.from_dict(columns)
