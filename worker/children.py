"""Child processes: forked from a warm parent or started fresh, watched, ended."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing import connection
from multiprocessing.process import BaseProcess

import structlog

from worker import entries
from worker.entries import Task

log = structlog.get_logger()

_MOMENT = 0.005  # seconds


class Child:
    """A process of its own for one task.

    Args:
        process: it has been started.
        guard: held while multiprocessing collects exit codes; two threads at once would lose one.
    """

    def __init__(self, process: BaseProcess, guard: threading.Lock) -> None:
        self._process = process
        self._guard = guard
        self.pid = process.pid or 0

    def wait(self, seconds: float) -> int | None:
        """Return the exit code (a signal's number negative); None if it still lives after that."""
        deadline = time.monotonic() + seconds
        if connection.wait([self._process.sentinel], seconds):  # it ends, but may not have ended
            while self.exit_code is None and time.monotonic() < deadline:
                time.sleep(_MOMENT)
        return self.exit_code

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it lives."""
        with self._guard:
            return self._process.exitcode

    def ask(self) -> None:
        """Ask it to save and end (SIGTERM)."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything it has started, at once (SIGKILL to its session)."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):  # it died before it had a session
                os.killpg(self.pid, signal.SIGKILL)


class Nursery:
    """Where children come from."""

    def __init__(self) -> None:
        self._warm = multiprocessing.get_context("forkserver")
        self._warm.set_forkserver_preload([entries.QUIET, entries.MAIN, entries.PRELOADED])
        self._fresh = multiprocessing.get_context("spawn")
        self._guard = threading.Lock()
        self._is_warm = threading.Event()

    @property
    def is_warm(self) -> bool:
        """Tell whether a warm child would start at once."""
        return self._is_warm.is_set()

    def warm_up(self) -> None:
        """Start the process that imports the training libraries, and wait until it has."""
        began = time.monotonic()
        first = self._warm.Process(target=entries.greet)
        try:
            first.start()
            first.join()
        except (OSError, EOFError) as error:  # the imports themselves ended the process
            log.error("training_libraries_not_loaded", reason=repr(error))
            return
        finally:
            self._is_warm.set()  # whatever is wrong, a run that starts will say it
        seconds = round(time.monotonic() - began, 1)
        log.info("training_libraries_loaded", seconds=seconds, preloaded=first.exitcode == 0)

    def start(self, task: Task) -> Child:
        """Start a child for a task; the thread that calls must live as long as the child.

        (The kernel's death signal comes when the thread ends that has started the process.)
        """
        context = self._warm if task.entry.warm else self._fresh
        process = context.Process(target=entries.enter, args=(task,), name=task.identifier)
        with self._guard:
            process.start()
        return Child(process, self._guard)
