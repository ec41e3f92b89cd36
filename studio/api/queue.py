"""The queue over HTTP: who waits until when, places, priorities, one after another, a pause."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from storage.status import RunStatus
from studio.api.person import Here, Person
from studio.api.runs import RunAnswer, answered
from studio.services import queue
from studio.services.queue import Line

router = APIRouter(tags=["queue"])

FIRST = 100
"""So many that wait are shown where nothing else is asked for."""


class PauseAnswer(BaseModel):
    """Who has paused the queue, and since when."""

    model_config = ConfigDict(from_attributes=True)

    by: str
    since: datetime


class BeforeAnswer(BaseModel):
    """The run that another waits for; `in_vain`: it has ended, and not as it should."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    status: RunStatus | None
    only_finished: bool
    in_vain: bool


class WaitingAnswer(BaseModel):
    """A run that waits; `starts_in` is in seconds, None where nobody knows."""

    run: RunAnswer
    priority: str
    before: BeforeAnswer | None
    starts_in: float | None


class QueueAnswer(BaseModel):
    """The first of the queue in their order, of `total`; `pause` None: it is not paused."""

    pause: PauseAnswer | None
    waiting: list[WaitingAnswer]
    total: int


class Move(BaseModel):
    """Where to: before or behind another run, or to the front or the back of the line."""

    model_config = ConfigDict(extra="forbid")

    side: Literal["before", "behind", "front", "back"]
    run_id: str | None = None


class Priority(BaseModel):
    """How early it starts."""

    model_config = ConfigDict(extra="forbid")

    priority: Literal["low", "normal", "high"]


class After(BaseModel):
    """The run to wait for, None: none; `only_finished`: it must finish, not only end."""

    model_config = ConfigDict(extra="forbid")

    run_id: str | None
    only_finished: bool = False


@router.get("/queue")
def listing(
    studio: Here, owner: Person, limit: Annotated[int, Query(ge=1, le=10_000)] = FIRST
) -> QueueAnswer:
    """Show the queue: its pause, and who waits in order, the first `limit` of them."""
    return _answer(queue.line(studio, owner), limit)


@router.post("/queue/pause")
def pause(studio: Here, owner: Person) -> QueueAnswer:
    """Start no further run until the queue goes on; those under way go on."""
    queue.pause(studio, owner)
    return _answer(queue.line(studio, owner), FIRST)


@router.post("/queue/proceed")
def proceed(studio: Here, owner: Person) -> QueueAnswer:
    """Let the queue go on."""
    queue.proceed(studio)
    return _answer(queue.line(studio, owner), FIRST)


@router.post("/runs/{run_id}/move")
def move(studio: Here, owner: Person, run_id: str, to: Move) -> QueueAnswer:
    """Move a waiting run; beside another it takes on that one's priority."""
    queue.move(studio, owner, run_id, to.side, to.run_id)
    return _answer(queue.line(studio, owner), FIRST)


@router.put("/runs/{run_id}/priority")
def set_priority(studio: Here, owner: Person, run_id: str, to: Priority) -> QueueAnswer:
    """Give a waiting run a priority."""
    queue.set_priority(studio, owner, run_id, to.priority)
    return _answer(queue.line(studio, owner), FIRST)


@router.put("/runs/{run_id}/after")
def run_after(studio: Here, owner: Person, run_id: str, to: After) -> QueueAnswer:
    """Let a waiting run wait until another has ended, or wait for none any more."""
    queue.run_after(studio, owner, run_id, to.run_id, only_finished=to.only_finished)
    return _answer(queue.line(studio, owner), FIRST)


@router.post("/runs/{run_id}/again", status_code=201)
def again(studio: Here, owner: Person, run_id: str) -> RunAnswer:
    """Start a new run with the same settings, from the beginning."""
    return answered(queue.again(studio, owner, run_id))


def _answer(line: Line, limit: int) -> QueueAnswer:
    return QueueAnswer(
        total=len(line.waiting),
        pause=PauseAnswer.model_validate(line.pause) if line.pause else None,
        waiting=[
            WaitingAnswer(
                run=answered(each.run),
                priority=each.priority,
                before=BeforeAnswer.model_validate(each.before) if each.before else None,
                starts_in=each.starts_in,
            )
            for each in line.waiting[:limit]
        ],
    )
