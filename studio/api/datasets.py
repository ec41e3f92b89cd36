"""Datasets over HTTP: upload, look at, delete and bring back."""

from datetime import datetime
from typing import Any

import anyio
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from storage.datasets import Dataset
from storage.errors import StudioError
from storage.status import WorkStatus
from studio.api.errors import STATUS, TooLarge, Unreadable
from studio.api.person import Here, Person
from studio.api.uploads import UploadedFiles
from studio.services import datasets
from studio.services.studio import Studio

router = APIRouter(prefix="/datasets", tags=["datasets"])

MOST_ROWS = 200
"""So many rows one page has at most."""


class DatasetAnswer(BaseModel):
    """A dataset; `progress` goes from 0 to 1 while the worker reads it."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    created_at: datetime
    status: WorkStatus
    stage: str
    progress: float
    bytes: int
    sha256: str
    shape: str | None
    rows_good: int
    rows_refused: int
    error: str | None
    hint: str | None


class Uploaded(DatasetAnswer):
    """The first dataset of an upload, and all of them."""

    datasets: list[DatasetAnswer]


class DatasetDetails(DatasetAnswer):
    """A dataset with its first unusable lines and what else the worker noticed.

    A fault has `line`, `column` (from 1), `kind`, `reason` and `hint`.
    """

    faults: list[dict[str, Any]]
    warnings: list[Any]
    report: dict[str, Any] | None


@router.get("")
def listing(studio: Here, owner: Person, deleted: bool = False) -> list[DatasetAnswer]:
    """List the datasets, newest first; the deleted ones instead where asked."""
    found = datasets.listing(studio, owner, deleted=deleted)
    return [DatasetAnswer.model_validate(each) for each in found]


_FILE = {"type": "array", "items": {"type": "string", "format": "binary"}}
_FORM = {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}}
_UPLOAD = {"requestBody": {"required": True, "content": {"multipart/form-data": _FORM}}}


@router.post("", status_code=201, openapi_extra=_UPLOAD)
async def upload(request: Request, studio: Here, owner: Person) -> Uploaded:
    """Take files in (field `file`, once or several times); the worker reads them afterwards."""
    files = UploadedFiles(request)
    added: list[DatasetAnswer] = []
    while (name := await files.next_file()) is not None:
        dataset = await anyio.to_thread.run_sync(_receive, studio, owner, name, files)
        added.append(DatasetAnswer.model_validate(dataset))
    if not added:
        raise Unreadable("There is no file in the upload.", "Send it in a field named file.")
    return Uploaded(**added[0].model_dump(), datasets=added)


@router.post("/samples", status_code=201)
def samples(studio: Here, owner: Person) -> list[DatasetAnswer]:
    """Add the sample datasets that ship with the studio."""
    return [DatasetAnswer.model_validate(each) for each in datasets.add_samples(studio, owner)]


def _receive(studio: Studio, owner: str, name: str, files: UploadedFiles) -> Dataset:
    try:
        return datasets.receive(studio, owner, name, files.blocks())
    except StudioError as error:
        if isinstance(error, tuple(kind for kind, _ in STATUS[:-1])):
            raise
        raise TooLarge(error.message, error.hint) from error


@router.get("/{dataset_id}")
def details(studio: Here, owner: Person, dataset_id: str) -> DatasetDetails:
    """Show one dataset with its unusable lines."""
    found = datasets.get(studio, owner, dataset_id)
    answer = DatasetAnswer.model_validate(found).model_dump()
    faults = datasets.faults(studio, owner, dataset_id)
    warnings = (found.report or {}).get("warnings", [])
    return DatasetDetails(**answer, faults=faults, warnings=warnings, report=found.report)


@router.get("/{dataset_id}/rows")
def rows(
    studio: Here,
    owner: Person,
    dataset_id: str,
    start: int = Query(0, ge=0),
    count: int = Query(20, ge=1, le=MOST_ROWS),
) -> list[dict[str, Any]]:
    """Show normalised rows from the `start`-th on, counted from 0."""
    return datasets.rows_page(studio, owner, dataset_id, start, count)


@router.delete("/{dataset_id}", status_code=204)
def delete(studio: Here, owner: Person, dataset_id: str) -> None:
    """Delete a dataset from view."""
    datasets.delete(studio, owner, dataset_id)


@router.post("/{dataset_id}/restore")
def restore(studio: Here, owner: Person, dataset_id: str) -> DatasetAnswer:
    """Bring a deleted dataset back."""
    datasets.restore(studio, owner, dataset_id)
    return DatasetAnswer.model_validate(datasets.get(studio, owner, dataset_id))


@router.post("/{dataset_id}/retry")
def retry(studio: Here, owner: Person, dataset_id: str) -> DatasetAnswer:
    """Let the worker read a failed dataset again."""
    datasets.retry(studio, owner, dataset_id)
    return DatasetAnswer.model_validate(datasets.get(studio, owner, dataset_id))
