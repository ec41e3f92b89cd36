"""Uploads that survive, over HTTP: begin, put pieces of at most 8 MiB, finish."""

import anyio
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from studio.api.datasets import DatasetAnswer
from studio.api.person import Here, Person
from studio.services import uploads

router = APIRouter(prefix="/uploads", tags=["uploads"])


class NewUpload(BaseModel):
    """A file to send; `last_modified` is in milliseconds since 1970."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=1000)
    size: int = Field(ge=0)
    last_modified: int


class UploadAnswer(BaseModel):
    """An upload; of `size` bytes `received` are safely there: go on from that offset."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    size: int
    received: int
    dataset_id: str | None


class FinishedUpload(DatasetAnswer):
    """The dataset of an upload; `known`: its content was there already."""

    known: bool


@router.post("", status_code=201)
def begin(studio: Here, owner: Person, file: NewUpload) -> UploadAnswer:
    """Begin, or go on: the same file (name, size, time) has the upload that was broken off."""
    found = uploads.begin(studio, owner, file.name, file.size, file.last_modified)
    return UploadAnswer.model_validate(found)


_PIECE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.put("/{upload_id}", openapi_extra={"requestBody": {"required": True, "content": _PIECE}})
async def put(
    request: Request, studio: Here, owner: Person, upload_id: str, offset: int = Query(ge=0)
) -> UploadAnswer:
    """Put a piece; 409 says in `error.detail.received` where to go on if that is not `offset`."""
    piece = await request.body()  # the guard lets no more than a piece through
    found = await anyio.to_thread.run_sync(uploads.put, studio, owner, upload_id, offset, piece)
    return UploadAnswer.model_validate(found)


@router.get("/{upload_id}")
def details(studio: Here, owner: Person, upload_id: str) -> UploadAnswer:
    """Show how much has arrived."""
    return UploadAnswer.model_validate(uploads.get(studio, owner, upload_id))


@router.post("/{upload_id}/finish", status_code=201)
def finish(studio: Here, owner: Person, upload_id: str) -> FinishedUpload:
    """Make a dataset of the whole file; asked again it gives the same one."""
    found, known = uploads.finish(studio, owner, upload_id)
    answer = DatasetAnswer.model_validate(found).model_dump()
    return FinishedUpload(**answer, known=known)


@router.delete("/{upload_id}", status_code=204)
def delete(studio: Here, owner: Person, upload_id: str) -> None:
    """Throw away what has arrived."""
    uploads.delete(studio, owner, upload_id)
