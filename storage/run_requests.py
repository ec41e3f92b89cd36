"""Requests for a run: one that is sent twice puts one run into the queue."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import runs
from storage.database import Database
from storage.errors import Fault, Refused
from storage.runs import Run
from storage.specs import RunSpec
from storage.status import ACTIVE, RunStatus
from storage.tables import RunRow, now

LONGEST_KEY = 64


@dataclass(frozen=True)
class Request:
    """How a run was asked for.

    Attributes:
        key: of the sender's own choice; the same one again means the same run.
        moments: so many seconds an equal run that has not ended counts as this one.
        seconds: how long the run is expected to take; None: not known.
        bytes: how much memory it is expected to take; None: not known.
    """

    key: str | None = None
    moments: float = 0.0
    seconds: float | None = None
    bytes: int | None = None


def add(database: Database, owner: str, spec: RunSpec, request: Request) -> Run:
    """Put a run into the queue, or return the one that this request has put there before.

    Raises:
        NotFound: its dataset or base model is not there.
        Refused: the key was used for another run.
    """
    if request.key is not None and not 0 < len(request.key) <= LONGEST_KEY:
        raise Refused([Fault("idempotency_key", f"Must have 1 to {LONGEST_KEY} characters.")])
    with database.write() as session:
        row = _by_key(session, owner, spec, request) or _a_moment_ago(session, owner, spec, request)
        if row is None:
            row = runs.new_row(session, owner, spec)
            row.request_key = request.key
            row.planned_seconds, row.planned_bytes = request.seconds, request.bytes
            session.flush()
        return Run.model_validate(row)


def _by_key(session: Session, owner: str, spec: RunSpec, request: Request) -> RunRow | None:
    if request.key is None:
        return None
    query = select(RunRow).where(RunRow.owner == owner, RunRow.request_key == request.key)
    row = session.scalars(query).first()
    if row is not None and row.spec != spec.model_dump(mode="json"):
        message = "This key was used for a run with other settings. Choose a new one."
        raise Refused([Fault("idempotency_key", message)])
    return row


def _a_moment_ago(session: Session, owner: str, spec: RunSpec, request: Request) -> RunRow | None:
    since = now() - timedelta(seconds=request.moments)
    query = select(RunRow).where(
        RunRow.owner == owner,
        RunRow.created_at > since,
        RunRow.deleted_at.is_(None),
        RunRow.status.in_([RunStatus.QUEUED, *ACTIVE]),
    )
    wanted = spec.model_dump(mode="json")
    return next((row for row in session.scalars(query) if row.spec == wanted), None)
