"""The reconciler: every few seconds, what was lost is found and what is ready is looked at."""

import threading
import time
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError

from storage import attempts, audit_rules, leases, purge, work
from storage.artifacts import Artifacts
from storage.database import Database
from storage.settings import Settings
from storage.tables import AnalysisRow, BaseModelRow, DatasetRow
from storage.trust_tables import EvaluationRow
from worker import sweeping
from worker.supervisor import Supervisor

log = structlog.get_logger()

SWEEP_SECONDS = 3600.0
LEFT_BEHIND_SECONDS = 24 * 3600.0
"""Once an hour, what an upload or a download left in the scratch folder a day ago is removed."""


_PREPARED: tuple[Any, ...] = (DatasetRow, BaseModelRow, AnalysisRow, EvaluationRow)


class Reconciler:
    """Makes the database right again when a worker, a message or a lease was lost.

    Args:
        settings: how often, and how long a lease is.
        database: this process's own.
        supervisor: looks where there is something to do.
    """

    def __init__(self, settings: Settings, database: Database, supervisor: Supervisor) -> None:
        self._settings = settings
        self._database = database
        self._supervisor = supervisor
        self._sweep_at = 0.0
        self._heard = leases.Heard(settings.lease_seconds)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin with a round at once; further ones follow until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Make no further round."""
        self._ended.set()

    def round(self) -> None:
        """Take back what nobody works on any more, and let the supervisor look."""
        for table in _PREPARED:
            _tell("work_taken_back", work.recover(self._database, table, self._heard))
        _tell("runs_taken_back", attempts.recover(self._database, self._heard))
        _tell("runs_without_data_failed", attempts.fail_hopeless(self._database))
        self._sweep()
        sweeping.advance(self._database)
        self._supervisor.look()

    def _sweep(self) -> None:
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + SWEEP_SECONDS
            files = Artifacts(self._settings.home)
            files.sweep_scratch(LEFT_BEHIND_SECONDS)
            _tell("removed_for_good", purge.purge(self._database, files))
            audit_rules.shorten(self._database)

    def _run(self) -> None:
        last = time.monotonic()
        while not self._ended.is_set():
            if self._has_slept(time.monotonic() - last):
                self._heard.forget()
            self._try_round()
            last = time.monotonic()
            self._ended.wait(self._settings.reconcile_seconds)

    def _has_slept(self, seconds: float) -> bool:
        """Tell whether this process was paused: then it has heard no heartbeat for a while."""
        return seconds > self._settings.reconcile_seconds + self._settings.lease_seconds / 2

    def _try_round(self) -> None:
        try:
            self.round()
        except OperationalError as error:
            log.warning("round_skipped", reason=str(error.orig))
        except OSError as error:  # a folder that nobody may remove; the rounds go on
            log.warning("round_broken_off", reason=str(error))


def _tell(event: str, identifiers: list[str]) -> None:
    if identifiers:
        log.warning(event, ids=" ".join(identifiers))
