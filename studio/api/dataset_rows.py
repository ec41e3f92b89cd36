"""What is in a dataset, over HTTP: rows, refused records, and all of it as files."""

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import FileResponse, Response, StreamingResponse

from studio.api.person import Here, Person
from studio.services import dataset_files, dataset_rows
from studio.services.dataset_files import TEMPLATES

router = APIRouter(prefix="/datasets", tags=["datasets"])

MOST_ROWS = 200
"""So many rows one page has at most."""

NEXT = "Studio-Next-Row"
"""Header with the number of the row to go on from; not there at the end."""

KINDS = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}

_FILE: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"content": {"application/octet-stream": {}}, "description": "The file"}},
}


class FaultKind(BaseModel):
    """A kind of fault: how often, and the first one."""

    kind: str
    count: int
    first: dict[str, Any] | None


@router.get("/template", **_FILE)
def template(kind: Annotated[Literal["csv", "jsonl"], Query(alias="format")] = "csv") -> Response:
    """Download a file to fill in with questions and answers."""
    content = TEMPLATES[kind].encode()
    return Response(content, headers=_attached(f"template.{kind}"), media_type=KINDS[kind])


@router.get("/{dataset_id}/rows")
def rows(  # noqa: PLR0913  (a query's parameters)
    response: Response,
    studio: Here,
    owner: Person,
    dataset_id: str,
    start: int = Query(0, ge=0),
    count: int = Query(20, ge=1, le=MOST_ROWS),
    search: str = Query("", max_length=1000),
    after: int = Query(0, ge=0),
) -> list[dict[str, Any]]:
    """Show rows from number `start` on (from 0), or those that hold the words searched.

    Each has its `row` number, `line` and `hash`. Of what a search finds, `start` are passed over;
    it begins at row `after`. A long search stops early, perhaps with no row yet: the header
    Studio-Next-Row then has the `after` to go on from. Without a search it has the next `start`.
    """
    if search.strip():
        span = (start, count)
        found = dataset_rows.search(studio, owner, dataset_id, search, span, after)
    else:
        found = dataset_rows.page(studio, owner, dataset_id, start, count)
    if found.next is not None:
        response.headers[NEXT] = str(found.next)
    return found.rows


@router.get("/{dataset_id}/faults")
def faults(
    studio: Here,
    owner: Person,
    dataset_id: str,
    kind: str = "",
    start: int = Query(0, ge=0),
    count: int = Query(50, ge=1, le=1000),
) -> list[dict[str, Any]]:
    """Show refused records, of one kind where asked; their text is shortened."""
    return dataset_rows.faults(studio, owner, dataset_id, start, count, kind)


@router.get("/{dataset_id}/faults/kinds")
def fault_kinds(studio: Here, owner: Person, dataset_id: str) -> list[FaultKind]:
    """Show how often each kind of fault was found, the most common first."""
    found = dataset_rows.fault_kinds(studio, owner, dataset_id)
    return [FaultKind.model_validate(each) for each in found]


@router.get("/{dataset_id}/faults.jsonl", **_FILE)
def faults_file(studio: Here, owner: Person, dataset_id: str) -> FileResponse:
    """Download every refused record with its reason."""
    return _whole(*dataset_files.faults(studio, owner, dataset_id), KINDS["jsonl"])


@router.get("/{dataset_id}/original", **_FILE)
def original(studio: Here, owner: Person, dataset_id: str) -> FileResponse:
    """Download the person's file, unchanged."""
    found = dataset_files.original(studio, owner, dataset_id)
    return _whole(*found, "application/octet-stream")


@router.get("/{dataset_id}/export", **_FILE)
def export(
    studio: Here,
    owner: Person,
    dataset_id: str,
    kind: Annotated[dataset_files.Format, Query(alias="format")] = "jsonl",
) -> Response:
    """Download the rows; JSONL comes back as the same rows, CSV is safe for a spreadsheet."""
    if kind == "jsonl":
        return _whole(*dataset_files.rows(studio, owner, dataset_id), KINDS[kind])
    table = dataset_files.table(studio, owner, dataset_id, kind)
    return StreamingResponse(table.blocks, headers=_attached(table.name), media_type=KINDS[kind])


def _whole(path: Path, name: str, kind: str) -> FileResponse:
    return FileResponse(path, headers=_attached(name), media_type=kind)


def _attached(name: str) -> dict[str, str]:
    """Return the headers of a file that is saved, never shown; its name is plain ASCII."""
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
