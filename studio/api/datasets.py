"""Datasets over HTTP: upload, look at, delete and bring back."""

from datetime import datetime
from typing import Any

import anyio
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, field_validator

from storage.status import WorkStatus
from studio.api.analyses import AnalysisAnswer
from studio.api.errors import Unreadable
from studio.api.multipart import UploadedFiles
from studio.api.person import Here, Person
from studio.services import analyses, dataset_rows, datasets, versions

router = APIRouter(prefix="/datasets", tags=["datasets"])

FIRST_FAULTS = 100
"""So many unusable lines come with the details; `/faults` has the others."""


class DatasetAnswer(BaseModel):
    """A dataset; `progress` goes from 0 to 1 while the worker reads it.

    `target` says what its rows are: chat, text, preference or labelled. `operation` and `parents`
    say what it was made of, where it is no uploaded file. `rows_held_out` are kept for the exam.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    created_at: datetime
    status: WorkStatus
    stage: str
    progress: float
    bytes: int
    sha256: str
    fingerprint: str | None
    shape: str | None
    target: str | None
    rows_good: int
    rows_repaired: int
    rows_refused: int
    rows_held_out: int
    mapping: dict[str, Any] | None
    operation: dict[str, Any] | None
    parents: list[str]
    error: str | None
    hint: str | None

    @field_validator("operation", mode="before")
    @classmethod
    def _without_rows(cls, operation: dict[str, Any] | None) -> dict[str, Any] | None:
        return versions.summary(operation)


class Uploaded(DatasetAnswer):
    """The first dataset of an upload, and all of them."""

    datasets: list[DatasetAnswer]


class DatasetDetails(DatasetAnswer):
    """A dataset with its first unusable lines and what else the worker noticed.

    A fault has `file`, `line`, `column` (from 1), `kind`, `reason`, `hint` and `text`. `question`
    is what the worker must be told to go on (status unsure): `columns`, `guess`, `confidence`,
    `why` and the first raw `rows`. `versions` are the ids of the datasets made of this one.
    """

    faults: list[dict[str, Any]]
    warnings: list[Any]
    report: dict[str, Any] | None
    question: dict[str, Any] | None
    versions: list[str]
    care: AnalysisAnswer | None


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
        dataset = await anyio.to_thread.run_sync(
            datasets.receive, studio, owner, name, files.blocks()
        )
        added.append(DatasetAnswer.model_validate(dataset))
    if not added:
        raise Unreadable("There is no file in the upload.", "Send it in a field named file.")
    return Uploaded(**added[0].model_dump(), datasets=added)


@router.post("/samples", status_code=201)
def samples(studio: Here, owner: Person) -> list[DatasetAnswer]:
    """Add the sample datasets that ship with the studio."""
    return [DatasetAnswer.model_validate(each) for each in datasets.add_samples(studio, owner)]


@router.get("/{dataset_id}")
def details(studio: Here, owner: Person, dataset_id: str) -> DatasetDetails:
    """Show one dataset with its unusable lines."""
    found = datasets.get(studio, owner, dataset_id)
    care = analyses.care(studio, owner, dataset_id)
    return DatasetDetails(
        **DatasetAnswer.model_validate(found).model_dump(),
        faults=dataset_rows.faults(studio, owner, dataset_id, 0, FIRST_FAULTS),
        warnings=(found.report or {}).get("warnings", []),
        report=found.report,
        question=found.question,
        versions=versions.children(studio, owner, dataset_id),
        care=AnalysisAnswer.model_validate(care) if care else None,
    )


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
