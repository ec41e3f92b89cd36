"""What a run takes of the machine every few seconds: memory, processor, graphics cards, energy.

The values of a sample, by name: `memory` in bytes (of the run's processes, what they share with
others in part), `free` in bytes, `processor` in percent of one core, `cores`, `cards` (by number:
the fields of `worker.cards.Reading`) and `joules` (of its cards, since the run began).
"""

import contextlib
import threading
import time
from dataclasses import asdict
from types import TracebackType
from typing import Any

import psutil
import structlog
from sqlalchemy.exc import OperationalError

from storage import telemetry
from storage.database import Database
from storage.errors import NotFound, Superseded
from storage.runs import Run
from storage.telemetry import Sample
from worker.cards import Reading
from worker.devices import Machine

log = structlog.get_logger()

EVERY = 5.0
"""Seconds between two samples."""

_FIRST = 1.0
"""Seconds until the first one: a short run has one too."""


class Meter:
    """Takes samples of a run in a thread of its own while its child lives.

    Args:
        database: of the worker.
        run: as it was claimed.
        pid: of its child.
        machine: whose cards are read.
        every: seconds between two samples.
    """

    def __init__(
        self, database: Database, run: Run, pid: int, machine: Machine, every: float = EVERY
    ) -> None:
        self._database = database
        self._key = (run.id, run.attempt)
        self._every = every
        self._processes = Processes(pid)
        self._machine = machine
        self._device = run.device
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"meter-{run.id}", daemon=True)

    def __enter__(self) -> "Meter":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End; a sample under way is of no use any more and is not waited for."""
        self._ended.set()

    def _run(self) -> None:
        cards, wait = self._machine.read(self._device), min(_FIRST, self._every)
        course: Course | None = None
        with contextlib.suppress(Superseded, NotFound):
            while not self._ended.wait(wait):
                try:
                    before = None if course else telemetry.last(self._database, self._key[0])
                    course = course or Course(before, cards)
                    sample = Sample(course.moment(), self._values(course))
                    telemetry.add(self._database, *self._key, sample)
                except OperationalError as error:  # a busy or full database: it is left out
                    log.warning("sample_not_kept", of=self._key[0], reason=str(error.orig))
                wait = self._every

    def _values(self, course: "Course") -> dict[str, Any]:
        cards = self._machine.read(self._device)
        values = self._processes.sample() | {"free": psutil.virtual_memory().available}
        if cards:
            shown = {name: asdict(reading) for name, reading in cards.items()}
            values |= {"cards": shown, "joules": course.energy(cards)}
        return values


class Course:
    """The time and the energy of a run over all its attempts, by clocks that nobody sets back.

    Args:
        before: the latest sample of the attempts before; None: there is none.
        cards: what its cards tell as it begins.
    """

    def __init__(self, before: Sample | None, cards: dict[str, Reading]) -> None:
        self._since = time.monotonic()
        self._start = max(time.time(), before.at if before else 0.0)
        self._joules = float(before.values.get("joules", 0.0)) if before else 0.0
        self._cards, self._read_at = cards, self._since

    def moment(self) -> float:
        """Return this moment in seconds since 1970, always later than the one before."""
        return self._start + time.monotonic() - self._since

    def energy(self, cards: dict[str, Reading]) -> float:
        """Return the joules up to now: by the cards' counters, else by their power over time."""
        passed = time.monotonic() - self._read_at
        for name, now in cards.items():
            before = self._cards.get(name)
            self._joules += 0.0 if before is None else _taken(before, now, passed)
        self._cards, self._read_at = cards, self._read_at + passed
        return round(self._joules, 1)


class Processes:
    """The processes of a run: its child, and what that has started.

    Args:
        pid: of the child.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._busy: dict[int, float] = {}
        self._at = time.monotonic()
        self._busy = self._times(self._tree())

    def sample(self) -> dict[str, Any]:
        """Return the memory in bytes, and how busy cores were since the sample before, in percent.

        A process counts with what it has done so far when it is seen for the first time.
        """
        tree = self._tree()
        busy, at = self._times(tree), time.monotonic()
        worked = sum(max(0.0, busy[pid] - self._busy.get(pid, 0.0)) for pid in busy)
        share = 100 * worked / max(at - self._at, 1e-3)
        self._busy, self._at = busy, at
        memory = sum(_memory(process) for process in tree)
        return {"memory": memory, "processor": round(share, 1), "cores": psutil.cpu_count() or 1}

    def _tree(self) -> list[psutil.Process]:
        try:
            child = psutil.Process(self._pid)
            return [child, *child.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _times(self, tree: list[psutil.Process]) -> dict[int, float]:
        found = {}
        for process in tree:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
        return found


def _memory(process: psutil.Process) -> int:
    """Return the bytes of a process: its own, and its part of what it shares (PSS, else RSS)."""
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))  # only Linux tells the part of what is shared
    except psutil.Error:  # it has ended
        return 0


def _taken(before: Reading, now: Reading, passed: float) -> float:
    if now.energy is not None and before.energy is not None and now.energy >= before.energy:
        return now.energy - before.energy
    return (now.power or 0.0) * passed
