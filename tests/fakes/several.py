"""Small pieces of work for several processes, and a leader of them in a process of its own."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from storage.errors import StudioError
from storage.status import RunStatus
from worker.training.distributed import leader, together
from worker.training.job import Outcome

Work = Callable[[], Outcome]


def together_know() -> Outcome:
    """Tell what the processes know of each other."""
    last = together.highest(together.number())
    total = int(together.summed(torch.tensor(together.number() + 1)))
    words = together.told(lambda: f"{together.count()} processes, last {last:.0f}, sum {total}")
    return Outcome(RunStatus.FINISHED, words)


def one_complains() -> Outcome:
    """Let the last process refuse, while the first waits for it."""
    if not together.is_first():
        raise StudioError("This cannot be.", "Do something else.")
    together.wait()
    raise AssertionError("the others were waited for in vain")


def one_has_a_bug() -> Outcome:
    """Let the last process fail as no one foresaw, while the first waits for it."""
    if not together.is_first():
        raise KeyError("nobody thought of this")
    together.wait()
    raise AssertionError("the others were waited for in vain")


def one_is_killed() -> Outcome:
    """Let the last process be killed, while the first waits for it."""
    if not together.is_first():
        os.kill(os.getpid(), signal.SIGKILL)
    together.wait()
    raise AssertionError("the others were waited for in vain")


def one_hangs() -> Outcome:
    """Let the last process never come, while the first waits for it."""
    if not together.is_first():
        time.sleep(600)
    together.wait()
    raise AssertionError("the others were waited for in vain")


def asked_to_stop(listening: Path) -> Outcome:
    """Wait until SIGTERM comes, and agree with the others on when that was.

    Args:
        listening: a file that is there as soon as it may come.
    """
    came: list[int] = []
    if together.is_first():
        signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
        listening.touch()
    for step in range(3000):
        if together.agreed(len(came)):
            words = together.told(lambda step=step: f"step {step}")
            return Outcome(RunStatus.QUEUED, f"{words}, last {together.highest(step):.0f}")
        time.sleep(0.01)
    raise AssertionError("it never came")


def led(work: Work, patience: float, door: Connection) -> None:
    """Lead two processes and tell what came of it: the main of a process of its own."""
    try:
        door.send(leader.lead(work, 2, patience))
    except Exception as error:  # noqa: BLE001  (whatever it was is what the test asks for)
        door.send(error)


def start(work: Work, patience: float = 60.0) -> tuple[multiprocessing.Process, Connection]:
    """Return a process that leads two others, and where it tells what came of it."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["worker.training.preload"])
    process = context.Process(target=led, args=(work, patience, theirs))
    process.start()
    theirs.close()
    return process, ours
