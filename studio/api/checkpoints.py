"""Saved states of runs over HTTP, a longer course, and what happened to a run."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from storage.specs import RunSpec
from storage.status import RunStatus
from studio.api.person import Here, Person
from studio.api.runs import RunAnswer, answered
from studio.services import histories, runs, saved_states

router = APIRouter(tags=["runs"])


class StateAnswer(BaseModel):
    """A saved state; `kept_because` says why it cannot be deleted now (empty: it can)."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    step: int
    eval_loss: float | None
    bytes: int
    is_best: bool
    is_newest: bool
    is_published: bool
    kept_because: str


class StatesAnswer(BaseModel):
    """The saved states of a run, newest first, and the size of all."""

    states: list[StateAnswer]
    bytes: int


class SpaceAnswer(BaseModel):
    """What the saved states of a run take, and how much of that a clean-up would free."""

    model_config = ConfigDict(from_attributes=True)

    run_id: str
    name: str
    status: RunStatus
    count: int
    bytes: int
    freeable: int


class Cleaning(BaseModel):
    """The runs to clean up."""

    model_config = ConfigDict(extra="forbid")

    run_ids: list[str]


class Freed(BaseModel):
    """How much room a clean-up has made, in bytes."""

    bytes: int


class Longer(BaseModel):
    """The length of a course in all: readings of the data, or steps."""

    model_config = ConfigDict(extra="forbid")

    epochs: float | None = None
    max_steps: int | None = None


class HappeningAnswer(BaseModel):
    """One thing that happened to a run."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    kind: str
    words: str
    details: dict[str, Any] | None


@router.get("/runs/{run_id}/checkpoints")
def listing(studio: Here, owner: Person, run_id: str) -> StatesAnswer:
    """List a run's saved states, newest first."""
    found = saved_states.of_run(studio, owner, run_id)
    states = [StateAnswer.model_validate(state) for state in found]
    return StatesAnswer(states=states, bytes=sum(state.bytes for state in found))


@router.delete("/runs/{run_id}/checkpoints/{step}", status_code=204)
def delete(studio: Here, owner: Person, run_id: str, step: int) -> None:
    """Delete one saved state for good; the best one stays."""
    saved_states.delete(studio, owner, run_id, step)


@router.get("/runs/{run_id}/checkpoints/{step}/branch")
def branch(studio: Here, owner: Person, run_id: str, step: int) -> RunSpec:
    """Return settings with which a new run goes on from a saved state; starts nothing."""
    return saved_states.branch(studio, owner, run_id, f"checkpoint:{run_id}:{step}")


@router.post("/runs/{run_id}/extend")
def extend(studio: Here, owner: Person, run_id: str, longer: Longer) -> RunAnswer:
    """Let a finished run train longer; it goes on where it ended."""
    return answered(
        runs.extend(studio, owner, run_id, epochs=longer.epochs, max_steps=longer.max_steps)
    )


@router.get("/runs/{run_id}/events")
def events(studio: Here, owner: Person, run_id: str) -> list[HappeningAnswer]:
    """List what happened to a run, oldest first."""
    found = histories.of_run(studio, owner, run_id)
    return [HappeningAnswer.model_validate(one) for one in found]


@router.get("/saved-states")
def spaces(studio: Here, owner: Person) -> list[SpaceAnswer]:
    """List what the saved states of all runs take, the largest first."""
    return [SpaceAnswer.model_validate(one) for one in saved_states.spaces(studio, owner)]


@router.post("/saved-states/clean")
def clean(studio: Here, owner: Person, cleaning: Cleaning) -> Freed:
    """Delete what ended runs do not need; the best state of each stays."""
    return Freed(bytes=saved_states.clean(studio, owner, cleaning.run_ids))
