"""Datasets: uploaded files, kept by content hash, and what their inspection found."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from storage import ids, owned
from storage.database import Database
from storage.status import WorkStatus
from storage.tables import DatasetRow

ORIGINAL = "original.jsonl"
"""The person's file, unchanged, in the dataset's folder."""

PREPARED = "prepared"
"""Folder with the normalised rows and the faults, in the dataset's folder."""


class Dataset(BaseModel):
    """A dataset as the rest of the studio sees it."""

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
    sha256: str
    bytes: int
    shape: str | None
    rows_good: int
    rows_refused: int
    report: dict[str, Any] | None


def add(database: Database, owner: str, name: str, sha256: str, size: int) -> Dataset:
    """Remember an uploaded file (its content is in the folder of its hash); it waits to be read."""
    row = DatasetRow(
        id=ids.new("data"),
        owner=owner,
        name=name,
        sha256=sha256,
        bytes=size,
        status=WorkStatus.WAITING,
    )
    with database.write() as session:
        session.add(row)
        session.flush()
        return Dataset.model_validate(row)


def get(database: Database, owner: str, dataset_id: str) -> Dataset:
    """Return one dataset. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return Dataset.model_validate(owned.one(session, DatasetRow, owner, dataset_id))


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[Dataset]:
    """Return a person's datasets, newest first; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, DatasetRow, owner, deleted=deleted)
        return [Dataset.model_validate(row) for row in rows]


def find_content(database: Database, owner: str, sha256: str) -> Dataset | None:
    """Return the person's dataset with that very content, if there is one."""
    return next((found for found in all_of(database, owner) if found.sha256 == sha256), None)
