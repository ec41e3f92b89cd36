"""What the processes of a run do together. A run of one process is alone with each of these.

Numbers and objects travel over gloo, also where gradients travel over NCCL: nothing waits for a
card.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import distributed

Thing = TypeVar("Thing")


def count() -> int:
    """Return how many processes train this run."""
    return distributed.get_world_size() if _are_several() else 1


def number() -> int:
    """Return which of them this is, from 0."""
    return distributed.get_rank() if _are_several() else 0


def is_first() -> bool:
    """Tell whether this is the process that reports, saves and publishes for all."""
    return number() == 0


def told(make: Callable[[], Thing]) -> Thing:
    """Return what the first process makes; the others wait for it."""
    if not _are_several():
        return make()
    things = [make() if is_first() else None]
    distributed.broadcast_object_list(things, src=0)
    found: Thing = things[0]  # type: ignore[assignment]
    return found


def agreed(number: int) -> int:
    """Return the first process's number, to all at the same moment."""
    if not _are_several():
        return number
    value = torch.tensor([number])
    distributed.broadcast(value, src=0)
    return int(value)


def summed(values: torch.Tensor) -> torch.Tensor:
    """Return the sum over all processes of numbers of the same shape; `values` stays as it is."""
    if not _are_several():
        return values
    found = values.detach().clone()
    distributed.all_reduce(found)
    return found


def highest(value: float) -> float:
    """Return the largest of all processes' numbers."""
    if not _are_several():
        return value
    found = torch.tensor([value], dtype=torch.float64)
    distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
    return float(found)


def wait() -> None:
    """Return when all processes have come here."""
    agreed(0)  # a barrier by itself would use the card
    summed(torch.zeros(1))


def _are_several() -> bool:
    return distributed.is_available() and distributed.is_initialized()
