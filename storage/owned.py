"""What belongs to a person: found by owner and id, listed, deleted from view and brought back."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit
from storage.audit import Action
from storage.conversation_tables import ConversationRow, PromptSetRow, SystemPromptRow
from storage.database import Database
from storage.errors import NotFound
from storage.tables import (
    AdapterRow,
    AnalysisRow,
    BaseModelRow,
    DatasetRow,
    PresetRow,
    RunRow,
    SweepRow,
    now,
)
from storage.trust_tables import EvaluationRow

Row = TypeVar(
    "Row",
    DatasetRow,
    BaseModelRow,
    AnalysisRow,
    RunRow,
    AdapterRow,
    SweepRow,
    PresetRow,
    ConversationRow,
    PromptSetRow,
    SystemPromptRow,
    EvaluationRow,
)

_WORDS: dict[type, str] = {
    DatasetRow: "dataset",
    BaseModelRow: "base model",
    AnalysisRow: "analysis",
    RunRow: "run",
    AdapterRow: "adapter",
    SweepRow: "sweep",
    PresetRow: "preset",
    ConversationRow: "conversation",
    PromptSetRow: "set of prompts",
    SystemPromptRow: "system prompt",
    EvaluationRow: "evaluation",
}


def one(
    session: Session, table: type[Row], owner: str, identifier: str, *, deleted: bool = False
) -> Row:
    """Return a person's row; a deleted one only where asked.

    Raises:
        NotFound: there is none, it is somebody else's, or it is deleted: the person learns no more.
    """
    row = session.get(table, identifier)
    if row is None or row.owner != owner or (row.deleted_at is not None and not deleted):
        raise NotFound(f"There is no {_WORDS[table]} with the id {identifier}.")
    return row


def all_of(
    session: Session, table: type[Row], owner: str, *, deleted: bool = False
) -> Sequence[Row]:
    """Return a person's rows, newest first; the deleted ones instead where asked."""
    there = table.deleted_at.is_not(None) if deleted else table.deleted_at.is_(None)
    query = select(table).where(table.owner == owner, there)
    return session.scalars(query.order_by(table.created_at.desc(), table.id)).all()


def mark_deleted(
    database: Database, table: type[Row], owner: str, identifier: str, *, deleted: bool
) -> None:
    """Delete a person's row from view, or bring it back; the audit tells it. Raises NotFound."""
    with database.write() as session:
        row = one(session, table, owner, identifier, deleted=True)
        if deleted is (row.deleted_at is None):
            done = Action.DELETED if deleted else Action.RESTORED
            told = {"kind": _WORDS[table], "name": row.name}
            audit.note(session, owner, done, identifier, told)
        row.deleted_at = now() if deleted else None
