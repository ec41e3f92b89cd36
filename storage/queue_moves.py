"""What a person does with runs that wait: their places in line, priorities, and one after another.

Runs are moved beside other runs and not to numbered places: what was seen a moment ago still holds
when somebody else has moved something meanwhile.
"""

import time
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import owned, queue
from storage.database import Database
from storage.errors import StudioError
from storage.runs import Run
from storage.status import ACTIVE, RunStatus
from storage.tables import RunRow

PRIORITIES: Final = {"low": -1, "normal": 0, "high": 1}
"""What a person calls them; the higher number starts earlier."""

_APART = 1.0
"""Seconds between two places that are given anew; a run queued later still comes behind them."""

_LEAST = 1e-3
"""So far behind the last place is one at the end of the line, at least."""


class Side(StrEnum):
    """Where beside another run, or at which end of the line."""

    BEFORE = "before"
    BEHIND = "behind"
    FRONT = "front"
    BACK = "back"


def line(database: Database, owner: str) -> list[Run]:
    """Return a person's runs that wait, in the order in which they will start."""
    with database.read() as session:
        return [Run.model_validate(row) for row in _line(session) if row.owner == owner]


def under_way(database: Database, owner: str) -> list[Run]:
    """Return a person's runs that a worker is at, the one that was started first before others."""
    query = select(RunRow).where(RunRow.status.in_(ACTIVE), RunRow.owner == owner)
    with database.read() as session:
        rows = session.scalars(query.order_by(RunRow.started_at, RunRow.id))
        return [Run.model_validate(row) for row in rows]


def priority_name(value: int) -> str:
    """Return what a person calls a priority."""
    return min(PRIORITIES, key=lambda name: abs(PRIORITIES[name] - value))


def beside(database: Database, owner: str, run_id: str, side: Side, other_id: str) -> Run:
    """Move a waiting run directly before or behind another, whose priority it takes on.

    Raises:
        NotFound: there is no such run of that owner.
        StudioError: one of them waits no more.
    """
    with database.write() as session:
        row, other = (_waiting(session, owner, each) for each in (run_id, other_id))
        if row is not other:
            _settle(session, row, other, behind=side is Side.BEHIND)
        return Run.model_validate(row)


def to_end(database: Database, owner: str, run_id: str, side: Side) -> Run:
    """Move a waiting run to the front or the back of the whole line. Raises as `beside`."""
    with database.write() as session:
        row = _waiting(session, owner, run_id)
        line = [each for each in _line(session) if each is not row]
        if line:
            behind = side is Side.BACK
            _settle(session, row, line[-1 if behind else 0], behind=behind)
        return Run.model_validate(row)


def set_priority(database: Database, owner: str, run_id: str, priority: int) -> Run:
    """Give a waiting run a priority; within it the places stay. Raises as `beside`."""
    with database.write() as session:
        row = _waiting(session, owner, run_id)
        row.priority = priority
        return Run.model_validate(row)


def run_after(
    database: Database,
    owner: str,
    run_id: str,
    other_id: str | None,
    *,
    only_finished: bool = False,
) -> Run:
    """Let a waiting run wait until another has ended; None: it waits for none any more.

    Args:
        database: the application's.
        owner: whose runs.
        run_id: the one that waits.
        other_id: the one that it waits for.
        only_finished: wait on where the other ends otherwise than finished.

    Raises:
        NotFound: there is no such run of that owner.
        StudioError: the run waits no more, the other has ended, or it waits for this one itself.
    """
    with database.write() as session:
        row = _waiting(session, owner, run_id)
        if other_id is not None:
            _require_no_circle(session, row, _to_come(session, owner, other_id))
        row.after_run_id, row.after_finished = other_id, only_finished and other_id is not None
        return Run.model_validate(row)


def _waiting(session: Session, owner: str, run_id: str) -> RunRow:
    row = owned.one(session, RunRow, owner, run_id)
    if row.status != RunStatus.QUEUED:
        raise StudioError(
            f'"{row.name}" waits no more: it is {row.status}.', "Look at the line as it is now."
        )
    return row


def _to_come(session: Session, owner: str, run_id: str) -> RunRow:
    row = owned.one(session, RunRow, owner, run_id)
    if row.status not in (RunStatus.QUEUED, *ACTIVE):
        raise StudioError(f'"{row.name}" has ended already; there is nothing to wait for.')
    return row


def _require_no_circle(session: Session, row: RunRow, other: RunRow) -> None:
    link: RunRow | None = other
    seen: set[str] = set()
    while link is not None and link.id not in seen:
        if link.id == row.id:
            raise StudioError(
                f'"{row.name}" cannot wait for "{other.name}": that one waits for it.',
                "Let one of them start at any time.",
            )
        seen.add(link.id)
        link = session.get(RunRow, link.after_run_id) if link.after_run_id else None


def _line(session: Session) -> list[RunRow]:
    query = select(RunRow).where(RunRow.status == RunStatus.QUEUED, RunRow.deleted_at.is_(None))
    return list(session.scalars(query.order_by(*queue.in_line())))


def _settle(session: Session, row: RunRow, other: RunRow, *, behind: bool) -> None:
    """Put a run beside another, between the places of its new neighbours."""
    row.priority = other.priority
    line = [each for each in _line(session) if each is not row and each.priority == row.priority]
    at = line.index(other) + behind
    if at == 0:
        row.place = other.place - _APART
    elif at == len(line):
        row.place = max(time.time(), other.place + _LEAST)
    else:
        before, after = line[at - 1].place, line[at].place
        row.place = (before + after) / 2
        if not before < row.place < after:  # no number is left between them
            _number_anew([*line[:at], row, *line[at:]])


def _number_anew(line: list[RunRow]) -> None:
    last = line[-1].place
    for index, each in enumerate(reversed(line)):
        each.place = last - index * _APART
