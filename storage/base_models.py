"""Base models: built by the studio, in a local folder, or downloaded from the hub."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from storage import audit, ids, owned
from storage.audit import Action
from storage.database import Database
from storage.status import WorkStatus
from storage.tables import BaseModelRow


class Source(StrEnum):
    """Where a base model comes from."""

    STARTER = "starter"
    FOLDER = "folder"
    HUB = "hub"


class Base(BaseModel):
    """A base model as the rest of the studio sees it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    name: str
    created_at: datetime
    deleted_at: datetime | None
    status: WorkStatus
    stage: str
    progress: float
    error: str | None
    hint: str | None
    source: Source
    reference: str
    revision: str | None
    folder: str | None
    fingerprint: str | None
    facts: dict[str, Any] | None


def add(
    database: Database,
    owner: str,
    name: str,
    source: Source,
    reference: str,
    revision: str | None = None,
) -> Base:
    """Remember a base model to be brought in; `reference` is a folder or a hub name."""
    row = BaseModelRow(
        id=ids.new("model"),
        owner=owner,
        name=name,
        source=source,
        reference=reference,
        revision=revision,
        status=WorkStatus.WAITING,
    )
    with database.write() as session:
        session.add(row)
        session.flush()
        told = {"name": name, "source": source, "reference": reference, "revision": revision}
        audit.note(session, owner, Action.ADDED, row.id, told)
        return Base.model_validate(row)


def get(database: Database, owner: str, base_model_id: str) -> Base:
    """Return one base model. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return Base.model_validate(owned.one(session, BaseModelRow, owner, base_model_id))


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[Base]:
    """Return a person's base models, newest first; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, BaseModelRow, owner, deleted=deleted)
        return [Base.model_validate(row) for row in rows]
