"""The supervisor: claims what is ready and gives each piece of work a child and a watch."""

import threading
import time

import structlog
from sqlalchemy.exc import OperationalError

from storage import leases, runs, work
from storage.database import Database
from storage.settings import Settings
from storage.tables import BaseModelRow, DatasetRow
from worker.children import Nursery
from worker.duties import Duty, RunDuty, WorkDuty
from worker.entries import ENTRIES, Entries
from worker.watch import Orders, Watch

log = structlog.get_logger()

MOST_PREPARING = 2
"""So many datasets and base models are prepared at once, beside the run."""

TO_SAVE = 25.0
"""Seconds that children have to save when the worker shuts down."""

_TO_NOTE = 5.0


class Supervisor:
    """Keeps one run and some background work going.

    Args:
        settings: the lease, the heartbeat and the home folder.
        database: this process's own.
        nursery: where children come from.
        table: what children do, by kind of work.
    """

    def __init__(
        self, settings: Settings, database: Database, nursery: Nursery, table: Entries = ENTRIES
    ) -> None:
        self._settings = settings
        self._database = database
        self._nursery = nursery
        self._table = table
        self._name = leases.worker_name()
        self._orders = Orders()
        self._looking = threading.Lock()
        self._threads: dict[threading.Thread, Duty] = {}

    def look(self) -> None:
        """Claim and start what is ready and has a free place; returns at once."""
        with self._looking:
            if not self._orders.closing.is_set():
                self._look_for_work()
                self._look_for_a_run()

    def close(self) -> None:
        """Claim nothing more, let every child save, and let go of what they were at."""
        self._orders.closing.set()
        with self._looking:
            threads = list(self._threads)
        deadline = time.monotonic() + TO_SAVE + _TO_NOTE
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def hurry(self) -> None:
        """End a shutdown under way at once: what is not saved is done again."""
        self._orders.hurry.set()

    def _look_for_work(self) -> None:
        while self._count(WorkDuty) < MOST_PREPARING:
            row = self._claim(DatasetRow) or self._claim(BaseModelRow)
            if row is None:
                return
            self._watch(WorkDuty(self._database, self._settings, row, self._table))

    def _claim(self, table: type[work.Row]) -> work.Row | None:
        return work.claim(self._database, table, self._name, self._settings.lease_seconds)

    def _look_for_a_run(self) -> None:
        if self._count(RunDuty) or not self._nursery.is_warm:
            return
        run = runs.claim(self._database, self._name, self._settings.lease_seconds)
        if run is not None:
            self._watch(RunDuty(self._database, self._settings, run, self._table))

    def _count(self, kind: type) -> int:
        return sum(isinstance(duty, kind) for duty in self._threads.values())

    def _watch(self, duty: Duty) -> None:
        thread = threading.Thread(target=self._attend, args=(duty,), daemon=True)
        self._threads[thread] = duty
        thread.start()

    def _attend(self, duty: Duty) -> None:
        """See one duty through, in a thread of its own; its place is free afterwards."""
        try:
            Watch(duty, self._nursery, self._orders, self._settings.heartbeat_seconds).run()
        except OperationalError as error:  # the lease runs out, and the work is taken up again
            log.error("end_not_written", of=duty.task.identifier, reason=str(error.orig))
        finally:
            with self._looking:
                del self._threads[threading.current_thread()]
        self._look_again()

    def _look_again(self) -> None:
        try:
            self.look()
        except OperationalError as error:
            log.warning("look_skipped", reason=str(error.orig))
