"""Sweeps: a parent of runs that differ in a few settings, one trial after another."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit, ids, owned, run_moves, spaces
from storage.audit import Action
from storage.database import Database
from storage.errors import StudioError
from storage.spaces import Space
from storage.specs import RunSpec
from storage.status import ACTIVE, RunStatus, StopRequest
from storage.tables import BaseModelRow, DatasetRow, RunRow, SweepRow, now

UNDER_WAY = (RunStatus.QUEUED, *ACTIVE)
"""So stands the run of a trial that has not ended."""


class SweepStatus(StrEnum):
    """Where a sweep stands. STOPPED: by a person, or as it made no sense to go on; see `words`."""

    RUNNING = "running"
    STOPPED = "stopped"
    FINISHED = "finished"


class Sweep(BaseModel):
    """A sweep as the rest of the studio sees it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    name: str
    created_at: datetime
    deleted_at: datetime | None
    spec: RunSpec
    space: dict[str, Any]
    trials: int
    seed: int
    status: SweepStatus
    words: str
    ended_at: datetime | None

    @property
    def dimensions(self) -> Space:
        """Return what is varied, by setting."""
        return spaces.parse(self.space)


@dataclass(frozen=True)
class Wanted:
    """A sweep that a person asks for.

    Attributes:
        name: of the sweep; its trials are called after it.
        spec: what all trials have in common, and the first one altogether.
        space: what they differ in.
        trials: how many at most.
        seed: the same seed and the same results give the same trials.
    """

    name: str
    spec: RunSpec
    space: Space
    trials: int
    seed: int = 0


def add(database: Database, owner: str, wanted: Wanted) -> Sweep:
    """Begin a sweep; the worker adds its trials. Raises NotFound for data or a model not there."""
    with database.write() as session:
        _require(session, owner, wanted.spec)
        row = SweepRow(
            id=ids.new("sweep"),
            owner=owner,
            name=wanted.name,
            spec=wanted.spec.model_dump(mode="json"),
            space=spaces.plain(wanted.space),
            trials=wanted.trials,
            seed=wanted.seed,
            status=SweepStatus.RUNNING,
        )
        session.add(row)
        session.flush()
        told = {"name": row.name, "trials": row.trials}
        audit.note(session, owner, Action.STARTED, row.id, told)
        return Sweep.model_validate(row)


def get(database: Database, owner: str, sweep_id: str) -> Sweep:
    """Return one sweep. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return Sweep.model_validate(owned.one(session, SweepRow, owner, sweep_id))


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[Sweep]:
    """Return a person's sweeps, newest first; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, SweepRow, owner, deleted=deleted)
        return [Sweep.model_validate(row) for row in rows]


def running(database: Database) -> list[Sweep]:
    """Return everybody's sweeps that go on, the oldest first: one look at an index."""
    query = select(SweepRow).where(
        SweepRow.status == SweepStatus.RUNNING, SweepRow.deleted_at.is_(None)
    )
    with database.read() as session:
        rows = session.scalars(query.order_by(SweepRow.created_at, SweepRow.id))
        return [Sweep.model_validate(row) for row in rows]


def end(database: Database, sweep_id: str, status: SweepStatus, words: str) -> bool:
    """End a sweep that goes on; False where it did no more."""
    with database.write() as session:
        row = session.get_one(SweepRow, sweep_id)
        if row.status != SweepStatus.RUNNING:
            return False
        row.status, row.words, row.ended_at = status, words, now()
        return True


def stop(database: Database, owner: str, sweep_id: str, words: str) -> Sweep:
    """Stop a sweep and the trial that waits or trains; what it learned is kept.

    Raises:
        NotFound: there is no such sweep of that owner.
        StudioError: it has ended.
    """
    with database.write() as session:
        row = owned.one(session, SweepRow, owner, sweep_id)
        if row.status != SweepStatus.RUNNING:
            raise StudioError(f"This sweep has {row.status}; there is nothing to stop.")
        row.status, row.words, row.ended_at = SweepStatus.STOPPED, words, now()
        under_way = RunRow.status.in_(UNDER_WAY)
        for run in session.scalars(select(RunRow).where(RunRow.sweep_id == row.id, under_way)):
            _stop(session, run)
        audit.note(session, owner, Action.STOPPED, row.id, {"name": row.name})
        return Sweep.model_validate(row)


def go_on(database: Database, owner: str, sweep_id: str) -> Sweep:
    """Let a stopped sweep go on. Raises NotFound, StudioError where it was not stopped."""
    with database.write() as session:
        row = owned.one(session, SweepRow, owner, sweep_id)
        if row.status != SweepStatus.STOPPED:
            raise StudioError(f"This sweep is {row.status}; there is nothing to resume.")
        row.status, row.words, row.ended_at = SweepStatus.RUNNING, "", None
        audit.note(session, owner, Action.RESUMED, row.id, {"name": row.name})
        return Sweep.model_validate(row)


def _require(session: Session, owner: str, spec: RunSpec) -> None:
    owned.one(session, DatasetRow, owner, spec.dataset_id)
    owned.one(session, BaseModelRow, owner, spec.base_model_id)


def _stop(session: Session, run: RunRow) -> None:
    if run.status in ACTIVE:
        run.stop_request = run.stop_request or StopRequest.KEEP
    else:
        run_moves.end(session, run, RunStatus.STOPPED, "the sweep was stopped")
