"""What the estimates need to know of this machine."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""There where a driver is loaded."""

NVIDIA_CARDS = Path("/proc/driver/nvidia/gpus")

PROCESSOR = Path("/proc/cpuinfo")

_QUICK_HALVES = ("amx_tile", "avx512_bf16")
"""What a processor says that multiplies bfloat16 quickly (worker/training/precision)."""


@dataclass(frozen=True)
class Machine:
    """Cores, free memory in bytes, a GPU or not.

    The figures are a processor's: with a GPU no time is promised.

    Attributes:
        cores: of the processor.
        free_memory: of the machine, in bytes.
        has_gpu: whether there is one that can train.
        card_memory: free bytes of the emptiest card; None: there is none, or it does not say.
        has_bfloat16: whether the processor multiplies bfloat16 quickly.
        cards: how many GPUs the driver tells of.
    """

    cores: int
    free_memory: int
    has_gpu: bool = False
    card_memory: int | None = None
    has_bfloat16: bool = False
    cards: int = 0

    @property
    def room(self) -> int | None:
        """Bytes that a run may take where it trains; None where the card does not say."""
        return self.card_memory if self.has_gpu else self.free_memory


def machine() -> Machine:
    """Return this machine's cores and free memory, and whether it has a GPU that can train."""
    free = psutil.virtual_memory().available
    has_gpu = NVIDIA_DRIVER.exists()
    card = _card_memory() if has_gpu else None
    cards = len(list(NVIDIA_CARDS.glob("*")))
    return Machine(psutil.cpu_count() or 1, free, has_gpu, card, _has_bfloat16(), cards)


def _card_memory() -> int | None:
    """Return the free bytes of the emptiest card; None where the driver does not answer."""
    import pynvml  # noqa: PLC0415  (needed where there is a card)

    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        try:
            cards = range(pynvml.nvmlDeviceGetCount())
            handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in cards]
            return max(int(pynvml.nvmlDeviceGetMemoryInfo(one).free) for one in handles)
        finally:
            pynvml.nvmlShutdown()
    return None


@cache
def _has_bfloat16() -> bool:
    said = PROCESSOR.read_text(errors="replace") if PROCESSOR.exists() else ""
    return any(word in said for word in _QUICK_HALVES)
