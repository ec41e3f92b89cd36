"""An exam taken by several processes: each row counts once, whatever is left over at the end.

The library fills the last batches up with rows that were there before, which then count twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader

from worker.training.distributed import together


@dataclass(frozen=True)
class Share:
    """A batch of one process.

    Attributes:
        rows: numbers of the rows. All processes read as many at the same time.
        is_own: whether the others read other rows meanwhile; else all read the same ones.
    """

    rows: list[int]
    is_own: bool


def shares(rows: int, size: int, count: int, number: int) -> list[Share]:
    """Return the batches of one process over all rows of an exam.

    Args:
        rows: how many there are.
        size: most rows that a process reads at once.
        count: how many processes there are.
        number: which of them this is.
    """
    found, start = [], 0
    while (each := min(size, (rows - start) // count)) > 0:
        first = start + number * each
        found.append(Share(list(range(first, first + each)), is_own=True))
        start += each * count
    left = [list(range(at, min(at + size, rows))) for at in range(start, rows, size)]
    return found + [Share(numbers, is_own=False) for numbers in left]


class Exam:
    """The batches of this process, with the rows and the way of making a batch of another loader.

    Attributes:
        dataset: all rows.
        now: the share whose batch was handed out last.
    """

    def __init__(self, whole: Any, size: int) -> None:
        self.dataset = whole.dataset
        self._shares = shares(len(self.dataset), size, together.count(), together.number())
        self._loader: DataLoader[Any] = DataLoader(
            self.dataset,
            batch_sampler=[share.rows for share in self._shares],
            collate_fn=whole.collate_fn,
            pin_memory=whole.pin_memory,
        )
        self.now = Share([], is_own=True)

    def __len__(self) -> int:
        """Count the batches; all processes have as many."""
        return len(self._shares)

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches."""
        for share, batch in zip(self._shares, self._loader, strict=True):
            self.now = share
            yield batch

    @property
    def counts(self) -> bool:
        """Tell whether the batch handed out last counts here, and not in another process."""
        return self.now.is_own or together.is_first()

    @property
    def readers(self) -> int:
        """Return how many processes read other rows at the same time, this one included."""
        return together.count() if self.now.is_own else 1
