"""What the estimates need to know of this machine."""

from dataclasses import dataclass
from pathlib import Path

import psutil

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""There where a driver is loaded; asking the GPU itself would take a library of its own."""


@dataclass(frozen=True)
class Machine:
    """Cores, free memory in bytes, a GPU or not.

    The figures are a processor's: with a GPU no time is promised, and memory is not warned about.
    """

    cores: int
    free_memory: int
    has_gpu: bool = False


def machine() -> Machine:
    """Return this machine's cores and free memory, and whether it has a GPU that can train."""
    free = psutil.virtual_memory().available
    return Machine(psutil.cpu_count() or 1, free, NVIDIA_DRIVER.exists())
