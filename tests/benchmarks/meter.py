"""What a process and everything it has started uses: processor time and memory (Linux)."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_EVERY = 0.5
"""Seconds between two looks; each takes a few milliseconds."""


def processor_seconds(pid: int) -> float:
    """Return the processor time of a living process and of all its descendants, ended or not."""
    spent = 0.0
    for process in _tree(pid):
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:4])  # its own, and of its children that have ended
    return spent


class Meter:
    """Watches the memory of a process tree from a thread of its own.

    Attributes:
        largest: the most that one process of it ever held, in bytes.
        together: the most that all held at one look; a page that several share counts once.
    """

    def __init__(self, pid: int) -> None:
        self.largest = self.together = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Meter":
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            processes = list(_tree(self._pid))
            self.largest = max(self.largest, *(_peak(one.pid) for one in processes), 0)
            self.together = max(self.together, _held_together(processes))
            self._ended.wait(max(_EVERY, 50 * (time.monotonic() - began)))  # costs 2 % at most


def _tree(pid: int) -> Iterator[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)


def _peak(pid: int) -> int:
    """The most that a process has held since its start, in bytes; 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _held_together(processes: list[psutil.Process]) -> int:
    held = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if len(processes) == 1:
                return int(process.memory_info().rss)
            held += process.memory_full_info().pss
    return held
