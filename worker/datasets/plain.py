"""Plain rows of a batch: their lines one behind the other, before and after they are judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Any, Self

import numpy as np

from worker.datasets.content import key_of
from worker.datasets.places import Array


@dataclass
class Plain:
    """Rows that the decoder took.

    Attributes:
        block: their lines without blanks around them, each ended by a line feed.
        ends: the place behind each line feed.
        rows: decoded.
        places: of each in the batch.
    """

    block: bytes
    ends: Array
    rows: list[Any]
    places: Array

    @classmethod
    def of(cls, lines: Sequence[bytes], rows: list[Any], places: list[int]) -> Self:
        """From lines that lie apart."""
        block, ends = joined([line.strip() for line in lines])
        return cls(block, ends, rows, np.array(places, np.int64))

    def only(self, chosen: Array) -> "Plain":
        """The lines whose flag is set, not decoded."""
        lines = compress(cut(self.block, self.ends), chosen)
        return Plain(*joined(list(lines)), [], self.places[chosen])

    def halves(self) -> tuple["Plain", "Plain"]:
        """The first rows, and the others."""
        half = len(self.rows) // 2
        cut = int(self.ends[half - 1])
        return (
            Plain(self.block[:cut], self.ends[:half], self.rows[:half], self.places[:half]),
            Plain(self.block[cut:], self.ends[half:] - cut, self.rows[half:], self.places[half:]),
        )


@dataclass
class Kept:
    """Rows in the form that is kept.

    Attributes:
        block: each ended by a line feed.
        ends: the place behind each line feed.
        keys: the number of the content of each.
        places: of each in the batch; rows whose places are missing were not judged.
    """

    block: bytes
    ends: Array
    keys: Array
    places: Array

    @classmethod
    def none(cls) -> Self:
        """No rows."""
        nothing = np.zeros(0, np.int64)
        return cls(b"", nothing, nothing.astype(np.uint64), nothing)

    def lines(self) -> list[bytes]:
        """Each row."""
        return cut(self.block, self.ends)

    def only(self, chosen: Array) -> "Kept":
        """The rows whose flag is set."""
        lines = compress(self.lines(), chosen)
        return Kept(*joined(list(lines)), self.keys[chosen], self.places[chosen])

    def in_order(self) -> "Kept":
        """By their places in the batch."""
        order = np.argsort(self.places)
        lines = self.lines()
        block, ends = joined([lines[place] for place in order.tolist()])
        return Kept(block, ends, self.keys[order], self.places[order])

    def and_then(self, other: "Kept") -> "Kept":
        """These rows, and behind them others."""
        return Kept(
            self.block + other.block,
            np.concatenate((self.ends, other.ends + len(self.block))),
            np.concatenate((self.keys, other.keys)),
            np.concatenate((self.places, other.places)),
        )


def joined(lines: list[bytes]) -> tuple[bytes, Array]:
    """The lines, each ended by a line feed, and the place behind each."""
    ends = np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)) + 1)
    return b"\n".join([*lines, b""]), ends


def cut(block: bytes, ends: Array) -> list[bytes]:
    """The lines of a block."""
    return [block[start : end - 1] for start, end in pairwise([0, *ends.tolist()])]


def keys_in(block: bytes, ends: Array) -> Array:
    """The number of each line of a block."""
    view = memoryview(block)
    keys = [key_of(view[start : end - 1]) for start, end in pairwise([0, *ends.tolist()])]
    return np.array(keys, np.uint64)
