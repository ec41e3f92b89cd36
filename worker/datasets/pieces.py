"""A large JSONL file in pieces: for two processes, and so that a killed one goes on from there.

Each piece is judged into a folder of its own, which gets its name only when it is complete. This
process takes the pieces from the front, the others from the back; whoever makes the file that
claims a piece judges it. A piece that a process left behind unfinished is judged by this one.
"""

import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import orjson

from worker.datasets.judging import Judging
from worker.datasets.output import Output
from worker.datasets.plan import Plan
from worker.datasets.sources import jsonl
from worker.datasets.tally import Tally

PIECE = 16_000_000  # bytes of a piece whose rows are judged many at once
_SLOWER = 4  # pieces of rows that are judged one by one are so many times shorter
_WORTH = 2  # pieces; a file of fewer is judged by one process
_TALLY = "tally.json"
_PAUSE = 0.02  # seconds between looks at what the others have finished

_FORK = multiprocessing.get_context("fork")
_SPAWN = multiprocessing.get_context("spawn")

Told = Callable[[int, Tally], None]


@dataclass(frozen=True)
class Pieces:
    """The pieces of one file.

    Attributes:
        source: the file.
        plan: how its rows are read.
        folder: where judged pieces are kept.
        ranges: the bytes of each piece, from the first up to, not including, the second.
    """

    source: Path
    plan: Plan
    folder: Path
    ranges: tuple[tuple[int, int], ...]

    def place(self, number: int) -> Path:
        """Where a judged piece is kept; its name says how it was read."""
        start, end = self.ranges[number]
        return self.folder / f"{self.plan.key}-{start}-{end}"

    def claim(self, number: int) -> bool:
        """Whether this process is the one to judge a piece."""
        if self.place(number).exists():
            return False
        try:
            os.close(os.open(self._claim(number), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def release(self) -> None:
        """Forgets the claims, and the half-done pieces, of processes that have ended."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob("claim-*"):
            left.unlink()
        for left in self.folder.glob("*.part"):
            shutil.rmtree(left)

    def _claim(self, number: int) -> Path:
        return self.folder / f"claim-{number}"


def are_worth_it(size: int, plan: Plan) -> bool:
    """Whether a file of so many bytes is long enough to be judged in pieces."""
    return size >= _WORTH * _length(plan)


def cut(source: Path, plan: Plan, folder: Path) -> Pieces:
    """The pieces of a plain JSONL file; those that `folder` has already are not judged again."""
    return Pieces(source, plan, folder, tuple(jsonl.ranges(source, _length(plan))))


def _length(plan: Plan) -> int:
    return PIECE if plan.quick() else PIECE // _SLOWER


def judge(pieces: Pieces, workers: int, output: Output, told: Told) -> Tally:
    """Judges all pieces with so many processes, this one among them, and joins them in order.

    Args:
        pieces: of one file.
        workers: processes; more than pieces are not started.
        output: gets the rows, faults and repairs of all pieces.
        told: gets the bytes judged so far, and their counts; may raise to cancel.
    """
    pieces.release()
    helpers = [_helper(pieces) for _ in range(min(workers, len(pieces.ranges)) - 1)]
    tally = Tally()
    try:
        for number in range(len(pieces.ranges)):
            _await(pieces, number, helpers, lambda read: told(read, tally))
            _join(pieces, number, output, tally)
    finally:
        for helper in helpers:
            helper.kill()
            helper.join()
    return tally


def help_out(pieces: Pieces) -> None:
    """What a second process does: judges unclaimed pieces from the back, while its parent lives."""
    for number in reversed(range(len(pieces.ranges))):
        if pieces.claim(number):
            _judge_one(pieces, number, lambda _read: _end_with_parent())


def _helper(pieces: Pieces) -> BaseProcess:
    """A fork starts at once; with other threads about, whose locks it would inherit, it may not."""
    process: BaseProcess
    if threading.active_count() == 1:
        process = _FORK.Process(target=help_out, args=(pieces,), daemon=True)
    else:
        process = _SPAWN.Process(target=help_out, args=(pieces,), daemon=True)
    process.start()
    return process


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)  # nobody waits for what is half done


def _await(
    pieces: Pieces, number: int, helpers: list[BaseProcess], told: Callable[[int], None]
) -> None:
    """Comes back when a piece is judged, by this process or another."""
    start, end = pieces.ranges[number]
    while not pieces.place(number).exists():
        alive = any(helper.is_alive() for helper in helpers)
        if pieces.claim(number) or (not alive and not pieces.place(number).exists()):
            _judge_one(pieces, number, lambda read: told(start + read))
            return
        told(start)
        time.sleep(_PAUSE)
    told(end)


def _judge_one(pieces: Pieces, number: int, told: Callable[[int], None]) -> None:
    place = pieces.place(number)
    half_done = place.with_name(place.name + ".part")
    shutil.rmtree(half_done, ignore_errors=True)  # of a process that was killed
    half_done.mkdir()
    plan, tally = pieces.plan, Tally()
    start, end = pieces.ranges[number]
    with Output(half_done, fingerprinted=False) as output:
        work = Judging(plan.reader(), plan.quick(), plan.target, output, tally)
        for batch in jsonl.batches(pieces.source, start, end):
            work.take(batch)
            told(batch.read)
    (half_done / _TALLY).write_bytes(orjson.dumps(tally.dump()))
    half_done.rename(place)


def _join(pieces: Pieces, number: int, output: Output, tally: Tally) -> None:
    place = pieces.place(number)
    lines_before = tally.last_line
    output.append(place, lines_before)
    tally.add(Tally.load(orjson.loads((place / _TALLY).read_bytes())), lines_before)
