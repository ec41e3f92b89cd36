"""Small kinds of work for children that are real processes."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from storage import metrics
from storage.database import Database
from storage.errors import StudioError, Superseded
from storage.status import RunStatus, WorkStatus
from worker.endings import Ending
from worker.entries import Task


def finish(task: Task) -> Ending:
    """End well."""
    return Ending(RunStatus.FINISHED, "Done.")


def find(task: Task) -> Ending:
    """End well, with something found."""
    return Ending(WorkStatus.READY, found={"rows_good": 3, "shape": "messages"})


def refuse(task: Task) -> Ending:
    """Meet something that the person can change."""
    raise StudioError("The file is empty.", "Choose another.")


def stumble(task: Task) -> Ending:
    """Meet a bug."""
    raise KeyError("nobody foresaw this")


def be_superseded(task: Task) -> Ending:
    """Learn that another attempt has taken over."""
    raise Superseded("Attempt 1 is over.")


def leave(task: Task) -> Ending:
    """End without a word."""
    sys.stderr.write("OSError: [Errno 28] No space left on device\n")
    sys.stderr.flush()
    os._exit(3)


def hang(task: Task) -> Ending:
    """Never end, and do not listen either."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (task.folder / "hangs").touch()
    time.sleep(600)
    return finish(task)


def stand_still(task: Task) -> Ending:
    """Take three steps, then wait for a lock that nobody gives back."""
    database = Database(task.settings.database)
    key = (task.identifier, task.attempt)
    for step in (1, 2, 3):
        metrics.report(database, *key, [], stage="training", step=step)
        time.sleep(0.3)
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
    return finish(task)


def save_when_told(task: Task) -> Ending:
    """Work until SIGTERM, then save and let go."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    (task.folder / "listens").touch()
    while not told:
        time.sleep(0.02)
    return Ending(RunStatus.QUEUED, "Saved.")


def tell_and_wait(task: Task) -> Ending:
    """Tell which graphics cards are in sight, then work until SIGTERM."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    (task.folder / "listens").write_text(_environment().get("CUDA_VISIBLE_DEVICES", "all"))
    while not told:
        time.sleep(0.02)
    return Ending(RunStatus.QUEUED, "Saved.")


def describe(task: Task) -> Ending:
    """Tell what the process is like."""
    os.write(1, b"from the C library\n")
    sys.stdout.write("from Python\n")
    facts = {
        "pid": os.getpid(),
        "session": os.getsid(0),
        "folder": str(Path.cwd()),
        "environment": _environment(),
        "oom": Path("/proc/self/oom_score_adj").read_text().strip(),
        "token": task.settings.environment_hub_token,
    }
    return Ending(RunStatus.FINISHED, json.dumps(facts))


def _environment() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251  (it is what the test looks at)
