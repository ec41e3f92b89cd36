"""NVIDIA's graphics cards: which there are, and what each does at the moment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pynvml
import structlog

log = structlog.get_logger()

_MILLI = 1e-3
"""NVML tells power in milliwatts and energy in millijoules."""


@dataclass(frozen=True)
class Card:
    """A card: its number in the driver's order, which is that of the slots, and its own name."""

    index: int
    uuid: str
    title: str


@dataclass(frozen=True)
class Reading:
    """What a card does at a moment; None: this card does not tell.

    Units: memory in bytes (of all processes), `use` in percent of the time, `temperature` in
    degrees Celsius, `power` in watts, `energy` in joules since the driver was loaded.
    """

    memory: int
    memory_total: int
    use: float | None = None
    temperature: float | None = None
    power: float | None = None
    energy: float | None = None


class Cards:
    """The cards as NVML tells; without a driver there are none.

    Args:
        library: NVML's functions.
    """

    def __init__(self, library: Any = pynvml) -> None:
        self._library = library
        self._handles: dict[int, Any] = {}
        self.all = self._find()

    def read(self, index: int) -> Reading | None:
        """Return what a card does now; None where it has gone or the driver does not answer."""
        nvml = self._library
        handle = self._handles[index]
        try:
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        except nvml.NVMLError as error:
            log.warning("card_not_read", card=index, reason=str(error))
            return None
        sensor = nvml.NVML_TEMPERATURE_GPU
        return Reading(
            int(memory.used),
            int(memory.total),
            self._told(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
            self._told(lambda: nvml.nvmlDeviceGetTemperature(handle, sensor)),
            self._told(lambda: nvml.nvmlDeviceGetPowerUsage(handle) * _MILLI),
            self._told(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) * _MILLI),
        )

    def _find(self) -> list[Card]:
        nvml = self._library
        try:
            nvml.nvmlInit()
            return [self._card(index) for index in range(nvml.nvmlDeviceGetCount())]
        except nvml.NVMLError as error:  # no driver, no library of it, or no right to it
            log.info("no_graphics_cards", reason=str(error))
            return []

    def _card(self, index: int) -> Card:
        nvml = self._library
        handle = self._handles[index] = nvml.nvmlDeviceGetHandleByIndex(index)
        return Card(index, str(nvml.nvmlDeviceGetUUID(handle)), str(nvml.nvmlDeviceGetName(handle)))

    def _told(self, ask: Callable[[], float]) -> float | None:
        """Return an answer; None where this card or driver does not know it."""
        try:
            return float(ask())
        except self._library.NVMLError:
            return None
