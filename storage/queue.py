"""The queue of runs: which may start, in which order and on which devices, and its pause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from storage import events
from storage.database import Database
from storage.status import ACTIVE, RunStatus, WorkStatus
from storage.tables import BaseModelRow, DatasetRow, RunRow, SwitchRow, now

PAUSE = "queue"
"""The switch that is there while the queue is paused."""

_NEEDED: tuple[Any, Any] = (DatasetRow, BaseModelRow)

_ENDED_AS = {
    RunStatus.FINISHED: "has finished",
    RunStatus.STOPPED: "was stopped",
    RunStatus.FAILED: "has failed",
    RunStatus.DISCARDED: "was discarded",
}


@dataclass(frozen=True)
class Pause:
    """A pause of the queue: who asked for it, and since when."""

    by: str
    since: datetime


def ready() -> Any:
    """Select the ids of queued runs that may start, the next one first; none in a pause.

    Their data and base model are ready, and the run that they wait for has ended.
    """
    return (
        select(RunRow.id)
        .join(DatasetRow, DatasetRow.id == RunRow.dataset_id)
        .join(BaseModelRow, BaseModelRow.id == RunRow.base_model_id)
        .where(
            RunRow.status == RunStatus.QUEUED,
            RunRow.deleted_at.is_(None),
            *(table.status == WorkStatus.READY for table in _NEEDED),
            *(table.deleted_at.is_(None) for table in _NEEDED),
            ~_waits_for_another(),
            ~exists().where(SwitchRow.name == PAUSE),
        )
        .order_by(*in_line())
    )


def in_line() -> tuple[Any, ...]:
    """Return the order of the queue."""
    return RunRow.priority.desc(), RunRow.place, RunRow.id


def hopeless() -> Any:
    """Select queued runs whose data or base model could not be prepared, or was deleted."""
    data, model = ((t.status == WorkStatus.FAILED) | t.deleted_at.is_not(None) for t in _NEEDED)
    return (
        select(RunRow)
        .join(DatasetRow, DatasetRow.id == RunRow.dataset_id)
        .join(BaseModelRow, BaseModelRow.id == RunRow.base_model_id)
        .where(RunRow.status == RunStatus.QUEUED, RunRow.deleted_at.is_(None), data | model)
    )


def next_one(
    session: Session, worker: str, devices: Sequence[str]
) -> tuple[str, str | None] | None:
    """Return the id of the run to start now and the devices for it, with commas between.

    Nobody overtakes: while the first in line needs more devices than are free, all wait.

    Args:
        session: of the transaction that claims it.
        worker: who claims; devices are taken by runs that a worker of the same machine holds.
        devices: of this machine; none: they are not counted.
    """
    run_id = session.scalars(ready().limit(1)).first()
    if run_id is None or not devices:
        return None if run_id is None else (run_id, None)
    free = [name for name in devices if name not in taken(session, worker)]
    needed = min(session.get_one(RunRow, run_id).spec.get("processes", 1), len(devices))
    return (run_id, ",".join(free[:needed])) if len(free) >= needed else None


def taken(session: Session, worker: str) -> set[str]:
    """Return the devices that runs hold on the machine of that worker."""
    machine = worker.partition(":")[0]
    held = session.scalars(
        select(RunRow.device).where(
            RunRow.status.in_(ACTIVE), RunRow.worker.startswith(f"{machine}:", autoescape=True)
        )
    )
    return {name for names in held if names for name in names.split(",")}


def wait_no_more(session: Session, row: RunRow) -> None:
    """Let a run that starts forget the run it waited for, and tell how that one has ended."""
    if row.after_run_id is None:
        return
    other = session.get(RunRow, row.after_run_id)
    row.after_run_id = None
    if other is not None:
        how = _ENDED_AS.get(RunStatus(other.status), "was deleted")
        words = f'It waited for "{other.name}", which {how}.'
        events.note(session, row, "waited", words, run_id=other.id, status=other.status)


def pause(database: Database, owner: str) -> None:
    """Start no further run; those under way go on. A second pause leaves the first as it is."""
    with database.write() as session:
        if session.get(SwitchRow, PAUSE) is None:
            value = {"by": owner, "since": now().isoformat()}
            session.add(SwitchRow(name=PAUSE, value=value))


def proceed(database: Database) -> None:
    """End the pause, if there is one."""
    with database.write() as session:
        switch = session.get(SwitchRow, PAUSE)
        if switch is not None:
            session.delete(switch)


def paused(database: Database) -> Pause | None:
    """Return the pause of the queue; None where it is not paused."""
    with database.read() as session:
        switch = session.get(SwitchRow, PAUSE)
        if switch is None:
            return None
        return Pause(switch.value["by"], datetime.fromisoformat(switch.value["since"]))


def _waits_for_another() -> Any:
    """Whether the run that a run waits for has not ended, or not as it should."""
    other = aliased(RunRow)
    waits = and_(other.status == RunStatus.QUEUED, other.deleted_at.is_(None))
    unfinished = and_(RunRow.after_finished, other.status != RunStatus.FINISHED)
    return exists().where(
        other.id == RunRow.after_run_id, or_(other.status.in_(ACTIVE), waits, unfinished)
    )
