"""Judged answers into tokens: pairs of a better and a worse one, or single ones, good or bad.

Which tokens are the prompt and which the answer is decided by `Encoder`, as in supervised training:
the prompt ends with what opens an answer, the answer with the token that ends its turn. Answers
that stand in the prompt are read and never learned.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise, tee
from typing import Any

import numpy as np
import pyarrow.compute as compute
from datasets import Dataset
from numpy.typing import NDArray

from storage.errors import StudioError
from worker.training import data, recipe
from worker.training.data import Side
from worker.training.job import Job
from worker.training.templates import Template
from worker.training.tokens import IGNORED, Encoder, Tokens

Row = dict[str, Any]
CHOSEN, REJECTED, SINGLE = "chosen", "rejected", "completion"

Check = Callable[[], None]
"""Called after each row; raises where somebody asked to stop."""


@dataclass
class Count(data.Count):
    """What became of the rows of one side.

    `cut` counts rows with an answer that was cut, `dropped` those with nothing left to learn,
    `same` pairs whose answers do not differ as far as they are read (they are left out too).
    """

    same: int = 0


@dataclass(frozen=True)
class Limits:
    """How long an example may be, in tokens, and what happens to longer ones.

    Attributes:
        max_length: prompt and answer together.
        whole: keep what follows the answer's end, and leave out what is longer instead of cutting
            it: for a judge who reads the whole conversation.
    """

    max_length: int
    whole: bool = False

    def within(self, tokens: Tokens) -> Tokens | None:
        """Return what is read of an answer; None where nothing of it is left to learn."""
        end = len(tokens.ids) if self.whole else _after_last_learned(tokens)
        if self.whole and end > self.max_length:
            return None
        end = min(end, self.max_length)
        kept = Tokens(tokens.ids[:end], tokens.labels[:end])
        return kept if any(label != IGNORED for label in kept.labels[1:]) else None

    def cuts(self, tokens: Tokens) -> bool:
        """Tell whether a part of the answer lies beyond the limit."""
        return not self.whole and _after_last_learned(tokens) > self.max_length


@dataclass
class Sequences:
    """Token sequences of different lengths, compactly: 5 bytes a token.

    `mask` holds 1 for each token of an answer.
    """

    ids: "array[int]" = field(default_factory=lambda: array("i"))
    mask: "array[int]" = field(default_factory=lambda: array("b"))
    ends: "array[int]" = field(default_factory=lambda: array("q", [0]))

    def add(self, tokens: Tokens) -> None:
        """Put a sequence at the end."""
        self.ids.extend(tokens.ids)
        self.mask.extend(label != IGNORED for label in tokens.labels)
        self.ends.append(len(self.ids))

    def split(self) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int8]]]:
        """Return the tokens of each sequence, and the mask of each."""
        ids, mask = np.frombuffer(self.ids, np.int32), np.frombuffer(self.mask, np.int8)
        stretches = list(pairwise(self.ends))
        return [ids[a:b] for a, b in stretches], [mask[a:b] for a, b in stretches]

    @property
    def learned(self) -> int:
        """How many tokens belong to an answer."""
        return int(np.frombuffer(self.mask, np.int8).sum())


# Pairs.


def encode_pairs(rows: Iterable[Row], encoder: Encoder, limits: Limits, check: Check) -> Side:
    """Return pairs as columns `chosen_ids`, `chosen_mask`, `rejected_ids`, `rejected_mask`.

    A pair with an answer of which nothing is left to learn is dropped, and so is one whose answers
    are the same as far as they are read. `length` is the longer one's, in tokens.

    Raises:
        StudioError: see `Encoder.encode`.
    """
    chosen, rejected, count = Sequences(), Sequences(), Count()
    for _, found in _answers(rows, encoder):
        check()
        count.rows += 1
        count.cut += any(map(limits.cuts, found))
        better, worse = map(limits.within, found)
        if better is None or worse is None:
            count.dropped += 1
        elif better.ids == worse.ids:
            count.same += 1
        else:
            chosen.add(better)
            rejected.add(worse)
    return _side({CHOSEN: chosen, REJECTED: rejected}, count)


def _side(sequences: dict[str, Sequences], count: Count) -> Side:
    columns: dict[str, Any] = {}
    for name, one in sequences.items():
        columns[f"{name}_ids"], columns[f"{name}_mask"] = one.split()
    ids = [columns[f"{name}_ids"] for name in sequences]
    columns["length"] = [max(map(len, group)) for group in zip(*ids, strict=True)]
    count.tokens = sum(len(one.ids) for one in sequences.values())
    count.learned = sum(one.learned for one in sequences.values())
    highest = max((max(one.ids, default=-1) for one in sequences.values()), default=-1)
    return Side(Dataset.from_dict(columns), count, highest)


def mean_lengths(side: Side) -> dict[str, float]:
    """Return how long the better and the worse answers are, in tokens: a judge may like length."""
    table = side.examples.data
    sums = {
        f"{name}_tokens": compute.sum(table.column(f"{name}_mask").combine_chunks().flatten())
        for name in (CHOSEN, REJECTED)
    }
    return {name: found.as_py() / len(side.examples) for name, found in sums.items()}


# Single answers.


@dataclass(frozen=True)
class JudgedAnswers:
    """Single answers and whether each is good, in the order of the rows."""

    answers: Sequences
    good: list[bool]
    count: Count


def encode_judged(
    rows: Iterable[Row], encoder: Encoder, limits: Limits, check: Check
) -> JudgedAnswers:
    """Return answers one by one; a pair is taken apart into a good one and a bad one.

    Raises:
        StudioError: see `Encoder.encode`.
    """
    judged = JudgedAnswers(Sequences(), [], Count())
    for row, found in _answers(rows, encoder):
        check()
        judged.count.rows += 1
        judged.count.cut += any(map(limits.cuts, found))
        _judge(judged, row, [limits.within(tokens) for tokens in found])
    judged.count.tokens = len(judged.answers.ids)
    judged.count.learned = judged.answers.learned
    return judged


def _judge(judged: JudgedAnswers, row: Row, found: list[Tokens | None]) -> None:
    kept = [tokens for tokens in found if tokens is not None]
    if len(kept) == 2 and kept[0].ids == kept[1].ids:
        judged.count.same += 1
        return
    judged.count.dropped += not kept
    verdicts = [bool(row["label"])] if SINGLE in row else [True, False]
    for tokens, is_good in zip(found, verdicts, strict=True):
        if tokens is not None:
            judged.answers.add(tokens)
            judged.good.append(is_good)


# Both sides.

Encode = Callable[[Iterable[Row], Encoder, Limits, Check], Side]


def read(
    job: Job, tokenizer: Any, template: Template, encode: Encode, check: Check, *, whole: bool
) -> tuple[Side, Side | None]:
    """Return the rows to learn from and those of the exam (None: there is none), as tokens.

    Raises:
        StudioError: nothing would be learned, nothing is left for the exam, or see `Encoder`.
    """
    encoder = Encoder(tokenizer, template, response_only=True)
    limits = Limits(job.spec.max_length, whole)
    sides = [
        encode(recipe.rows_of(job, evaluation=evaluation), encoder, limits, check)
        for evaluation in ([False, True] if recipe.has_exam(job) else [False])
    ]
    train, evaluation = sides[0], sides[1] if len(sides) == 2 else None
    if not len(train.examples):
        raise StudioError(*_nothing_to_learn(train.count))
    data.require_both(train, evaluation)
    return train, evaluation


def _nothing_to_learn(count: data.Count) -> tuple[str, str]:
    if not count.rows:
        return "There is no example to learn from.", "Add examples, or keep fewer for the exam."
    if count.dropped:
        return (
            "There is nothing left to learn: the answers lie beyond the longest example.",
            "Raise 'Longest example, in tokens', or shorten the questions.",
        )
    return (
        "There is nothing to learn: the better and the worse answer of each pair are the same, as "
        "far as they are read.",
        "Write worse answers that differ, or raise 'Longest example, in tokens'.",
    )


# Rows.


def _answers(rows: Iterable[Row], encoder: Encoder) -> Iterator[tuple[Row, list[Tokens]]]:
    """Yield each row with the tokens of its answers: chosen and rejected, or the single one."""
    source, again = tee(rows)
    tokens = encoder.encode(talk for row in source for talk in _conversations(row))
    for row in again:
        yield row, list(islice(tokens, 1 if SINGLE in row else 2))


def _conversations(row: Row) -> list[Row]:
    """Return the prompt with each answer; the answers in the prompt have no weight."""
    asked = [
        turn | {"weight": 0} if turn["role"] == "assistant" else turn for turn in row["prompt"]
    ]
    shared: Row = {name: row[name] for name in ("line", "tools") if name in row}
    sides = [SINGLE] if SINGLE in row else [CHOSEN, REJECTED]
    return [{"messages": [*asked, *row[side]], **shared} for side in sides]


def _after_last_learned(tokens: Tokens) -> int:
    labels = tokens.labels
    return next((n for n in range(len(labels), 0, -1) if labels[n - 1] != IGNORED), 0)
