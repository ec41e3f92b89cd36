"""Answers that would be the same again, kept for as long as the newest few thousand are."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select

from storage.database import Database
from storage.tables import now
from storage.trust_tables import CachedAnswerRow

MOST: Final = 10_000
"""So many answers are kept; the least recently used make room."""

LONGEST: Final = 20_000
"""Characters; longer answers are not kept, so that all of them together stay below 200 MB."""


class CachedAnswer(BaseModel):
    """An answer as it was given. `facts`: what it took, as JSON has it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    text: str
    ended: str
    facts: dict[str, Any]


def find(database: Database, key: str) -> CachedAnswer | None:
    """Return the answer kept under `key`, which makes it the most recently used; None: none is."""
    with database.read() as session:
        if session.get(CachedAnswerRow, key) is None:
            return None
    with database.write() as session:
        row = session.get(CachedAnswerRow, key)
        if row is None:
            return None
        row.used_at = now()
        return CachedAnswer.model_validate(row)


def keep(database: Database, key: str, answer: CachedAnswer, most: int = MOST) -> None:
    """Keep an answer under `key`, in place of an earlier one; the oldest beyond `most` go."""
    if len(answer.text) > LONGEST:
        return
    with database.write() as session:
        session.merge(CachedAnswerRow(key=key, used_at=now(), **answer.model_dump()))
        session.flush()
        count = session.scalar(select(func.count(CachedAnswerRow.key))) or 0
        if count > most:
            oldest = select(CachedAnswerRow.key).order_by(CachedAnswerRow.used_at)
            session.execute(
                delete(CachedAnswerRow).where(CachedAnswerRow.key.in_(oldest.limit(count - most)))
            )


def forget(database: Database) -> None:
    """Let go of all answers."""
    with database.write() as session:
        session.execute(delete(CachedAnswerRow))
