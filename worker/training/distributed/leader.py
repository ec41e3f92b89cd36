"""Leads the processes that train a run: starts them, passes on a stop, ends all when one ends.

The leader computes nothing: neither a card nor a thread pool of torch's is in use when it forks.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

from torch import distributed

from storage.errors import StudioError
from worker.training.distributed import member
from worker.training.distributed.member import Place, Word, Work
from worker.training.job import Outcome
from worker.training.journal import journal

PATIENCE = 1200.0
"""Seconds that a process waits for the others: longer than the first one takes to save anything."""

LOST = 76
"""Exit code where the processes lost each other and none of them says why (EX_PROTOCOL)."""

_LAST_WORDS = 3.0
"""Seconds in which the others may say what they died of, once one has said something."""

_LOST_A_PEER = ("gloo", "Connection closed by peer", "Connection reset by peer")


@dataclass
class Member:
    """A process that takes part, and what was heard of it."""

    process: BaseProcess
    door: Connection
    word: Word | None = None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it lives."""
        return self.process.exitcode


def lead(work: Work, count: int, patience: float = PATIENCE) -> Outcome:
    """Let so many processes do a piece of work; returns the outcome that the first one tells.

    SIGTERM is passed on to the first process, which agrees with the others on the step to stop at.

    Raises:
        StudioError, or another error: what went wrong first in one of them.
        SystemExit: it ended by itself, with its exit code; this process dies of the signal that a
            process of the run died of, so that it counts as a crash.
    """
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        places = [Place(n, count, Path(folder) / "meeting", patience) for n in range(count)]
        members = [_start(place, work) for place in places]
        try:
            with _passing_on(members[0]):
                _listen(members)
            codes = [one.code for one in members]
        finally:
            for one in members:
                one.process.kill()
            for one in members:
                one.process.join()
    return _judged(members, codes)


def _start(place: Place, work: Work) -> Member:
    ours, theirs = multiprocessing.Pipe(duplex=False)
    context: Any = multiprocessing.get_context("fork")
    process = context.Process(target=member.take_part, args=(place, work, theirs))
    process.start()
    theirs.close()
    return Member(process, ours)


@contextmanager
def _passing_on(first: Member) -> Iterator[None]:
    """Pass SIGTERM on to a process while in here."""

    def pass_on(number: int, _frame: object) -> None:
        if first.code is None and first.process.pid is not None:
            os.kill(first.process.pid, number)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _listen(members: list[Member]) -> None:
    """Return when the first process has told its outcome, or when one has failed."""
    while not members[0].word:
        _hear(members, None)
        if any(_has_failed(one) for one in members):
            until = time.monotonic() + _LAST_WORDS
            while any(one.code is None for one in members) and time.monotonic() < until:
                _hear(members, max(0.0, until - time.monotonic()))
            return


def _hear(members: list[Member], seconds: float | None) -> None:
    doors = {one.door: one for one in members if not one.door.closed}
    living = {one.process.sentinel: one for one in members if one.code is None}
    for heard in wait([*doors, *living], seconds):
        if heard in doors:
            _take_word(doors[heard])
        else:
            living[heard].process.join()  # type: ignore[index]


def _take_word(one: Member) -> None:
    try:
        one.word = one.door.recv()
    except EOFError:  # it ended; its exit code says the rest
        one.door.close()


def _has_failed(one: Member) -> bool:
    return isinstance(one.word, BaseException) or (one.code not in (None, 0) and one.word is None)


def _judged(members: list[Member], codes: list[int | None]) -> Outcome:
    """Return the first one's outcome, or end as the process ended that something happened to."""
    if isinstance(members[0].word, Outcome):
        return members[0].word
    errors = [one.word for one in members if isinstance(one.word, BaseException)]
    causes = [error for error in errors if not _is_lost_peer(error)]
    deaths = [code for code in codes if code]
    told = [error for error in causes if isinstance(error, StudioError)]
    if told or (causes and not deaths):
        raise (told or causes)[0]
    return _die_as(min(deaths, default=LOST))


def _is_lost_peer(error: BaseException) -> bool:
    """Tell whether an error says no more than that another process is gone, or does not answer."""
    is_known = isinstance(error, RuntimeError) and any(word in str(error) for word in _LOST_A_PEER)
    return is_known or isinstance(error, distributed.DistError)


def _die_as(code: int) -> NoReturn:
    """End this process in the way of another: its supervisor takes the run up again, or knows."""
    journal.warning("one of the processes of this run has ended; it goes on from what was saved")
    sys.stdout.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    sys.exit(code)
