"""Sets of prompts: questions that a person keeps under a name, to be put to models again."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import ids, owned
from storage.conversation_tables import PromptSetRow
from storage.database import Database


class Line(BaseModel):
    """A set in a list; `count`: of its prompts."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    name: str
    created_at: datetime
    deleted_at: datetime | None
    count: int


class PromptSet(Line):
    """A set with its prompts, each with `text` and perhaps more."""

    prompts: list[dict[str, Any]]


def add(database: Database, owner: str, name: str, prompts: list[dict[str, Any]]) -> PromptSet:
    """Keep prompts under a name."""
    with database.write() as session:
        row = PromptSetRow(id=ids.new("prompts"), owner=owner, name=name, prompts=prompts)
        session.add(row)
        session.flush()
        return _set(row)


def get(database: Database, owner: str, set_id: str) -> PromptSet:
    """Return one set. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return _set(owned.one(session, PromptSetRow, owner, set_id))


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[Line]:
    """Return a person's sets, newest first; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, PromptSetRow, owner, deleted=deleted)
        counts = _counts(session, owner)
        return [_line(row, counts[row.id]) for row in rows]


def change(
    database: Database,
    owner: str,
    set_id: str,
    *,
    name: str | None = None,
    prompts: list[dict[str, Any]] | None = None,
) -> PromptSet:
    """Give a set another name, other prompts, or both. Raises NotFound."""
    with database.write() as session:
        row = owned.one(session, PromptSetRow, owner, set_id)
        row.name = row.name if name is None else name
        row.prompts = row.prompts if prompts is None else prompts
        session.flush()
        return _set(row)


def delete(database: Database, owner: str, set_id: str) -> None:
    """Delete a set from view. Raises NotFound."""
    owned.mark_deleted(database, PromptSetRow, owner, set_id, deleted=True)


def restore(database: Database, owner: str, set_id: str) -> None:
    """Bring a deleted set back. Raises NotFound."""
    owned.mark_deleted(database, PromptSetRow, owner, set_id, deleted=False)


def _counts(session: Session, owner: str) -> dict[str, int]:
    length = func.json_array_length(PromptSetRow.prompts)
    query = select(PromptSetRow.id, length).where(PromptSetRow.owner == owner)
    return {found.id: found[1] for found in session.execute(query)}


def _line(row: PromptSetRow, count: int) -> Line:
    told = {name: getattr(row, name) for name in Line.model_fields if name != "count"}
    return Line(**told, count=count)


def _set(row: PromptSetRow) -> PromptSet:
    return PromptSet(**_line(row, len(row.prompts)).model_dump(), prompts=row.prompts)
