"""What a preset is for, why it gives each value, and how its values are made to fit the memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from storage.model_facts import ModelFacts

_SHORTEST = 256
"""Below this length nothing is shortened unasked."""

_ROOM = 0.9
"""Such a share of the free memory is used at most."""


@dataclass(frozen=True)
class Case:
    """What a preset is for.

    Attributes:
        facts: of the base model; None while it is being prepared.
        rows: good rows of the dataset that are not kept for the exam; 0 while it is being read.
        small: see `is_small`.
        method: the way of learning.
        adapter: what learns.
        longest: tokens of the longest row, estimated or counted; None: not known.
        mean: tokens of a row on average, estimated; None: not known.
        examined: share of the rows that exams read, beside those learned from.
        free: free memory in bytes; None: not known, or not to be considered.
        needs: returns the peak in bytes with given settings; None: not known.
    """

    facts: ModelFacts | None
    rows: int
    small: bool
    method: str = "sft"
    adapter: str = "lora"
    longest: float | None = None
    mean: float | None = None
    examined: float = 0.1
    free: int | None = None
    needs: Callable[[dict[str, Any]], int | None] | None = None

    @property
    def tokens(self) -> float | None:
        """What one reading of the rows to learn from takes; None: not known."""
        known = self.mean is not None and self.rows
        return self.mean * self.rows if known and self.mean else None


@dataclass(frozen=True)
class Reason:
    """Why a preset gives a setting its value: one plain sentence."""

    field: str
    value: Any
    words: str


def within_memory(found: list[Reason], case: Case) -> list[Reason]:
    """Return the same with fewer examples at once, then shorter ones, until the memory suffices.

    What cannot be made to fit stays as it is: the plan says so.
    """
    if case.free is None or case.needs is None:
        return found
    values = {one.field: one.value for one in found}
    smaller = dict(values)
    while not _fits(case, smaller) and smaller["batch_size"] > 1:
        smaller["batch_size"] //= 2
        smaller["accumulation"] *= 2
    while not _fits(case, smaller) and smaller["max_length"] > _SHORTEST:
        smaller["max_length"] //= 2
    if not _fits(case, smaller):
        return found
    words = f"So that it fits into the {case.free / 1e9:.0f} GB of memory that are free."
    return [
        one if smaller[one.field] == one.value else Reason(one.field, smaller[one.field], words)
        for one in found
    ]


def _fits(case: Case, values: dict[str, Any]) -> bool:
    needed = case.needs(values) if case.needs else None
    return needed is None or case.free is None or needed <= _ROOM * case.free
