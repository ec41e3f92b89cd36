"""Which rows repeat earlier ones, by 64-bit hashes of them."""

from array import array
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Repeats:
    """Groups of equal hashes.

    Attributes:
        order: places sorted by hash, and within a group ascending.
        begins: where in `order` each group of two or more begins.
        sizes: how many places each has.
    """

    order: Places
    begins: Places
    sizes: Places

    @property
    def copies(self) -> int:
        """How many places repeat an earlier one."""
        return int((self.sizes - 1).sum())

    def group(self, number: int, most: int) -> list[int]:
        """The first places of a group."""
        begin = self.begins[number]
        found: list[int] = self.order[begin : begin + min(self.sizes[number], most)].tolist()
        return found

    def by_first(self) -> list[int]:
        """Numbers of the groups in the order of their first places."""
        found: list[int] = np.argsort(self.order[self.begins], kind="stable").tolist()
        return found

    def by_size(self) -> list[int]:
        """Numbers of the groups, the largest first, equal ones in the order of first places."""
        found: list[int] = np.lexsort((self.order[self.begins], -self.sizes)).tolist()
        return found


def repeats(hashes: "array[int]", places: Places | None = None) -> Repeats:
    """The groups among hashes; among some places only where these are given."""
    values = np.frombuffer(hashes, dtype=np.uint64) if hashes else np.empty(0, dtype=np.uint64)
    chosen = np.arange(len(values)) if places is None else places
    order = chosen[np.argsort(values[chosen], kind="stable")]
    begins = _begins(values[order])
    sizes = np.diff(begins, append=len(order))
    several = sizes > 1
    return Repeats(order, begins[several], sizes[several])


def firsts(hashes: "array[int]") -> Places:
    """The places that repeat no earlier one, ascending."""
    values = np.frombuffer(hashes, dtype=np.uint64) if hashes else np.empty(0, dtype=np.uint64)
    order = np.argsort(values, kind="stable")
    return np.sort(order[_begins(values[order])])


def text_hash(text: str) -> int:
    """A hash of a text that is the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _begins(ordered: NDArray[np.uint64]) -> Places:
    if not len(ordered):
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
