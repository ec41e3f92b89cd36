"""Adapters: what finished or stopped runs leave behind, ready to chat with and to download."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select

from storage import leases, owned
from storage.database import Database
from storage.tables import AdapterRow, RunRow, now


class Adapter(BaseModel):
    """An adapter as the rest of the studio sees it; its files are in the folder of its id."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    name: str
    created_at: datetime
    deleted_at: datetime | None
    run_id: str
    base_model_id: str
    dataset_id: str
    step: int
    eval_loss: float | None
    bytes: int
    sha256: str


def get(database: Database, owner: str, adapter_id: str) -> Adapter:
    """Return one adapter. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return Adapter.model_validate(owned.one(session, AdapterRow, owner, adapter_id))


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[Adapter]:
    """Return a person's adapters, newest first; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, AdapterRow, owner, deleted=deleted)
        return [Adapter.model_validate(row) for row in rows]


def newest(
    database: Database, owner: str, most: int, words: str = "", *, deleted: bool = False
) -> tuple[list[Adapter], int]:
    """Return a person's newest adapters with words in their name, and how many there are in all."""
    there = AdapterRow.deleted_at.is_not(None) if deleted else AdapterRow.deleted_at.is_(None)
    wanted = [AdapterRow.owner == owner, there]
    if words:
        wanted.append(AdapterRow.name.icontains(words, autoescape=True))
    query = select(AdapterRow).where(*wanted)
    order = (AdapterRow.created_at.desc(), AdapterRow.id)
    with database.read() as session:
        rows = session.scalars(query.order_by(*order).limit(most))
        total = session.scalar(select(func.count(AdapterRow.id)).where(*wanted)) or 0
        return [Adapter.model_validate(row) for row in rows], total


def publish(
    database: Database, run_id: str, attempt: int, adapter_id: str, found: dict[str, Any]
) -> Adapter:
    """Remember the adapter whose files now lie in the folder of `adapter_id`.

    It becomes the run's adapter; an earlier one of the same run is deleted from view. `found` holds
    `step`, `eval_loss`, `bytes` and `sha256` (of adapter_model.safetensors).

    Raises:
        Superseded: a newer attempt has taken over the run.
    """
    with database.write() as session:
        run = leases.guard(session, RunRow, run_id, attempt)
        earlier = session.get(AdapterRow, run.adapter_id) if run.adapter_id else None
        if earlier is not None:
            earlier.deleted_at = now()
        row = AdapterRow(
            id=adapter_id,
            owner=run.owner,
            name=run.name,
            run_id=run_id,
            base_model_id=run.base_model_id,
            dataset_id=run.dataset_id,
            **found,
        )
        session.add(row)
        run.adapter_id = adapter_id
        session.flush()
        return Adapter.model_validate(row)
