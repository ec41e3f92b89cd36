"""NVML with figures as a card of 24 GB gave them under load, for machines without one."""

from types import SimpleNamespace
from typing import Any


class FakeNvml:
    """The functions of `pynvml` that the studio calls.

    Args:
        names: of the cards; None: there is no driver.
        silent: functions that the cards do not support.
    """

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        """What NVML raises."""

    def __init__(self, names: list[str] | None, silent: set[str] | None = None) -> None:
        self.names = names
        self.silent = silent or set()
        self.energy = 1_000_000
        self.memory_used = 3 * 10**9

    def nvmlInit(self) -> None:  # noqa: N802  (NVML's own names, here and below)
        if self.names is None:
            raise self.NVMLError("NVML Shared Library Not Found")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.names or [])

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return (self.names or [])[handle]

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return "NVIDIA RTX"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        self._ask("nvmlDeviceGetMemoryInfo")
        return SimpleNamespace(used=self.memory_used, total=24 * 10**9)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        self._ask("nvmlDeviceGetUtilizationRates")
        return SimpleNamespace(gpu=87, memory=40)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        self._ask("nvmlDeviceGetTemperature")
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        self._ask("nvmlDeviceGetPowerUsage")
        return 212_500

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        self._ask("nvmlDeviceGetTotalEnergyConsumption")
        return self.energy

    def _ask(self, name: str) -> None:
        if name in self.silent:
            raise self.NVMLError("Not Supported")
