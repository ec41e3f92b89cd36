"""Runs: queued, claimed, moved by compare-and-set, stopped, resumed and recovered."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import ids, leases, owned
from storage.database import Database
from storage.errors import StudioError
from storage.specs import RunSpec
from storage.status import ACTIVE, RESUMABLE, RUN_MOVES, RunStatus, StopRequest, WorkStatus
from storage.tables import AdapterRow, AttemptRow, BaseModelRow, DatasetRow, RunRow, now

MOST_CRASHES = 3
"""So often is a run taken up again that dies without having saved anything new."""

_NEEDED: tuple[Any, Any] = (DatasetRow, BaseModelRow)
_AFTER = {StopRequest.KEEP: RunStatus.STOPPED, StopRequest.DISCARD: RunStatus.DISCARDED}


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
    spec: RunSpec
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
        return Run.model_validate(row)


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
            _end(session, row, _AFTER[request], "by request")
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
        _move(row, RunStatus.QUEUED)
        row.crashes, row.stop_request, row.error, row.hint = 0, None, None, None
        row.queued_at, row.ended_at, row.stage = now(), None, ""
        return Run.model_validate(row)


# What the worker does.


def claim(database: Database, worker: str, seconds: float) -> Run | None:
    """Open an attempt at the next run whose data and base model are ready; None where none is."""
    with database.write() as session:
        row = leases.take(
            session,
            RunRow,
            RunRow.id == _ready().limit(1).scalar_subquery(),
            (RunStatus.QUEUED, RunStatus.STARTING),
        )
        if row is None:
            return None
        row.worker, row.lease_until = worker, leases.until(seconds)
        row.stage, row.started_at = "starting", row.started_at or now()
        session.add(AttemptRow(run_id=row.id, attempt=row.attempt, worker=worker))
        return Run.model_validate(row)


def anything_ready(database: Database) -> bool:
    """Tell whether a queued run could start now."""
    with database.read() as session:
        return session.scalars(_ready().limit(1)).first() is not None


def begin(database: Database, run_id: str, attempt: int) -> None:
    """Note that the child is training. Raises Superseded."""
    with database.write() as session:
        _move(leases.guard(session, RunRow, run_id, attempt), RunStatus.RUNNING)


def heartbeat(database: Database, run_id: str, attempt: int, seconds: float) -> StopRequest | None:
    """Extend the lease; returns what a person has asked of the run. Raises Superseded."""
    with database.write() as session:
        row = leases.extend(session, RunRow, run_id, attempt, leases.until(seconds))
        return StopRequest(row.stop_request) if row.stop_request else None


def end(
    database: Database, run_id: str, attempt: int, status: RunStatus, outcome: str, hint: str = ""
) -> Run:
    """End an attempt as FINISHED, STOPPED, FAILED or DISCARDED. Raises Superseded."""
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        row.error, row.hint = (outcome, hint) if status is RunStatus.FAILED else (None, None)
        _end(session, row, status, outcome)
        return Run.model_validate(row)


def put_back(database: Database, run_id: str, attempt: int, reason: str) -> Run:
    """Put a run back into the queue whose child has died. Raises Superseded."""
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        _put_back(session, row, reason)
        return Run.model_validate(row)


def release(database: Database, run_id: str, attempt: int) -> None:
    """Let a run go in an orderly shutdown, which is no crash: back, or ended as a person asked."""
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        _end(session, row, _asked(row) or RunStatus.QUEUED, "the worker was shut down")


def recover(database: Database) -> list[str]:
    """Put runs back into the queue whose worker is gone; returns their ids."""
    with database.write() as session:
        rows = leases.orphans(session, RunRow, ACTIVE)
        for row in rows:
            _put_back(session, row, "the worker process ended")
        return [row.id for row in rows]


def fail_hopeless(database: Database) -> list[str]:
    """Fail queued runs whose data or base model could not be prepared, or was deleted."""
    with database.write() as session:
        rows = session.scalars(_hopeless()).all()
        for row in rows:
            row.error = "The data or the base model of this run could not be prepared."
            row.hint = "Look at the Data and Models pages, then duplicate the run."
            _end(session, row, RunStatus.FAILED, "not prepared")
        return [row.id for row in rows]


def attempts(database: Database, run_id: str) -> list[dict[str, Any]]:
    """Return a run's attempts in order: attempt, resumed_step, started_at, ended_at, outcome."""
    names = ("attempt", "resumed_step", "started_at", "ended_at", "outcome")
    with database.read() as session:
        query = select(AttemptRow).where(AttemptRow.run_id == run_id)
        rows = session.scalars(query.order_by(AttemptRow.attempt))
        return [{name: getattr(row, name) for name in names} for row in rows]


def _ready() -> Any:
    return (
        select(RunRow.id)
        .join(DatasetRow, DatasetRow.id == RunRow.dataset_id)
        .join(BaseModelRow, BaseModelRow.id == RunRow.base_model_id)
        .where(
            RunRow.status == RunStatus.QUEUED,
            RunRow.deleted_at.is_(None),
            *(table.status == WorkStatus.READY for table in _NEEDED),
            *(table.deleted_at.is_(None) for table in _NEEDED),
        )
        .order_by(RunRow.queued_at, RunRow.id)
    )


def _hopeless() -> Any:
    data, model = ((t.status == WorkStatus.FAILED) | t.deleted_at.is_not(None) for t in _NEEDED)
    return (
        select(RunRow)
        .join(DatasetRow, DatasetRow.id == RunRow.dataset_id)
        .join(BaseModelRow, BaseModelRow.id == RunRow.base_model_id)
        .where(RunRow.status == RunStatus.QUEUED, RunRow.deleted_at.is_(None), data | model)
    )


def _put_back(session: Session, row: RunRow, reason: str) -> None:
    row.crashes = 0 if _got_further(session, row) else row.crashes + 1
    asked = _asked(row)
    if asked is not None:
        _end(session, row, asked, reason)
    elif row.crashes < MOST_CRASHES:
        _end(session, row, RunStatus.QUEUED, reason)
    else:
        row.error = f"The training process ended {row.crashes} times without getting any further."
        row.hint = f"Last time: {reason}. Look at the log; a smaller batch or length often helps."
        _end(session, row, RunStatus.FAILED, reason)


def _got_further(session: Session, row: RunRow) -> bool:
    """Tell whether the attempt has saved a step beyond the one it went on from."""
    began = session.get_one(AttemptRow, (row.id, row.attempt)).resumed_step
    return began is not None and row.checkpoint_step > began


def _asked(row: RunRow) -> RunStatus | None:
    """Return the status that a person's stop request leads to; None where there is none."""
    return None if row.stop_request is None else _AFTER[StopRequest(row.stop_request)]


def _end(session: Session, row: RunRow, status: RunStatus, outcome: str) -> None:
    """Move a run out of its attempt: one that goes on keeps its place, a discarded one nothing."""
    _move(row, status)
    row.ended_at = None if status is RunStatus.QUEUED else now()
    row.stop_request, row.stage = None, ""
    leases.release(row)
    attempt = session.get(AttemptRow, (row.id, row.attempt))
    if attempt is not None and attempt.ended_at is None:
        attempt.ended_at, attempt.outcome = now(), outcome
    kept = session.get(AdapterRow, row.adapter_id) if row.adapter_id else None
    if kept is not None and status is RunStatus.DISCARDED:
        kept.deleted_at, row.adapter_id = now(), None


def _move(row: RunRow, target: RunStatus) -> None:
    """Move a run; the write lock of the transaction makes this a compare-and-set."""
    if target not in RUN_MOVES[RunStatus(row.status)]:
        raise StudioError(f"This run is {row.status}; it cannot become {target} now.")
    row.status = target
