"""The moves of a run between its states, inside the transaction of whoever moves it."""

from sqlalchemy.orm import Session

from storage import leases
from storage.errors import StudioError
from storage.status import RUN_MOVES, RunStatus, StopRequest
from storage.tables import AdapterRow, AttemptRow, RunRow, now

AFTER = {StopRequest.KEEP: RunStatus.STOPPED, StopRequest.DISCARD: RunStatus.DISCARDED}
"""The status that a person's request leads to."""


def move(row: RunRow, target: RunStatus) -> None:
    """Move a run; the write lock of the transaction makes this a compare-and-set."""
    if target not in RUN_MOVES[RunStatus(row.status)]:
        raise StudioError(f"This run is {row.status}; it cannot become {target} now.")
    row.status = target


def end(session: Session, row: RunRow, status: RunStatus, outcome: str) -> None:
    """Move a run out of its attempt: one that goes on keeps its place, a discarded one nothing."""
    move(row, status)
    row.ended_at = None if status is RunStatus.QUEUED else now()
    row.stop_request, row.stage = None, ""
    leases.release(row)
    attempt = session.get(AttemptRow, (row.id, row.attempt))
    if attempt is not None and attempt.ended_at is None:
        attempt.ended_at, attempt.outcome = now(), outcome
    kept = session.get(AdapterRow, row.adapter_id) if row.adapter_id else None
    if kept is not None and status is RunStatus.DISCARDED:
        kept.deleted_at, row.adapter_id = now(), None


def asked(row: RunRow) -> RunStatus | None:
    """Return the status that a person's stop request leads to; None where there is none."""
    return None if row.stop_request is None else AFTER[StopRequest(row.stop_request)]
