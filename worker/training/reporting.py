"""Reporting to the database from a thread of its own, so that training never waits for it."""

import os
import resource
import threading
import time
from typing import Any

import torch
from sqlalchemy.exc import OperationalError

from storage import metrics
from storage.database import Database
from storage.errors import Superseded
from storage.metrics import Point
from storage.status import StopRequest
from worker.training.journal import journal

SUPERSEDED = 75
"""Exit code of a process whose attempt another one has replaced (EX_TEMPFAIL)."""

_SHORTEST = 0.5
"""Seconds between two writes: twice a second is as often as a page asks."""

_PATIENCE = 60.0
"""Seconds that a flush waits for a database that is busy or full before it gives up."""


class Reporter:
    """Collects points and columns, and writes them at most twice a second.

    Every write learns what a person has asked of the run; with nothing to write it asks all the
    same. Where a newer attempt has taken over, the process ends at once, and writes nothing more.

    Args:
        address: of the database; the thread opens its own connection after the fork.
        run_id: the run.
        attempt: the attempt that reports.
    """

    def __init__(self, address: str, run_id: str, attempt: int) -> None:
        self.asked: StopRequest | None = None
        self._key = (run_id, attempt)
        self._database = Database(address)
        self._points: list[Point] = []
        self._columns: dict[str, Any] = {}
        self._error: OperationalError | None = None
        self._changed = threading.Condition()
        self._urgent = False
        self._closing = False
        self._taken = 0  # reports handed in, and how many of them are durable
        self._written = 0
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._thread.start()

    def report(self, points: list[Point], *, urgent: bool = False, **columns: Any) -> None:
        """Hand in points and columns of the run's row; returns at once."""
        with self._changed:
            self._points += points
            self._columns.update(columns)
            self._taken += 1
            if urgent:
                self._hurry()

    def flush(self) -> None:
        """Wait until everything handed in is durable.

        Raises:
            OperationalError: the database has taken no write for a minute.
        """
        with self._changed:
            target = self._taken
            self._hurry()
            done = self._changed.wait_for(lambda: self._written >= target, _PATIENCE)
            if not done:
                raise self._error or TimeoutError("the database takes no write")

    def close(self) -> None:
        """Write what is left, and end the thread."""
        try:
            self.flush()
        finally:
            with self._changed:
                self._closing = True
                self._hurry()
            self._thread.join()
            self._database.close()

    def _hurry(self) -> None:
        self._urgent = True
        self._changed.notify_all()

    def _run(self) -> None:
        while not self._closing:
            self._write()
            with self._changed:
                self._changed.wait_for(lambda: self._urgent, _SHORTEST)
                self._urgent = False

    def _write(self) -> None:
        with self._changed:
            points, columns, taken = self._points, self._columns, self._taken
            self._points, self._columns = [], {}
        try:
            self.asked = metrics.report(self._database, *self._key, points, **columns)
        except Superseded as error:
            journal.warning("%s", error.message)
            os._exit(SUPERSEDED)  # without cleaning up: nothing may be written any more
        except OperationalError as error:
            self._take_back(points, columns, error)
            return
        with self._changed:
            self._written = taken
            self._changed.notify_all()

    def _take_back(
        self, points: list[Point], columns: dict[str, Any], error: OperationalError
    ) -> None:
        journal.warning("the database takes no write now: %s", error.orig)
        time.sleep(_SHORTEST)
        with self._changed:
            self._error = error
            self._points = points + self._points
            self._columns = columns | self._columns


def memory_bytes() -> int:
    """Return the peak memory of training: of the graphics card, else of this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
