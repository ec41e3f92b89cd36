"""What a run reads at once where it is most: the lengths of the longest texts of a batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from storage.specs import RunSpec
from studio.advice import lengths
from studio.advice.amount import is_packed
from studio.advice.known import Known

_UNSURE = 1.25
"""So many times as long as estimated a text may be."""

_LEAST = 2
"""Tokens of a text: one to read and one to learn."""

_MOST_TEXTS = 4096


@dataclass(frozen=True)
class Heaviest:
    """The batch that takes most memory.

    Attributes:
        texts: lengths in tokens; of packed rows all that the blocks hold; of pairs one each.
        learned: share of the tokens that are learned, 0 to 1.
    """

    texts: tuple[int, ...]
    learned: float

    @property
    def tokens(self) -> int:
        """Tokens in all."""
        return sum(self.texts)

    @property
    def padded(self) -> int:
        """Tokens in all where each text is filled up to the longest."""
        return len(self.texts) * max(self.texts)


def of(spec: RunSpec, known: Known) -> Heaviest:
    """Return the heaviest batch of a run, as far as the data is known; it is never longer."""
    counted = known.lengths if known.lengths is not None and len(known.lengths) else None
    learns_all = spec.method == "pretrain" or (spec.method == "sft" and not spec.response_only)
    if counted is None or spec.method == "distill":
        return _estimated(spec, known, 1.0 if learns_all else None)
    longs = np.minimum(np.asarray(counted[:, 0], np.int64), spec.max_length)
    firsts = np.minimum(np.asarray(counted[:, 1], np.int64), longs)
    share = 1.0 if learns_all else float((longs - firsts).sum() / max(1, longs.sum()))
    if is_packed(spec):
        return Heaviest(_blocks(spec, float(longs.mean()), len(longs)), share)
    top = np.sort(longs)[-spec.batch_size :]
    return Heaviest(tuple(max(_LEAST, int(one)) for one in top), share)


def _estimated(spec: RunSpec, known: Known, learned: float | None) -> Heaviest:
    found: Any = lengths.of(spec, known)
    longest = min(spec.max_length, found.longest * _UNSURE) if found else spec.max_length
    text = max(_LEAST, round(longest))
    share = 1.0 if learned is None else learned
    if not is_packed(spec):
        return Heaviest((text,) * spec.batch_size, share)
    mean, rows = (found.mean, known.data.rows_good) if found else (spec.max_length, spec.batch_size)
    return Heaviest(_blocks(spec, min(mean, float(spec.max_length)), max(1, rows)), share)


def _blocks(spec: RunSpec, mean: float, rows: int) -> tuple[int, ...]:
    """Return rows of equal length that fill the blocks of a batch, as far as there are rows."""
    length = spec.max_length
    row = max(_LEAST, round(mean), -(-length * spec.batch_size // _MOST_TEXTS))
    row = min(row, length)
    a_block = [row] * (length // row) + ([length % row] if length % row >= _LEAST else [])
    there = -(-rows * row // length)
    return tuple(a_block * min(spec.batch_size, max(1, there)))
