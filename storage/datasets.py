"""Datasets: files kept by content hash, versions made of others, and what their reading found."""

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from storage import audit, ids, leases, owned
from storage.audit import Action
from storage.database import Database
from storage.errors import StudioError
from storage.mappings import Mapping
from storage.operations import Operation, Reread
from storage.status import WorkStatus
from storage.tables import DatasetRow, MappingRow, now

ORIGINAL = "original"
"""The person's file, unchanged, in the dataset's folder."""

_FIRST_NAME = "original.jsonl"  # what the first release called it

NOT_MADE = ""
"""Hash of a version that the worker has not made yet."""


class Dataset(BaseModel):
    """A dataset as the rest of the studio sees it.

    Attributes:
        sha256: of the original file; `NOT_MADE` of a version that is still to be made.
        fingerprint: sha256 of the normalised rows: equal where every row is, in the same order.
        target: what the rows are: chat, text, preference or labelled.
        rows_held_out: rows that the data itself keeps for the exam.
        question: what the worker must be told to go on (status UNSURE).
        operation: how it was made of its parents; None for an uploaded file.
        parents: ids, of datasets that may have been deleted since.
    """

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
    target: str | None
    fingerprint: str | None
    rows_good: int
    rows_repaired: int
    rows_refused: int
    rows_held_out: int
    report: dict[str, Any] | None
    mapping: dict[str, Any] | None
    question: dict[str, Any] | None
    operation: dict[str, Any] | None
    parents: list[str]

    @property
    def prepared(self) -> str:
        """Name of the folder of its rows, below that of its original."""
        return prepared_name(Mapping(**self.mapping) if self.mapping else None)


def prepared_name(mapping: Mapping | None) -> str:
    """Name of the folder with the rows of an original read in this way."""
    return f"rows-{mapping.key}" if mapping else "rows"


def original(folder: Path) -> Path:
    """The person's file in a dataset's folder."""
    first = folder / _FIRST_NAME
    return first if first.is_file() else folder / ORIGINAL


def add(
    database: Database,
    owner: str,
    name: str,
    sha256: str,
    size: int,
    operation: Operation | None = None,
) -> Dataset:
    """Remember a file (its content is in the folder of its hash); it waits to be read.

    `operation` says where it came from, if it is no uploaded file.
    """
    row = _row(owner, name, sha256, size)
    row.operation = operation.model_dump(mode="json") if operation else None
    return _insert(database, row)


def derive(database: Database, owner: str, name: str, operation: Operation) -> Dataset:
    """Remember a version that the worker is to make out of others.

    Raises:
        NotFound: one of the parents is not there.
        StudioError: one of them has no rows yet.
    """
    parents = [get(database, owner, parent) for parent in operation.parents]
    for parent in parents:
        if parent.status is not WorkStatus.READY:
            raise StudioError(f"{parent.name} is not ready yet.", "Wait until it has been read.")
    row = _row(owner, name, NOT_MADE, 0)
    row.operation = operation.model_dump(mode="json")
    row.parents = [parent.id for parent in parents]
    if isinstance(operation, Reread):
        row.sha256, row.bytes = parents[0].sha256, parents[0].bytes
        row.mapping = operation.mapping.model_dump(mode="json")
    return _insert(database, row)


def get(database: Database, owner: str, dataset_id: str) -> Dataset:
    """Return one dataset. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return Dataset.model_validate(owned.one(session, DatasetRow, owner, dataset_id))


def family(database: Database, owner: str) -> list[Dataset]:
    """Return all of a person's datasets, the deleted ones too, oldest first: for the lineage."""
    with database.read() as session:
        query = select(DatasetRow).where(DatasetRow.owner == owner)
        rows = session.scalars(query.order_by(DatasetRow.created_at, DatasetRow.id))
        return [Dataset.model_validate(row) for row in rows]


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[Dataset]:
    """Return a person's datasets, newest first; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, DatasetRow, owner, deleted=deleted)
        return [Dataset.model_validate(row) for row in rows]


def find_content(database: Database, owner: str, sha256: str) -> Dataset | None:
    """Return the person's dataset of that very file, if there is one that no mapping changes."""
    same = (found for found in all_of(database, owner) if found.sha256 == sha256)
    return next((found for found in same if not found.parents), None)


def answer(
    database: Database, owner: str, dataset_id: str, mapping: Mapping, signature: str | None
) -> Dataset:
    """Say how a file is read, so that the worker goes on; remembered for files of the signature.

    Raises:
        NotFound: there is no such dataset of that owner.
        StudioError: the worker has not asked.
    """
    with database.write() as session:
        row = owned.one(session, DatasetRow, owner, dataset_id)
        if row.status not in (WorkStatus.UNSURE, WorkStatus.FAILED) or row.sha256 == NOT_MADE:
            raise StudioError(
                f"{row.name} is read already.", "Make a new version of it with other columns."
            )
        row.mapping, row.question = mapping.model_dump(mode="json"), None
        row.error, row.hint, row.crashes = None, None, 0
        row.status = WorkStatus.WAITING
        leases.release(row)
        if signature:
            session.merge(
                MappingRow(owner=owner, signature=signature, mapping=row.mapping, saved_at=now())
            )
        return Dataset.model_validate(row)


def remembered(database: Database, owner: str, signature: str) -> Mapping | None:
    """Return how the person's files of that signature were read the last time they said so."""
    with database.read() as session:
        row = session.get(MappingRow, (owner, signature))
        return Mapping(**row.mapping) if row else None


def _row(owner: str, name: str, sha256: str, size: int) -> DatasetRow:
    return DatasetRow(
        id=ids.new("data"),
        owner=owner,
        name=name,
        sha256=sha256,
        bytes=size,
        status=WorkStatus.WAITING,
    )


def _insert(database: Database, row: DatasetRow) -> Dataset:
    with database.write() as session:
        session.add(row)
        session.flush()
        told = {"name": row.name, "bytes": row.bytes, "sha256": row.sha256}
        if row.operation:
            told |= {"how": row.operation["kind"], "parents": list(row.parents or ())}
        done = Action.MADE if row.operation else Action.UPLOADED
        audit.note(session, row.owner, done, row.id, told)
        return Dataset.model_validate(row)
