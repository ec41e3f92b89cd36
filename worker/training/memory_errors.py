"""Memory that runs out while steps are taken, told as one error whatever the device."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from storage.errors import OutOfMemory
from worker.training.journal import journal

_SAID = re.compile(
    r"out of memory|CUBLAS_STATUS_ALLOC_FAILED|DefaultCPUAllocator|not enough memory"
    r"|Cannot allocate memory|std::bad_alloc",
    re.IGNORECASE,
)
"""What the libraries say besides raising torch.OutOfMemoryError."""


@contextmanager
def told() -> Iterator[None]:
    """Raise OutOfMemory in here for what any library raises when memory runs out."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        journal.warning("memory ran out: %s", first_line)
        whose = "graphics card" if torch.cuda.is_available() else "computer"
        raise OutOfMemory(f"The {whose} ran out of memory.") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that there was no memory left to allocate."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return _SAID.search(str(error)) is not None
