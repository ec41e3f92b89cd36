"""What happened to a run and is told on its page, such as a retry with less memory."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import leases
from storage.database import Database
from storage.tables import EventRow, RunRow


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        number: counts up from 1 within a run.
        attempt: the attempt it happened to, or after; 0: before the first.
        at: when.
        kind: a word for scripts, such as `out_of_memory`.
        words: one sentence for the person.
        details: figures behind the sentence.
    """

    number: int
    attempt: int
    at: datetime
    kind: str
    words: str
    details: dict[str, Any] | None


def note(session: Session, run: RunRow, kind: str, words: str, **details: Any) -> None:
    """Add an event to a run, in the transaction that brings it about."""
    last = session.scalar(select(func.max(EventRow.number)).where(EventRow.run_id == run.id))
    row = EventRow(
        run_id=run.id,
        number=(last or 0) + 1,
        attempt=run.attempt,
        kind=kind,
        words=words,
        details=details or None,
    )
    session.add(row)
    session.flush()


def tell(
    database: Database, run_id: str, attempt: int, kind: str, words: str, **details: Any
) -> None:
    """Add an event from within an attempt, once: the same words are not told again in a row.

    Raises:
        Superseded: a newer attempt has taken over.
    """
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        newest = select(EventRow).where(EventRow.run_id == run_id)
        last = session.scalars(newest.order_by(EventRow.number.desc()).limit(1)).first()
        if last is None or (last.kind, last.words) != (kind, words):
            note(session, row, kind, words, **details)


def of(database: Database, run_id: str) -> list[Event]:
    """Return a run's events in order."""
    names = ("number", "attempt", "at", "kind", "words", "details")
    with database.read() as session:
        query = select(EventRow).where(EventRow.run_id == run_id).order_by(EventRow.number)
        return [Event(*(getattr(row, name) for name in names)) for row in session.scalars(query)]
