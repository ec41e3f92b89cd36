"""Curves: points written in batches under an attempt, read by what is new after a cursor."""

import base64
import json
import math
import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from storage import leases, probes
from storage.database import Database
from storage.errors import StudioError
from storage.status import StopRequest
from storage.tables import AttemptRow, MetricPointRow, RunRow

NAMES = ("loss", "eval_loss", "learning_rate", "grad_norm", "tokens_per_second", "memory_bytes")
"""The curves that every recipe reports; it may add others."""

AMOUNTS = ("tokens", "seconds")
"""These say how far a run had come at a step: tokens read, and time spent, since it began."""

_LARGEST_STEP = 2**31 - 1


@dataclass(frozen=True)
class Point:
    """One point of a curve; a value that is not finite is kept as None."""

    name: str
    step: int
    value: float | None
    at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class News:
    """What is new of a run's curves.

    Attributes:
        points: in the order of name, then step.
        cursor: hand it in next time.
        reset_after: where not None, points after this step no longer count: the run was resumed.
    """

    points: list[Point]
    cursor: str
    reset_after: int | None


def report(
    database: Database, run_id: str, attempt: int, points: list[Point], **columns: Any
) -> StopRequest | None:
    """Write points and the run's columns (step, stage, ...) of one attempt, in one transaction.

    Returns what a person has asked of the run. A point written twice counts once.

    Raises:
        Superseded: a newer attempt has taken over; the writer must stop.
    """
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        for name, value in columns.items():
            setattr(row, name, value)
        _store(session, run_id, points)
        return StopRequest(row.stop_request) if row.stop_request else None


def resume_from(database: Database, run_id: str, attempt: int, step: int) -> None:
    """Note that an attempt goes on from `step`, and remove every point after it, in one go.

    Raises:
        Superseded: a newer attempt has taken over.
    """
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        row.step = row.checkpoint_step = step
        session.get_one(AttemptRow, (run_id, attempt)).resumed_step = step
        session.execute(
            delete(MetricPointRow).where(
                MetricPointRow.run_id == run_id, MetricPointRow.step > step
            )
        )
        probes.forget_after(session, run_id, step)


def after(database: Database, run_id: str, cursor: str | None = None, most: int = 5000) -> News:
    """Return the points that are new after a cursor (None: from the start), `most` a curve.

    Raises:
        StudioError: the cursor is none that this function gave.
    """
    attempt, seen = _read_cursor(cursor)
    with database.read() as session:
        reset = _reset(session, run_id, attempt)
        if reset is not None:
            seen = {name: min(step, reset) for name, step in seen.items()}
        points = []
        for name in names(session, run_id):
            points += _points_after(session, run_id, name, seen.get(name, -1), most)
        seen |= {point.name: point.step for point in points}
        return News(points, cursor_at(session, run_id, seen), reset)


def newest(database: Database, run_id: str, name: str) -> float:
    """Return the last value of a curve; 0 where it has none."""
    query = select(MetricPointRow.value).where(
        MetricPointRow.run_id == run_id, MetricPointRow.name == name
    )
    with database.read() as session:
        return session.scalar(query.order_by(MetricPointRow.step.desc()).limit(1)) or 0.0


def cursor_at(session: Session, run_id: str, seen: dict[str, int]) -> str:
    """Return the cursor of a reader who has seen each curve (by name) up to a step.

    It names the newest attempt that has gone on from a step, not the newest attempt: one that is
    claimed but has not removed the later points yet is still news to this reader.
    """
    resumed = select(func.max(AttemptRow.attempt)).where(
        AttemptRow.run_id == run_id, AttemptRow.resumed_step.is_not(None)
    )
    text = json.dumps([session.scalar(resumed) or 0, seen], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def names(session: Session, run_id: str) -> list[str]:
    """Return the names of a run's curves: one index seek each, however many points there are."""
    found: list[str] = []
    while True:
        query = select(func.min(MetricPointRow.name)).where(MetricPointRow.run_id == run_id)
        if found:
            query = query.where(MetricPointRow.name > found[-1])
        name = session.scalar(query)
        if name is None:
            return found
        found.append(name)


def _store(session: Session, run_id: str, points: list[Point]) -> None:
    if not points:
        return
    keys = {(point.name, point.step): point for point in points}
    steps = {point.step for point in points}
    there = select(MetricPointRow.name, MetricPointRow.step).where(
        MetricPointRow.run_id == run_id,
        MetricPointRow.name.in_({point.name for point in points}),
        MetricPointRow.step.between(min(steps), max(steps)),
    )
    for row in session.execute(there):
        keys.pop((row.name, row.step), None)
    if keys:
        session.execute(insert(MetricPointRow), [_values(run_id, point) for point in keys.values()])


def _values(run_id: str, point: Point) -> dict[str, Any]:
    finite = point.value is not None and math.isfinite(point.value)
    return {
        "run_id": run_id,
        "name": point.name,
        "step": point.step,
        "value": point.value if finite else None,
        "at": point.at,
    }


def _points_after(session: Session, run_id: str, name: str, step: int, most: int) -> list[Point]:
    query = (
        select(MetricPointRow.step, MetricPointRow.value, MetricPointRow.at)
        .where(
            MetricPointRow.run_id == run_id,
            MetricPointRow.name == name,
            MetricPointRow.step > step,
        )
        .order_by(MetricPointRow.step)
        .limit(most)
    )
    return [Point(name, row.step, row.value, row.at) for row in session.execute(query)]


def _reset(session: Session, run_id: str, attempt: int) -> int | None:
    """Return the lowest step that an attempt after `attempt` went on from; None where none did."""
    return session.scalar(
        select(func.min(AttemptRow.resumed_step)).where(
            AttemptRow.run_id == run_id, AttemptRow.attempt > attempt
        )
    )


def _read_cursor(cursor: str | None) -> tuple[int, dict[str, int]]:
    if not cursor:
        return 0, {}
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        attempt, seen = json.loads(base64.urlsafe_b64decode(padded))
        return _whole(attempt), {str(name): _whole(step) for name, step in seen.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise StudioError(
            "The cursor is not one that the studio gave.", "Leave it out to read from the start."
        ) from error


def _whole(number: object) -> int:
    """Return a whole number that every database can compare with. Raises ValueError."""
    if not isinstance(number, int) or abs(number) > _LARGEST_STEP:
        raise ValueError(number)
    return number
