"""The supervisor: claims what is ready and gives each piece of work a child and a watch."""

import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy import ColumnElement, func, not_
from sqlalchemy.exc import OperationalError

from storage import attempts, leases, work
from storage.analyses import QUICK
from storage.database import Database
from storage.settings import Settings
from storage.tables import AnalysisRow, BaseModelRow, DatasetRow
from storage.trust_tables import EvaluationRow
from worker import devices, sweeping
from worker.children import Nursery
from worker.duties import Duty, RunDuty, WorkDuty
from worker.entries import ENTRIES, Entries
from worker.watch import Orders, Watch

log = structlog.get_logger()


@dataclass(frozen=True)
class Lane:
    """Work that has places of its own, so that it never waits behind work of another lane.

    Attributes:
        places: so many pieces of it are worked on at once.
        work: the tables to claim from, in this order, each with conditions on its rows.
        warm: whether it waits until the training libraries are loaded.
    """

    places: int
    work: tuple[tuple[type[Any], tuple[ColumnElement[bool], ...]], ...] = ()
    warm: bool = False


_WRITES_ANSWERS = func.coalesce(DatasetRow.operation["kind"].as_string(), "") == "answers"

RUNS = Lane(1, warm=True)
"""A place for each device; a run of several processes takes several devices, but one place."""

PREPARING = Lane(2, ((DatasetRow, (not_(_WRITES_ANSWERS),)), (BaseModelRow, ())))
WRITING = Lane(1, ((DatasetRow, (_WRITES_ANSWERS,)),), warm=True)
ANSWERS = Lane(1, ((AnalysisRow, (AnalysisRow.kind.in_(QUICK),)),), warm=True)
STUDIES = Lane(1, ((AnalysisRow, (AnalysisRow.kind.not_in(QUICK),)),), warm=True)
EVALUATIONS = Lane(1, ((EvaluationRow, ()),), warm=True)
LANES = (PREPARING, ANSWERS, STUDIES, WRITING, EVALUATIONS)
"""The lanes of background work; a run has one to itself."""

TO_SAVE = 25.0
"""Seconds that children have to save when the worker shuts down."""

_TO_NOTE = 5.0


class Supervisor:
    """Keeps a run on each device and some background work going.

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
        self._machine = devices.of_machine(settings.visible_cards)
        self._runs = replace(RUNS, places=len(self._machine.devices))
        self._name = leases.worker_name()
        self._orders = Orders()
        self._looking = threading.Lock()
        self._threads: dict[threading.Thread, tuple[Duty, Lane]] = {}

    def look(self) -> None:
        """Claim and start what is ready and has a free place; returns at once."""
        with self._looking:
            if not self._orders.closing.is_set():
                self._look_for_a_run()
                for lane in LANES:
                    self._look_for_work(lane)

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

    def _look_for_work(self, lane: "Lane") -> None:
        while self._free(lane):
            row = self._claim(lane)
            if row is None:
                return
            self._watch(WorkDuty(self._database, self._settings, row, self._table), lane)

    def _claim(self, lane: "Lane") -> work.AnyRow | None:
        seconds = self._settings.lease_seconds
        for table, conditions in lane.work:
            row: work.AnyRow | None = work.claim(
                self._database, table, self._name, seconds, *conditions
            )
            if row is not None:
                return row
        return None

    def _look_for_a_run(self) -> None:
        seconds, here = self._settings.lease_seconds, self._machine
        while self._free(self._runs):
            run = attempts.claim(self._database, self._name, seconds, here.devices)
            if run is None:
                return
            duty = RunDuty(self._database, self._settings, run, self._table, here)
            self._watch(duty, self._runs)

    def _free(self, lane: "Lane") -> bool:
        taken = sum(taken is lane for _, taken in self._threads.values())
        return taken < lane.places and (self._nursery.is_warm or not lane.warm)

    def _watch(self, duty: Duty, lane: "Lane") -> None:
        thread = threading.Thread(target=self._attend, args=(duty,), daemon=True)
        self._threads[thread] = (duty, lane)
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
            sweeping.advance(self._database)  # its next trial starts without a pause
            self.look()
        except OperationalError as error:
            log.warning("look_skipped", reason=str(error.orig))
