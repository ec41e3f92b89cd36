"""Rows that are equal or nearly equal are one group, named after its first row."""

import numpy as np

from worker.datasets.care.content import whole
from worker.datasets.operations.alike import equal, grouped

LONG = " ".join(f"sign {n} of the cold is number {n * 3}" for n in range(20))


def test_equal_numbers_are_named_after_the_first() -> None:
    assert equal(np.array([5, 3, 5, 3, 9], dtype=np.uint64)).tolist() == [0, 1, 0, 1, 4]


def test_groups_reach_over_several_datasets(workshop) -> None:
    texts = [f"{LONG} one", "tea", "...", f"{LONG} two", "milk", "tea", "...", LONG]
    halves = [workshop.dataset([{"text": t} for t in half]) for half in (texts[:4], texts[4:])]
    scratch = workshop.free_folder()
    groups, hashes = grouped(halves, whole, 0.8, scratch, lambda share, words: None)
    assert groups.tolist() == [0, 1, 2, 0, 4, 1, 2, 0]
    assert len(set(hashes.tolist())) == 6
    assert list(scratch.iterdir()) == []
