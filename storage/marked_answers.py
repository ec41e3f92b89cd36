"""Answers that a person has marked or corrected, each with the conversation up to it."""

from dataclasses import dataclass

from sqlalchemy import or_, select

from storage import conversations
from storage.conversation_tables import AnswerRow, ConversationRow
from storage.database import Database
from storage.exchanges import Answer


@dataclass(frozen=True)
class Marked:
    """An answer; `messages`: what was said before it, the prompt last."""

    messages: list[dict[str, str]]
    answer: Answer


def all_of(database: Database, owner: str) -> list[Marked]:
    """Return a person's marked and corrected answers, oldest conversation first.

    Of several tries the newest counts. Deleted conversations are left out.
    """
    found = []
    for conversation_id in _conversations(database, owner):
        whole = conversations.whole(database, owner, conversation_id)
        found += [
            Marked(whole.messages(one.number, one.side), one)
            for one in whole.answers
            if one.mark is not None or one.corrected is not None
        ]
    return found


def _conversations(database: Database, owner: str) -> list[str]:
    marked = or_(AnswerRow.mark.is_not(None), AnswerRow.corrected.is_not(None))
    query = (
        select(ConversationRow.id)
        .where(
            ConversationRow.owner == owner,
            ConversationRow.deleted_at.is_(None),
            ConversationRow.id.in_(select(AnswerRow.conversation_id).where(marked)),
        )
        .order_by(ConversationRow.created_at, ConversationRow.id)
    )
    with database.read() as session:
        return list(session.scalars(query))
