"""Adapters over HTTP: look at, download, delete and bring back."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from storage.adapters import Adapter
from storage.options.adapter import AdapterKind
from storage.options.method import Method
from studio.api.person import Here, Person
from studio.services import adapters

router = APIRouter(prefix="/adapters", tags=["adapters"])

_BLOCK = 1 << 20


class AdapterAnswer(BaseModel):
    """An adapter: which run made it at which step, of which base model and data.

    `adapter` is what learned (lora, adalora, ia3, or full: it is a whole model), `method` how; one
    of the method reward scores answers and cannot be talked to.
    """

    id: str
    name: str
    created_at: datetime
    run_id: str
    base_model_id: str
    dataset_id: str
    step: int
    eval_loss: float | None
    bytes: int
    sha256: str
    adapter: AdapterKind
    method: Method


class Asked(BaseModel):
    """Which adapters, and how many of them."""

    search: str = Field("", max_length=200, description="In the name.")
    deleted: bool = Field(False, description="The deleted ones instead of the others.")
    limit: int = Field(500, ge=1, le=500, description="So many at most.")


@router.get("")
def listing(
    studio: Here, owner: Person, response: Response, asked: Annotated[Asked, Query()]
) -> list[AdapterAnswer]:
    """List adapters, newest first; X-Total has how many there are in all."""
    words = asked.search.strip()
    found, total = adapters.page(studio, owner, asked.limit, words, deleted=asked.deleted)
    response.headers["X-Total"] = str(total)
    made = adapters.settings(studio, owner, [each.run_id for each in found])
    return [_answer(each, made[each.run_id]) for each in found]


@router.get("/{adapter_id}")
def details(studio: Here, owner: Person, adapter_id: str) -> AdapterAnswer:
    """Show one adapter."""
    found = adapters.get(studio, owner, adapter_id)
    return _answer(found, adapters.settings(studio, owner, [found.run_id])[found.run_id])


@router.get(
    "/{adapter_id}/download",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "A zip in PEFT's layout"}},
)
def download(studio: Here, owner: Person, adapter_id: str) -> StreamingResponse:
    """Download an adapter as a zip in PEFT's layout."""
    with adapters.download(studio, owner, adapter_id) as (path, name):
        file = path.open("rb")
    shown = f"{adapters.get(studio, owner, adapter_id).name}.zip"
    headers = {
        "Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''"
        + quote(shown.replace("/", "-"), safe=""),
        "Content-Length": str(os.fstat(file.fileno()).st_size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_blocks(file), headers=headers, media_type="application/zip")


@router.delete("/{adapter_id}", status_code=204)
def delete(studio: Here, owner: Person, adapter_id: str) -> None:
    """Delete an adapter from view."""
    adapters.delete(studio, owner, adapter_id)


@router.post("/{adapter_id}/restore")
def restore(studio: Here, owner: Person, adapter_id: str) -> AdapterAnswer:
    """Bring a deleted adapter back."""
    adapters.restore(studio, owner, adapter_id)
    return details(studio, owner, adapter_id)


def _answer(found: Adapter, made: dict[str, str]) -> AdapterAnswer:
    told = {**found.model_dump(), **made}
    return AdapterAnswer.model_validate(told)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
