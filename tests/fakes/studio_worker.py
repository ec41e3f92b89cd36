"""Real worker processes over a home, and the faults that befall them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil

from storage import runs
from storage.settings import Settings
from storage.status import RunStatus
from tests.fakes.training_home import TrainingHome
from worker.tasks import Doorbell

Found = TypeVar("Found")

PROJECT = Path(__file__).parents[2]

TIMES = {"lease_seconds": 4.0, "heartbeat_seconds": 0.5, "reconcile_seconds": 0.5}
"""Seconds; ten times shorter than in earnest, so that a test can wait for a lease to run out."""


def until(condition: Callable[[], Found], seconds: float = 120.0) -> Found:
    """Return the first truthy value of a condition. Raises AssertionError after that time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.02)
    return value


class StudioWorker:
    """A `python -m worker` over a home; everything it says is in its log."""

    def __init__(
        self,
        home: Path,
        *,
        pin: bool = True,
        queue_url: str | None = None,
        environment: dict[str, str] | None = None,
        below: Sequence[str] = (),
        **times: float,
    ) -> None:
        self.home = home
        self.log = home / f"worker-{time.monotonic_ns()}.log"
        settings = Settings(home=home, queue_url=queue_url, **(TIMES | times))
        hidden = {"HF_TOKEN": "hf_secret", "SOME_API_KEY": "secret", "OMP_NUM_THREADS": "1"}
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [*below, sys.executable, "-m", "worker"],
                cwd=PROJECT,
                env=settings.environment() | hidden | (environment or {}),
                stderr=log,
                stdout=log,
                stdin=subprocess.DEVNULL,
            )
        self.pid = self._process.pid
        if pin:  # to one core: a training takes as many threads as cores, and sums depend on that
            core = random.choice(sorted(os.sched_getaffinity(0)))
            psutil.Process(self.pid).cpu_affinity([core])

    def said(self, words: str) -> bool:
        """Tell whether the log has these words."""
        return words in self.log.read_text()

    def wait_until_warm(self) -> "StudioWorker":
        """Wait until it has the training libraries imported."""
        until(lambda: self.said("training_libraries_loaded"), 300)
        return self

    def children(self) -> list[psutil.Process]:
        """Return the processes that train or prepare: each leads a session of its own."""
        if not self.is_alive:
            return []
        everyone = psutil.Process(self.pid).children(recursive=True)
        return [one for one in everyone if _leads_a_session(one.pid)]

    def family(self) -> list[psutil.Process]:
        """Return every process that descends from it."""
        return psutil.Process(self.pid).children(recursive=True)

    def child(self) -> psutil.Process:
        """Wait for the one child that is at work, and return it."""
        return until(self.children)[0]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = 120.0) -> int:
        """Return its exit code when it has ended."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """End it as an accident would: no handler runs."""
        self._process.kill()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None


class Town:
    """A home with data and a tiny model in it, and the workers that were started over it."""

    def __init__(self, home: TrainingHome, dataset_id: str, base_model_id: str) -> None:
        self.home = home
        self.workers: list[StudioWorker] = []
        self.ids = (dataset_id, base_model_id)

    def worker(
        self,
        *,
        pin: bool = True,
        environment: dict[str, str] | None = None,
        below: Sequence[str] = (),
        **times: float,
    ) -> StudioWorker:
        """Start a worker; `below`: the command that starts it, where it is not started as it is."""
        more: Any = {"queue_url": self.home.queue_url, "environment": environment, "below": below}
        self.workers.append(StudioWorker(self.home.home, pin=pin, **more, **times))
        return self.workers[-1]

    def workers_alive(self, count: int) -> list[StudioWorker]:
        """Return so many warm workers, the latest last; starts those that are missing."""
        alive = [worker for worker in self.workers if worker.is_alive]
        alive += [self.worker() for _ in range(count - len(alive))]
        return [worker.wait_until_warm() for worker in alive]

    def start(self, **changes: Any) -> str:
        """Put a run into the queue and ring; returns its id."""
        run = self.home.queue(*self.ids, **changes)
        self.ring()
        return run.id

    def ring(self) -> None:
        """Ring the doorbell."""
        Doorbell(self.home.settings).ring()

    def run(self, run_id: str) -> runs.Run:
        """Return a run as it is now."""
        return self.home.run(run_id)

    def wait_for(self, run_id: str, *statuses: RunStatus, seconds: float = 240.0) -> runs.Run:
        """Wait until a run has one of these statuses (ended well, where none is given)."""
        wanted = statuses or (RunStatus.FINISHED,)
        until(lambda: self.run(run_id).status in wanted, seconds)
        return self.run(run_id)

    def wait_for_step(self, run_id: str, step: int) -> runs.Run:
        """Wait until a run has reported a step, and is still under way."""
        until(lambda: self.run(run_id).step >= step or self.run(run_id).status not in GOING)
        run = self.run(run_id)
        assert run.status is RunStatus.RUNNING, (run.status, run.error)
        return run

    def put_to_sleep(self, *pids: int) -> None:
        """Stop processes (SIGSTOP) at a moment when none of them holds SQLite's write lock.

        One that slept with it in hand would stop every other process of the studio as well. A
        signal takes a moment, in which a call that is under way may still take the lock.
        """
        with self.home.database.write():
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            until(lambda: all(map(_sleeps, pids)))

    def end(self) -> None:
        """End every worker, and make sure that no process of theirs is left."""
        for worker in self.workers:
            if worker.is_alive:
                left = worker.family()
                worker.signal(signal.SIGCONT)
                worker.kill()
                wait_until_ended(left)


def wait_until_ended(processes: Iterable[psutil.Process], seconds: float = 60.0) -> None:
    """Wait until no process of these runs any more; one that only waits to be buried has ended."""
    until(lambda: not [one for one in processes if runs_on(one)], seconds)


def runs_on(process: psutil.Process) -> bool:
    """Tell whether a process still does anything."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


GOING = (RunStatus.QUEUED, RunStatus.STARTING, RunStatus.RUNNING)


def _sleeps(pid: int) -> bool:
    """Tell whether every thread of a process is stopped (proc(5): state T, after the name)."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(one.read_text().rpartition(")")[2].split()[0] == "T" for one in threads)


def _leads_a_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False
