"""What runs took of the machine: written by who holds the run, thinned when it is long."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from storage import leases
from storage.database import Database
from storage.tables import RunRow, TelemetryRow

MOST = 2000
"""So many samples a run has at most; then every other is left out."""


@dataclass(frozen=True)
class Sample:
    """What a run took at a moment (seconds since 1970); the values as `worker.telemetry` says."""

    at: float
    values: dict[str, Any]


def add(database: Database, run_id: str, attempt: int, sample: Sample) -> None:
    """Keep a sample. Raises Superseded where another attempt holds the run, or none does."""
    with database.write() as session:
        leases.guard(session, RunRow, run_id, attempt)
        session.add(TelemetryRow(run_id=run_id, at=sample.at, values=sample.values))
        session.flush()
        count = select(func.count()).where(TelemetryRow.run_id == run_id)
        if (session.scalar(count) or 0) > MOST:
            _thin(session, run_id)


def after(database: Database, run_id: str, at: float | None = None) -> list[Sample]:
    """Return a run's samples after a moment, in order; all of them without one."""
    query = select(TelemetryRow).where(TelemetryRow.run_id == run_id).order_by(TelemetryRow.at)
    if at is not None:
        query = query.where(TelemetryRow.at > at)
    with database.read() as session:
        return [Sample(row.at, row.values) for row in session.scalars(query)]


def last(database: Database, run_id: str) -> Sample | None:
    """Return a run's latest sample; None where it has none."""
    query = select(TelemetryRow).where(TelemetryRow.run_id == run_id)
    with database.read() as session:
        row = session.scalars(query.order_by(TelemetryRow.at.desc()).limit(1)).first()
        return None if row is None else Sample(row.at, row.values)


def _thin(session: Session, run_id: str) -> None:
    """Keep samples that are about evenly apart, half as many as there may be."""
    query = select(TelemetryRow.at).where(TelemetryRow.run_id == run_id)
    moments = list(session.scalars(query.order_by(TelemetryRow.at)))
    apart = (moments[-1] - moments[0]) / (MOST / 2)
    dropped, kept = [], moments[0]
    for at in moments[1:-1]:
        if at - kept < apart:
            dropped.append(at)
        else:
            kept = at
    session.execute(
        delete(TelemetryRow).where(TelemetryRow.run_id == run_id, TelemetryRow.at.in_(dropped))
    )
