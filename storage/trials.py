"""The trials of a sweep: runs like any other, each with what its exams said so far."""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage import events, runs
from storage.database import Database
from storage.runs import Run
from storage.specs import RunSpec
from storage.status import ACTIVE, RunStatus, StopRequest
from storage.sweeps import UNDER_WAY, Sweep, SweepStatus
from storage.tables import EventRow, MetricPointRow, RunRow, SweepRow

PRUNED = "pruned"
"""The kind of the event that tells of a trial that was ended early."""


class TrialState(StrEnum):
    """Where a trial stands. PRUNED: ended early, for others did better by then."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Trial:
    """One run of a sweep.

    Attributes:
        number: from 1.
        run: as it is now.
        state: what it counts as.
        exams: (step, evaluation loss) of each exam so far, in order; None: not a finite number.
        words: why it was ended early, or failed.
    """

    number: int
    run: Run
    state: TrialState
    exams: list[tuple[int, float | None]] = field(default_factory=list)
    words: str = ""

    @property
    def is_under_way(self) -> bool:
        """Tell whether its run waits or trains."""
        return self.state in (TrialState.WAITING, TrialState.RUNNING)

    @property
    def best(self) -> tuple[int, float] | None:
        """Return (step, loss) of its best exam; None before the first."""
        passed = [(loss, step) for step, loss in self.exams if loss is not None]
        return None if not passed else (min(passed)[1], min(passed)[0])


def of(database: Database, sweep_id: str) -> list[Trial]:
    """Return the trials of a sweep with their exams, in their order; deleted runs still count."""
    with database.read() as session:
        query = select(RunRow).where(RunRow.sweep_id == sweep_id).order_by(RunRow.trial)
        rows = session.scalars(query).all()
        identifiers = [row.id for row in rows]
        exams, pruned = _exams(session, identifiers), _pruned(session, identifiers)
        return [_trial(row, exams[row.id], pruned.get(row.id)) for row in rows]


def best(found: list[Trial]) -> Trial | None:
    """Return the complete trial with the lowest evaluation loss; None where there is none yet."""
    complete = [one for one in found if one.state is TrialState.COMPLETE and one.best]
    return min(complete, key=lambda one: (one.best or (0, 0.0))[1], default=None)


def add(database: Database, sweep: Sweep, number: int, spec: RunSpec) -> Run | None:
    """Put the next trial into the queue, as a run like any other.

    Returns None where another worker was faster, another trial is under way, or the sweep goes on
    no more. Raises NotFound where its data or base model was deleted.
    """
    try:
        with database.write() as session:
            if not _is_next(session, sweep.id, number):
                return None
            row = runs.new_row(session, sweep.owner, spec)
            row.sweep_id, row.trial = sweep.id, number
            session.flush()
            return Run.model_validate(row)
    except IntegrityError:  # a database whose writers do not wait for each other
        return None


def prune(database: Database, run_id: str, words: str, **details: Any) -> bool:
    """Ask a running trial to end early and to keep what it learned; tell it on its page.

    Returns False where it does not run any more, was asked to stop, or was pruned before: a person
    who lets such a trial go on wants to see its end.
    """
    with database.write() as session:
        row = session.get_one(RunRow, run_id)
        if row.status != RunStatus.RUNNING or row.stop_request or _pruned(session, [run_id]):
            return False
        row.stop_request = StopRequest.KEEP
        events.note(session, row, PRUNED, words, **details)
        return True


def ended(database: Database, owner: str) -> dict[str, int]:
    """Return how many trials of a person's sweeps have ended, by the sweep's id."""
    query = (
        select(RunRow.sweep_id, func.count().label("ended"))
        .where(RunRow.owner == owner, RunRow.sweep_id.is_not(None), RunRow.status.not_in(UNDER_WAY))
        .group_by(RunRow.sweep_id)
    )
    with database.read() as session:
        return {row.sweep_id: row.ended for row in session.execute(query)}


def _is_next(session: Session, sweep_id: str, number: int) -> bool:
    """Tell whether a trial may be added now: the sweep goes on, and the one before has ended."""
    row = session.get_one(SweepRow, sweep_id)
    of_sweep = RunRow.sweep_id == sweep_id
    last = session.scalar(select(func.max(RunRow.trial)).where(of_sweep)) or 0
    busy = session.scalar(select(func.count()).where(of_sweep, RunRow.status.in_(UNDER_WAY)))
    goes_on = row.status == SweepStatus.RUNNING and row.deleted_at is None
    return goes_on and last == number - 1 and not busy


def _exams(session: Session, run_ids: list[str]) -> dict[str, list[tuple[int, float | None]]]:
    query = (
        select(MetricPointRow.run_id, MetricPointRow.step, MetricPointRow.value)
        .where(MetricPointRow.run_id.in_(run_ids), MetricPointRow.name == "eval_loss")
        .order_by(MetricPointRow.run_id, MetricPointRow.step)
    )
    found: dict[str, list[tuple[int, float | None]]] = defaultdict(list)
    for row in session.execute(query):
        found[row.run_id].append((row.step, row.value))
    return found


def _pruned(session: Session, run_ids: list[str]) -> dict[str, str]:
    """Return of each run that was ended early why, by its id."""
    query = select(EventRow.run_id, EventRow.words).where(
        EventRow.run_id.in_(run_ids), EventRow.kind == PRUNED
    )
    return {row.run_id: row.words for row in session.execute(query)}


def _trial(row: RunRow, exams: list[tuple[int, float | None]], pruned: str | None) -> Trial:
    state = _state(row, exams, pruned=pruned is not None)
    words = pruned if state is TrialState.PRUNED else row.error
    return Trial(row.trial or 0, Run.model_validate(row), state, exams, words or "")


def _state(row: RunRow, exams: list[tuple[int, float | None]], *, pruned: bool) -> TrialState:
    if row.status == RunStatus.QUEUED:
        return TrialState.WAITING
    if row.status in ACTIVE:
        return TrialState.RUNNING
    if row.status == RunStatus.FINISHED:
        passed = any(loss is not None and math.isfinite(loss) for _, loss in exams)
        return TrialState.COMPLETE if passed else TrialState.FAILED
    if row.status == RunStatus.FAILED:
        return TrialState.FAILED
    return TrialState.PRUNED if pruned else TrialState.STOPPED
