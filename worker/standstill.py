"""A run that stands still: how long is too long, and what its process was doing meanwhile."""

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import structlog

log = structlog.get_logger()

MEDIANS = 20
"""So many usual steps may one step take, where that is more than the settings allow."""

STEPPING = "training"
"""The stage in which steps follow each other; in others a single thing may take long."""

LONGER = 6
"""So many times longer than a step may a stage take in which there are none, such as loading."""

_REMEMBERED = 50
_TO_LOOK = 30.0  # seconds

Pulse = tuple[str, int]
"""What changes while a run gets on: its stage and its step."""


class Standstill:
    """Notices that a run gets on no more, by a clock that nobody sets.

    Args:
        seconds: so long a step may take at least.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: Pulse = ("", 0)
        self._since = time.monotonic()
        self._took: deque[float] = deque(maxlen=_REMEMBERED)

    def hear(self, pulse: Pulse) -> None:
        """Take in where the run is now."""
        if pulse == self._last:
            return
        at, (stage, step) = time.monotonic(), self._last
        if stage == STEPPING == pulse[0] and step and pulse[1] > step:
            self._took.append((at - self._since) / (pulse[1] - step))
        self._last, self._since = pulse, at

    @property
    def limit(self) -> float:
        """Seconds after which a run that has not changed counts as standing still."""
        if self._last[0] != STEPPING:
            return self._seconds * LONGER
        usual = statistics.median(self._took) if self._took else 0.0
        return max(self._seconds, MEDIANS * usual)

    @property
    def is_over(self) -> bool:
        """Tell whether the run has stood still for too long."""
        return time.monotonic() - self._since >= self.limit

    @property
    def words(self) -> str:
        """Say how long it stood still, and at what."""
        stage, step = self._last
        minutes = max(round((time.monotonic() - self._since) / 60), 1)
        told = "1 minute" if minutes == 1 else f"{minutes} minutes"
        where = f"after step {step}" if step else f"while it was {stage or 'starting'}"
        return f"The training stood still for {told} {where}."


def look(pid: int, file: Path) -> None:
    """Write to a file what every thread of a process, and of those it has started, is doing.

    Where the system does not let one process look into another, the process tells it in its log.
    """
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if spy is not None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            command = [spy, "dump", "--subprocesses", "--pid", str(pid)]
            told = subprocess.run(command, capture_output=True, timeout=_TO_LOOK, check=False)
            if told.returncode == 0:
                file.write_bytes(told.stdout)
                return
            log.warning("not_looked_into", pid=pid, reason=told.stderr.decode(errors="replace"))
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
