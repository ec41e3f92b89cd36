"""One of several processes that train a run: what it does first, and how it says what became of it.

It gets what `accelerate launch` hands to its processes, but the meeting point is a file: a port
could be taken by somebody else between choosing and using it.
"""

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from accelerate.utils import patch_environment
from torch import distributed

from storage.errors import StudioError
from worker.training.job import Outcome
from worker.training.journal import journal

Work = Callable[[], Outcome]
"""Trains the run's attempt in this process; all processes do the same."""

Word = Outcome | BaseException

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Place:
    """Which process this is.

    Attributes:
        number: from 0; the first one reports and saves.
        count: how many there are.
        meeting: a file that does not exist yet, where they find each other.
        patience: seconds after which a process that waits for another gives up.
    """

    number: int
    count: int
    meeting: Path
    patience: float


def take_part(place: Place, work: Work, door: Connection) -> None:
    """Do the work as one of several: the main of its process; the last thing is a word at the door.

    Only the first process's outcome is told; of the others only what went wrong.
    """
    _die_with_leader()
    if place.number > 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the first one tells when to stop
    try:
        word: Word = _settled(place, work)
    except Exception as error:  # noqa: BLE001  (the door of the process: the leader judges it)
        word = portable(error)
    if place.number == 0 or isinstance(word, BaseException):
        door.send(word)
    door.close()
    sys.stdout.flush()
    os._exit(0)  # the others may be gone: nothing is to be said to them any more


def portable(error: Exception) -> Exception:
    """Return an error that can be sent to another process, with its traceback as a note."""
    error.add_note("".join(traceback.format_exception(error)))
    error.__cause__ = error.__context__ = None
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  (whatever a library's error cannot do)
        if isinstance(error, StudioError):
            return StudioError(error.message, error.hint)
        return RuntimeError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
    return error


def _die_with_leader() -> None:
    """Let the kernel kill this process when the leader ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    leader = multiprocessing.parent_process()
    if leader is None or not leader.is_alive():  # it died before the kernel was asked
        os._exit(1)


def _settled(place: Place, work: Work) -> Outcome:
    threads = max(1, len(os.sched_getaffinity(0)) // place.count)
    torch.set_num_threads(threads)  # fixed, or sums round differently
    with patch_environment(**_told(place, threads)):
        return _met(place, work)


def _met(place: Place, work: Work) -> Outcome:
    on_card = torch.cuda.is_available()
    if on_card:
        _require_cards(place.count, torch.cuda.device_count())
        torch.cuda.set_device(place.number)
    distributed.init_process_group(
        "cuda:nccl,cpu:gloo" if on_card else "gloo",
        init_method=f"file://{place.meeting}",
        rank=place.number,
        world_size=place.count,
        timeout=timedelta(seconds=place.patience),
    )
    if place.number > 0:
        journal.disabled = True  # one tells for all
    return work()


def _require_cards(wanted: int, there: int) -> None:
    if wanted > there:
        raise StudioError(
            f"This run is set to use {wanted} graphics cards; {there} can be used here.",
            "Duplicate it with fewer cards to use together.",
        )


def _told(place: Place, threads: int) -> dict[str, object]:
    """Return what `accelerate launch` tells the libraries, by the names they look for."""
    told: dict[str, object] = {
        "rank": place.number,
        "local_rank": place.number,
        "world_size": place.count,
        "local_world_size": place.count,
        "omp_num_threads": threads,
        "fork_launched": 1,
    }
    if sys.platform == "linux":
        told["gloo_socket_ifname"] = "lo"  # they are on one machine, whatever its name leads to
    return told
