"""The worker process: `python -m worker`. Answers the doorbell until it is told to end."""

import os
import signal
import threading
import time

import structlog

from storage import database, logs, settings
from storage.database import Database
from storage.settings import Settings
from storage.shipped import PROJECT
from worker.children import Nursery
from worker.reconciler import Reconciler
from worker.supervisor import Supervisor
from worker.tasks import Doorbell

log = structlog.get_logger()

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Worker:
    """Everything that runs in the worker process.

    Args:
        given: the settings.
        opened: the database, at its newest schema.
    """

    def __init__(self, given: Settings, opened: Database) -> None:
        self._nursery = Nursery()
        self._supervisor = Supervisor(given, opened, self._nursery)
        self._reconciler = Reconciler(given, opened, self._supervisor)
        self._consumer = Doorbell(given, self._supervisor.look).consumer()
        self._signals = 0

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; then let the children save. A second one kills them."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()
        self._reconciler.start()
        self._consumer.start()
        for number in _SIGNALS:  # after the consumer, which sets handlers of its own
            signal.signal(number, self._on_signal)
        log.info("worker_ready", pid=os.getpid())
        checked = time.monotonic()
        while not self._signals:
            checked = self._consumer.loop(checked)
        self._end()

    def _warm_up(self) -> None:
        self._nursery.warm_up()
        self._supervisor.look()

    def _end(self) -> None:
        log.info("worker_ending", words="children save their work")
        self._reconciler.stop()
        self._consumer.stop()
        self._supervisor.close()
        log.info("worker_ended")

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._signals += 1
        if self._signals > 1:
            self._supervisor.hurry()


def main() -> None:
    """Read the settings, bring the database up to date, and work."""
    given = settings.load()
    # Offline: the process that the trainings are forked from reads it while importing.
    settings.quiet_libraries(given.home, offline=True)
    logs.configure("worker")
    os.chdir(PROJECT)  # the forkserver finds the packages from here
    opened = database.opened(given)
    Worker(given, opened).run()
    opened.close()


if __name__ == "__main__":
    main()
