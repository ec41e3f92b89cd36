"""Which questions of a set were put in conversations, and to whom."""

from sqlalchemy import select

from storage.conversation_tables import ConversationRow, RoundRow
from storage.database import Database


def of_set(database: Database, owner: str, prompt_set_id: str) -> list[tuple[str, frozenset[str]]]:
    """Return the questions put in conversations that belong to a set, each with who was asked."""
    query = (
        select(RoundRow.prompt, RoundRow.order)
        .join(ConversationRow, ConversationRow.id == RoundRow.conversation_id)
        .where(ConversationRow.owner == owner, ConversationRow.prompt_set_id == prompt_set_id)
    )
    with database.read() as session:
        return [(prompt, frozenset(order)) for prompt, order in session.execute(query)]
