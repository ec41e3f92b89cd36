"""System prompts that a person keeps under a name."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from storage import ids, owned
from storage.conversation_tables import SystemPromptRow
from storage.database import Database


class SystemPrompt(BaseModel):
    """A system prompt under a name."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    text: str
    created_at: datetime


def add(database: Database, owner: str, name: str, text: str) -> SystemPrompt:
    """Keep a system prompt."""
    with database.write() as session:
        row = SystemPromptRow(id=ids.new("system"), owner=owner, name=name, text=text)
        session.add(row)
        session.flush()
        return SystemPrompt.model_validate(row)


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[SystemPrompt]:
    """Return a person's system prompts by name; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, SystemPromptRow, owner, deleted=deleted)
        found = [SystemPrompt.model_validate(row) for row in rows]
    return sorted(found, key=lambda one: one.name.casefold())


def change(
    database: Database, owner: str, system_prompt_id: str, values: dict[str, str]
) -> SystemPrompt:
    """Change name and text. Raises NotFound."""
    with database.write() as session:
        row = owned.one(session, SystemPromptRow, owner, system_prompt_id)
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
        return SystemPrompt.model_validate(row)
