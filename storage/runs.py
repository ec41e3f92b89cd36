"""Runs as a person meets them: queued, stopped, resumed, listed; workers go by `attempts`."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit, earlier_specs, events, ids, owned, run_moves, specs
from storage.audit import Action
from storage.database import Database
from storage.errors import Fault, Refused, StudioError
from storage.specs import RunSpec
from storage.status import ACTIVE, RESUMABLE, RunStatus, StopRequest
from storage.tables import AttemptRow, BaseModelRow, DatasetRow, RunRow, now


class Run(BaseModel):
    """A run as the rest of the studio sees it.

    Units: `seconds` is the time spent training over all attempts, `memory_bytes` the peak.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    name: str
    created_at: datetime
    deleted_at: datetime | None
    status: RunStatus
    stage: str
    progress: float
    attempt: int
    crashes: int
    worker: str | None
    error: str | None
    hint: str | None
    spec: Annotated[RunSpec, BeforeValidator(earlier_specs.read)]
    dataset_id: str
    base_model_id: str
    stop_request: StopRequest | None
    step: int
    total_steps: int
    checkpoint_step: int
    best_step: int | None
    tokens_per_second: float | None
    memory_bytes: int | None
    seconds: float
    facts: dict[str, Any] | None
    adapter_id: str | None
    halvings: int
    priority: int
    place: float
    after_run_id: str | None
    after_finished: bool
    planned_seconds: float | None
    planned_bytes: int | None
    device: str | None
    sweep_id: str | None
    trial: int | None
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def is_active(self) -> bool:
        """Tell whether a worker is at it."""
        return self.status in ACTIVE

    @property
    def is_resumable(self) -> bool:
        """Tell whether a person may put it back into the queue."""
        return self.status in RESUMABLE


def add(database: Database, owner: str, spec: RunSpec) -> Run:
    """Put a run into the queue. Raises NotFound where its dataset or base model is not there."""
    with database.write() as session:
        return Run.model_validate(new_row(session, owner, spec))


def new_row(session: Session, owner: str, spec: RunSpec) -> RunRow:
    """Make the row of a queued run, in the transaction of who asks for it. Raises as `add`."""
    owned.one(session, DatasetRow, owner, spec.dataset_id)
    owned.one(session, BaseModelRow, owner, spec.base_model_id)
    row = RunRow(
        id=ids.new("run"),
        owner=owner,
        name=spec.name,
        spec=spec.model_dump(mode="json"),
        dataset_id=spec.dataset_id,
        base_model_id=spec.base_model_id,
        status=RunStatus.QUEUED,
    )
    session.add(row)
    session.flush()
    told = {"name": row.name, "dataset": row.dataset_id, "base_model": row.base_model_id}
    audit.note(session, owner, Action.STARTED, row.id, told)
    return row


def get(database: Database, owner: str, run_id: str) -> Run:
    """Return one run. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return Run.model_validate(owned.one(session, RunRow, owner, run_id))


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[Run]:
    """Return a person's runs, newest first; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, RunRow, owner, deleted=deleted)
        return [Run.model_validate(row) for row in rows]


def request_stop(database: Database, owner: str, run_id: str, request: StopRequest) -> Run:
    """Ask a run to stop; one that still waits stops at once, a stopped one may be discarded.

    Raises:
        NotFound: there is no such run of that owner.
        StudioError: the run has ended, so there is nothing to stop.
    """
    with database.write() as session:
        row = owned.one(session, RunRow, owner, run_id)
        if row.status in ACTIVE:
            row.stop_request = request
        else:
            run_moves.end(session, row, run_moves.AFTER[request], "by request")
        told = {"name": row.name, "step": row.step, "request": request}
        audit.note(session, owner, Action.STOPPED, run_id, told)
        return Run.model_validate(row)


def resume(database: Database, owner: str, run_id: str) -> Run:
    """Put a stopped or failed run back into the queue; it goes on from its last checkpoint.

    Raises:
        NotFound: there is no such run of that owner.
        StudioError: the run is not one that can go on.
    """
    with database.write() as session:
        row = owned.one(session, RunRow, owner, run_id)
        if row.status not in RESUMABLE:  # only a worker puts back one under way
            raise StudioError(f"This run is {row.status}; there is nothing to resume.")
        _queue_up(row)
        told = {"name": row.name, "step": row.checkpoint_step}
        audit.note(session, owner, Action.RESUMED, run_id, told)
        return Run.model_validate(row)


EXTENDED = "extended"
"""Kind of the event that tells of a longer course: the lengths before and after, and the step."""


def extend(
    database: Database,
    owner: str,
    run_id: str,
    *,
    epochs: float | None = None,
    max_steps: int | None = None,
) -> Run:
    """Put a finished run back into the queue with a longer course; it goes on where it ended.

    Args:
        database: the studio's.
        owner: whose run.
        run_id: the run.
        epochs: readings of the data in all; None: `max_steps` says how long.
        max_steps: steps in all; None: `epochs` says how long.

    Raises:
        NotFound: there is no such run of that owner.
        Refused: the length is out of its limits, or no longer than what lies behind the run.
        StudioError: the run has not finished, or cannot be extended.
    """
    with database.write() as session:
        row = owned.one(session, RunRow, owner, run_id)
        run = Run.model_validate(row)
        _require_extendable(run)
        changes = {"max_steps": max_steps} if epochs is None else {"epochs": epochs}
        spec = specs.parse({**run.spec.model_dump(mode="json"), "max_steps": None, **changes})
        _require_longer(run, spec)
        before, after = ({"epochs": one.epochs, "max_steps": one.max_steps}
                         for one in (run.spec, spec))  # fmt: skip
        row.spec = spec.model_dump(mode="json")
        words = f"It was asked to train longer after step {run.step}: {_length(spec)} in all."
        events.note(session, row, EXTENDED, words, before=before, after=after, step=run.step)
        _queue_up(row)
        told = {"name": row.name, "before": before, "after": after}
        audit.note(session, owner, Action.EXTENDED, run_id, told)
        return Run.model_validate(row)


def _require_extendable(run: Run) -> None:
    if run.status is not RunStatus.FINISHED:
        raise StudioError(
            f"This run is {run.status}; only a finished one can train longer.",
            "Resume it instead." if run.is_resumable else "",
        )
    if run.spec.adapter == "adalora":
        raise StudioError(
            "AdaLoRA shares out its room over the whole course, which is over.",
            "Start a new run that goes on from this add-on.",
        )


def _require_longer(run: Run, spec: RunSpec) -> None:
    """Refuse a course that ends where the run has been already."""
    if spec.max_steps is not None:
        if spec.max_steps <= run.step:
            raise Refused([Fault("max_steps", f"Choose more than {run.step}: so many are done.")])
    elif run.spec.max_steps is None and run.total_steps:
        steps = run.total_steps / run.spec.epochs * spec.epochs
        if steps < run.step + 1:
            readings = f"{run.step / run.total_steps * run.spec.epochs:.3g}"
            raise Refused([Fault("epochs", f"Choose more than {readings}: so many are done.")])


def _length(spec: RunSpec) -> str:
    return f"{spec.max_steps} steps" if spec.max_steps else f"{spec.epochs:g} readings of the data"


def _queue_up(row: RunRow) -> None:
    """Put a run that has ended back into the queue, behind those that wait."""
    run_moves.move(row, RunStatus.QUEUED)
    row.crashes, row.stop_request, row.error, row.hint = 0, None, None, None
    row.queued_at, row.ended_at, row.stage = now(), None, ""
    row.place = row.queued_at.timestamp()


def attempts(database: Database, run_id: str) -> list[dict[str, Any]]:
    """Return a run's attempts in order: attempt, resumed_step, started_at, ended_at, outcome."""
    names = ("attempt", "resumed_step", "started_at", "ended_at", "outcome")
    with database.read() as session:
        query = select(AttemptRow).where(AttemptRow.run_id == run_id)
        rows = session.scalars(query.order_by(AttemptRow.attempt))
        return [{name: getattr(row, name) for name in names} for row in rows]
