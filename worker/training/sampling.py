"""The order in which examples of similar length come, the same again where a run goes on."""

from collections.abc import Iterator
from typing import Any

import pyarrow.compute
import torch
from torch.utils.data import Sampler

_BATCHES = 50
"""So many batches are drawn at random and sorted by length among themselves."""


class ByLength(Sampler[int]):
    """Batches of similar length, in random order; each reading of the data has another.

    The library's sampler draws from the process's own random numbers, which a resumed run has used
    up differently, and puts the longest batch first, so that the first point comes late.

    Args:
        lengths: of the examples, in tokens.
        size: examples that are taken together.
        seed: the run's.
    """

    def __init__(self, lengths: list[int], size: int, seed: int) -> None:
        self._lengths, self._size, self._seed = lengths, size, seed
        self._reading = 0

    def __len__(self) -> int:
        """Count the examples."""
        return len(self._lengths)

    def set_epoch(self, epoch: int) -> None:
        """Say which reading of the data comes next."""
        self._reading = epoch

    def __iter__(self) -> Iterator[int]:
        """Yield all examples; what does not fill a batch comes last."""
        chance = torch.Generator().manual_seed(self._seed * 1_000_003 + self._reading)
        shuffled = torch.randperm(len(self), generator=chance).tolist()
        together = self._size * _BATCHES
        batches = [
            batch
            for start in range(0, len(self), together)
            for batch in self._batches(shuffled[start : start + together])
        ]
        order = torch.randperm(len(batches), generator=chance).tolist()
        for number in sorted(order, key=lambda number: len(batches[number]) < self._size):
            yield from batches[number]

    def _batches(self, examples: list[int]) -> list[list[int]]:
        ordered = sorted(examples, key=self._lengths.__getitem__, reverse=True)
        return [ordered[at : at + self._size] for at in range(0, len(ordered), self._size)]


def lengths(examples: Any) -> list[int]:
    """Return how many tokens each example of a dataset has, in all of its columns of tokens."""
    table = examples.with_format("arrow")[:]
    columns = [name for name in table.column_names if name.endswith("ids")]
    counts = [pyarrow.compute.list_value_length(table[name]).to_pylist() for name in columns]
    return [sum(row) for row in zip(*counts, strict=True)]
