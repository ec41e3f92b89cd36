"""Runs over HTTP: plan, start, stop, resume, and read their curves and log."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict

from storage.errors import Fault, StudioError
from storage.runs import Run
from storage.specs import RunSpec
from storage.status import RunStatus, StopRequest
from studio.api.bodies import JsonObject, documented
from studio.api.errors import Unreadable
from studio.api.person import Here, Person
from studio.services import plans, runs

router = APIRouter(prefix="/runs", tags=["runs"])

_SPEC = documented(RunSpec.model_json_schema())


class RunAnswer(BaseModel):
    """A run.

    `seconds` is the time spent training, `seconds_left` what the pace so far promises,
    `memory_bytes` the peak; all None or 0 while they cannot be known.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    status: RunStatus
    stage: str
    progress: float
    step: int
    total_steps: int
    dataset_id: str
    base_model_id: str
    adapter_id: str | None
    spec: RunSpec
    attempt: int
    stop_request: StopRequest | None
    error: str | None
    hint: str | None
    sweep_id: str | None
    trial: int | None
    best_step: int | None
    checkpoint_step: int
    tokens_per_second: float | None
    memory_bytes: int | None
    seconds: float
    seconds_left: float | None = None
    can_resume: bool = False
    facts: dict[str, Any] | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ReasonAnswer(BaseModel):
    """Why the preset gives a setting its value: one plain sentence."""

    model_config = ConfigDict(from_attributes=True)

    field: str
    value: Any
    words: str


class ChangeAnswer(BaseModel):
    """The one change that makes a run fit."""

    model_config = ConfigDict(from_attributes=True)

    values: dict[str, Any]
    words: str
    memory_bytes: int


class MemoryAnswer(BaseModel):
    """What a run takes, in bytes; `is_tried`: by a trial step, else from the model's sizes."""

    model_config = ConfigDict(from_attributes=True)

    total: int
    parts: dict[str, int]
    is_tried: bool
    room: int | None
    fit: str | None
    change: ChangeAnswer | None


class PlanAnswer(BaseModel):
    """What would happen; only `faults` keep a run from starting. None: not known yet."""

    model_config = ConfigDict(from_attributes=True)

    faults: list[Fault]
    warnings: list[Fault]
    effective_batch: int | None
    steps: int | None
    tokens: int | None
    seconds: float | None
    memory_bytes: int | None
    memory: MemoryAnswer | None
    reasons: list[ReasonAnswer]


class PointAnswer(BaseModel):
    """One point of a curve; `at` is in seconds since 1970, `value` None where it was no number."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    step: int
    value: float | None
    at: float


class NewsAnswer(BaseModel):
    """What is new; points after the step `reset_after` (where not None) no longer count."""

    model_config = ConfigDict(from_attributes=True)

    points: list[PointAnswer]
    cursor: str
    reset_after: int | None


class Columns(BaseModel):
    """One curve: its steps, and a value for each (None where it was no number)."""

    model_config = ConfigDict(from_attributes=True)

    steps: list[int]
    values: list[float | None]


class CurvesAnswer(BaseModel):
    """Whole curves by name, at most 1,000 points each; `/metrics?after=cursor` goes on."""

    curves: dict[str, Columns]
    cursor: str


class Ranks(BaseModel):
    """The ranks after a step, in the order of the layers."""

    step: int
    ranks: list[int]


class RanksAnswer(BaseModel):
    """The ranks of the layers over the steps; empty where the rank does not adapt."""

    layers: list[str] = []
    steps: list[Ranks] = []


class LogAnswer(BaseModel):
    """A piece of the log and the offset in bytes to go on from."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    offset: int


class AttemptAnswer(BaseModel):
    """One start of a run; `resumed_step` None: from the beginning."""

    attempt: int
    resumed_step: int | None
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None


@router.post("", status_code=201, openapi_extra=_SPEC)
def start(
    studio: Here,
    owner: Person,
    values: JsonObject,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> RunAnswer:
    """Put a run into the queue; 422 names every fault by field.

    A request that is sent again with the same Idempotency-Key is given the same run.
    """
    return answered(runs.start(studio, owner, values, key=idempotency_key))


@router.post("/plan", openapi_extra=_SPEC)
def plan(studio: Here, owner: Person, values: JsonObject) -> PlanAnswer:
    """Say what would happen; changes nothing."""
    return PlanAnswer.model_validate(plans.plan(studio, owner, values))


@router.get("/{run_id}")
def details(studio: Here, owner: Person, run_id: str) -> RunAnswer:
    """Show one run."""
    return answered(runs.get(studio, owner, run_id))


@router.post("/{run_id}/stop")
def stop(studio: Here, owner: Person, run_id: str) -> RunAnswer:
    """Stop a run and keep what it learned."""
    return answered(runs.stop(studio, owner, run_id))


@router.post("/{run_id}/discard")
def discard(studio: Here, owner: Person, run_id: str) -> RunAnswer:
    """Stop a run and throw away what it learned."""
    return answered(runs.discard(studio, owner, run_id))


@router.post("/{run_id}/resume")
def resume(studio: Here, owner: Person, run_id: str) -> RunAnswer:
    """Let a stopped or failed run go on from its last checkpoint."""
    return answered(runs.resume(studio, owner, run_id))


@router.post("/{run_id}/duplicate")
def duplicate(studio: Here, owner: Person, run_id: str) -> RunSpec:
    """Return the run's settings under a new name; starts nothing."""
    return runs.duplicate(studio, owner, run_id)


@router.delete("/{run_id}", status_code=204)
def delete(studio: Here, owner: Person, run_id: str) -> None:
    """Delete a run from view; one that is under way is stopped."""
    runs.delete(studio, owner, run_id)


@router.post("/{run_id}/restore")
def restore(studio: Here, owner: Person, run_id: str) -> RunAnswer:
    """Bring a deleted run back."""
    runs.restore(studio, owner, run_id)
    return details(studio, owner, run_id)


@router.get("/{run_id}/metrics")
def metrics(studio: Here, owner: Person, run_id: str, after: str | None = None) -> NewsAnswer:
    """Give the points that are new after a cursor; without one, from the start."""
    runs.get(studio, owner, run_id)
    try:
        return NewsAnswer.model_validate(runs.news(studio, owner, run_id, after))
    except StudioError as error:
        raise Unreadable(error.message, error.hint) from error


@router.get("/{run_id}/curves")
def curves(studio: Here, owner: Person, run_id: str) -> CurvesAnswer:
    """Give the whole curves in few points, and the cursor to go on from."""
    found = runs.opening(studio, owner, run_id)
    columns = {curve.name: Columns.model_validate(curve) for curve in found.curves}
    return CurvesAnswer(curves=columns, cursor=found.cursor)


@router.get("/{run_id}/ranks")
def ranks(studio: Here, owner: Person, run_id: str) -> RanksAnswer:
    """Show how many directions each layer of an AdaLoRA run had, over its steps."""
    return RanksAnswer.model_validate(runs.ranks(studio, owner, run_id))


@router.get("/{run_id}/first-batch")
def first_batch(studio: Here, owner: Person, run_id: str) -> dict[str, Any]:
    """Show the first batch as the trainer was given it: `examples` with their `tokens`."""
    return runs.first_batch(studio, owner, run_id)


@router.get("/{run_id}/log")
def log(studio: Here, owner: Person, run_id: str, offset: int | None = None) -> LogAnswer:
    """Give the log from an offset in bytes on; without one, its end."""
    return LogAnswer.model_validate(runs.log(studio, owner, run_id, offset))


@router.get("/{run_id}/attempts")
def attempts(studio: Here, owner: Person, run_id: str) -> list[AttemptAnswer]:
    """List the starts of a run: a resumed or recovered one has several."""
    found = runs.attempts(studio, owner, run_id)
    return [AttemptAnswer.model_validate(each) for each in found]


def answered(run: Run) -> RunAnswer:
    """Return a run as the API tells it."""
    answer = RunAnswer.model_validate(run)
    return answer.model_copy(
        update={"can_resume": run.is_resumable, "seconds_left": _seconds_left(run)}
    )


def _seconds_left(run: Run) -> float | None:
    if run.status is not RunStatus.RUNNING or not run.step or not run.seconds:
        return None
    return run.seconds / run.step * max(0, run.total_steps - run.step)
