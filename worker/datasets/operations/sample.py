"""Keeps some rows chosen at random, in their order."""

import random
from pathlib import Path

from storage.errors import StudioError
from storage.operations import Sample
from storage.rows import count
from worker.datasets.operations.stream import Lines, Report, told


def sample(operation: Sample, parents: list[Path], _scratch: Path, report: Report) -> Lines:
    """Exactly as many rows as asked for; any choice of them is equally likely.

    Knuth, The Art of Computer Programming, volume 2, 3.4.2, algorithm S: one pass, no memory.
    Python promises `random()` of a seed to be the same in every version.

    Raises:
        StudioError: the dataset has fewer rows.
    """
    (folder,) = parents
    left, needed = count(folder), operation.rows
    if needed > left:
        raise StudioError(
            f"The dataset has {left:,} rows; a sample of {needed:,} cannot be taken.",
            f"Choose {left:,} or fewer.",
        )
    chance = random.Random(operation.seed)
    for line in told(folder, report):
        if chance.random() * left < needed:
            needed -= 1
            yield line
        left -= 1
