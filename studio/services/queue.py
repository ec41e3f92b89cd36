"""The queue as a person sees it: who waits, for whom, until when; and what they may change."""

import heapq
from dataclasses import dataclass

from storage import queue, queue_moves, runs
from storage.errors import Fault, NotFound, Refused
from storage.queue import Pause
from storage.queue_moves import PRIORITIES, Side
from storage.runs import Run
from storage.status import RunStatus
from studio.services import runs as started
from studio.services.studio import Studio


@dataclass(frozen=True)
class Before:
    """The run that another waits for.

    Attributes:
        id: its id.
        name: what it is called; the id where it is not there any more.
        status: where it stands; None: it is not there any more.
        only_finished: whether it must finish, not only end.
        in_vain: whether it has ended otherwise, so that the wait has no end by itself.
    """

    id: str
    name: str
    status: RunStatus | None
    only_finished: bool
    in_vain: bool


@dataclass(frozen=True)
class Waiting:
    """A run that waits.

    Attributes:
        run: the run.
        priority: what a person calls it.
        before: the run it waits for; None: it starts when it is its turn.
        starts_in: seconds until it may start; None: nobody knows.
    """

    run: Run
    priority: str
    before: Before | None
    starts_in: float | None


@dataclass(frozen=True)
class Line:
    """The queue: its pause, if it is paused, and who waits in order."""

    pause: Pause | None
    waiting: list[Waiting]


def line(studio: Studio, owner: str) -> Line:
    """Return the queue of a person's runs."""
    pause = queue.paused(studio.database)
    waiting = queue_moves.line(studio.database, owner)
    befores = [_before(studio, owner, run) for run in waiting]
    found = starts(queue_moves.under_way(studio.database, owner), waiting, befores)
    told = [None] * len(waiting) if pause else found
    names = [queue_moves.priority_name(run.priority) for run in waiting]
    return Line(pause, [Waiting(*each) for each in zip(waiting, names, befores, told, strict=True)])


def pause(studio: Studio, owner: str) -> None:
    """Start no further run until `proceed`; those under way go on."""
    queue.pause(studio.database, owner)


def proceed(studio: Studio) -> None:
    """End the pause of the queue."""
    queue.proceed(studio.database)
    studio.doorbell.ring()


def move(studio: Studio, owner: str, run_id: str, side: str, other_id: str | None) -> Run:
    """Move a waiting run beside another, or to an end of the line where `other_id` is None.

    Raises:
        NotFound: there is no such run of that owner.
        Refused: the side is none, or it needs another run.
        StudioError: one of them waits no more.
    """
    runs.get(studio.database, owner, run_id)
    sides = (Side.BEFORE, Side.BEHIND) if other_id is not None else (Side.FRONT, Side.BACK)
    if side not in sides:
        raise Refused([Fault("side", f"Must be {' or '.join(sides)} here.")])
    if other_id is None:
        return queue_moves.to_end(studio.database, owner, run_id, Side(side))
    return queue_moves.beside(studio.database, owner, run_id, Side(side), other_id)


def set_priority(studio: Studio, owner: str, run_id: str, priority: str) -> Run:
    """Give a waiting run a priority: low, normal or high. Raises as `move`."""
    runs.get(studio.database, owner, run_id)
    if priority not in PRIORITIES:
        raise Refused([Fault("priority", f"Must be one of {', '.join(PRIORITIES)}.")])
    return queue_moves.set_priority(studio.database, owner, run_id, PRIORITIES[priority])


def run_after(
    studio: Studio, owner: str, run_id: str, other_id: str | None, *, only_finished: bool = False
) -> Run:
    """Let a waiting run wait for another; None: it may start when it is its turn.

    Raises:
        NotFound: there is no such run of that owner.
        StudioError: it waits no more, the other has ended, or they would wait for each other.
    """
    run = queue_moves.run_after(
        studio.database, owner, run_id, other_id, only_finished=only_finished
    )
    studio.doorbell.ring()
    return run


def again(studio: Studio, owner: str, run_id: str) -> Run:
    """Start a new run with the settings of another. Raises NotFound, Refused."""
    values = started.duplicate(studio, owner, run_id).model_dump(mode="json")
    return started.start(studio, owner, values, moments=started.CLICKS)


def starts(
    under_way: list[Run], waiting: list[Run], befores: list[Before | None]
) -> list[float | None]:
    """Return in how many seconds each waiting run may start, by what those before it still take.

    As many train at once as do now, at least one.
    """
    unknown = float("inf")
    ends = {run.id: _left(run) for run in under_way}
    free = [unknown if seconds is None else seconds for seconds in ends.values()] or [0.0]
    heapq.heapify(free)
    found: list[float | None] = []
    for run, before in zip(waiting, befores, strict=True):
        begins = max(heapq.heappop(free), _ends(ends, before))
        lasts = _left(run)
        end = ends[run.id] = begins + (unknown if lasts is None else lasts)
        heapq.heappush(free, end)
        found.append(begins if begins < unknown else None)
    return found


def _ends(ends: dict[str, float | None], before: Before | None) -> float:
    """Return in how many seconds the run that is waited for ends."""
    if before is None or before.status is None:
        return 0.0
    if before.in_vain:
        return float("inf")
    seconds = ends.get(before.id, 0.0)
    return float("inf") if seconds is None else seconds


def _left(run: Run) -> float | None:
    """Return the seconds that a run still takes: by its pace so far, else by its plan."""
    if run.step and run.seconds and run.total_steps:
        return run.seconds / run.step * max(0, run.total_steps - run.step)
    return run.planned_seconds


def _before(studio: Studio, owner: str, run: Run) -> Before | None:
    if run.after_run_id is None:
        return None
    try:
        other = runs.get(studio.database, owner, run.after_run_id)
    except NotFound:
        return Before(run.after_run_id, run.after_run_id, None, run.after_finished, False)
    ended = other.status is not RunStatus.QUEUED and not other.is_active
    in_vain = run.after_finished and ended and other.status is not RunStatus.FINISHED
    return Before(other.id, other.name, other.status, run.after_finished, in_vain)
