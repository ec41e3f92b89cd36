"""Conversations as a list: the newest first, found by words in their name or in what was said."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from storage.conversation_tables import AnswerRow, ConversationRow, RoundRow, VoteRow
from storage.database import Database


class Line(BaseModel):
    """A conversation in a list.

    `prompt`: the first one. `rounds`: how many there are. `is_hidden`: it must not be said yet who
    stands on which side of the last round.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    created_at: datetime
    changed_at: datetime
    deleted_at: datetime | None
    contestants: list[str]
    blind: bool
    prompt: str = ""
    rounds: int = 0
    is_hidden: bool = False


@dataclass(frozen=True)
class Page:
    """The newest conversations of those wanted, and how many there are in all."""

    lines: list[Line]
    total: int


_LONGEST_PROMPT = 200
"""Characters of the first prompt that a list shows."""


def page(
    database: Database, owner: str, words: str = "", *, deleted: bool = False, most: int = 100
) -> Page:
    """Return the conversations that hold the words in their name, a prompt or an answer."""
    there = ConversationRow.deleted_at.is_not(None) if deleted else _is_there()
    wanted = [ConversationRow.owner == owner, there, *_holding(words)]
    query = select(ConversationRow).where(*wanted)
    order = (ConversationRow.changed_at.desc(), ConversationRow.id)
    with database.read() as session:
        rows = session.scalars(query.order_by(*order).limit(most)).all()
        total = session.scalar(select(func.count(ConversationRow.id)).where(*wanted)) or 0
        return Page([_line(session, row) for row in rows], total)


def _is_there() -> ColumnElement[bool]:
    return ConversationRow.deleted_at.is_(None)


def _holding(words: str) -> list[ColumnElement[bool]]:
    if not words:
        return []
    return [
        or_(
            ConversationRow.name.icontains(words, autoescape=True),
            *(
                ConversationRow.id.in_(
                    select(table.conversation_id).where(column.icontains(words, autoescape=True))
                )
                for table, column in ((RoundRow, RoundRow.prompt), (AnswerRow, AnswerRow.text))
            ),
        )
    ]


def _line(session: Session, row: ConversationRow) -> Line:
    mine = RoundRow.conversation_id == row.id
    first = select(func.substr(RoundRow.prompt, 1, _LONGEST_PROMPT)).where(mine)
    found: dict[str, Any] = {
        "prompt": session.scalar(first.order_by(RoundRow.number).limit(1)) or "",
        "rounds": session.scalar(select(func.count()).select_from(RoundRow).where(mine)),
        "is_hidden": row.blind and _waits_for_a_vote(session, row.id),
    }
    return Line.model_validate(row).model_copy(update=found)


def _waits_for_a_vote(session: Session, conversation_id: str) -> bool:
    newest = select(RoundRow).where(RoundRow.conversation_id == conversation_id)
    last = session.scalar(newest.order_by(RoundRow.number.desc()).limit(1))
    if last is None:
        return True
    vote = select(VoteRow.id).where(
        VoteRow.conversation_id == conversation_id,
        VoteRow.number == last.number,
        VoteRow.at >= last.at,
    )
    return session.scalar(vote.limit(1)) is None
