"""New datasets over HTTP: versions of others, of the hub, by hand; columns, lineage, compare."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from storage.operations import Hub
from studio.api.bodies import JsonObject, documented
from studio.api.datasets import DatasetAnswer
from studio.api.person import Here, Person
from studio.services import columns, versions

router = APIRouter(prefix="/datasets", tags=["datasets"])


class NewVersion(BaseModel):
    """What is to be made: an operation, with its `kind` and its settings, and a name for it."""

    model_config = ConfigDict(extra="forbid")

    operation: dict[str, Any]
    name: str = Field("", max_length=200)


class WrittenRows(BaseModel):
    """Rows that a person wrote: `question`, `answer` and perhaps `system` each."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=200)
    rows: list[Any]


class ChosenColumns(BaseModel):
    """Which column is what; `remember`: for the next file with the same columns too."""

    model_config = ConfigDict(extra="forbid")

    mapping: dict[str, Any]
    remember: bool = True


class TriedColumns(BaseModel):
    """Which column might be what."""

    model_config = ConfigDict(extra="forbid")

    mapping: dict[str, Any]


class MappingPreview(BaseModel):
    """The first rows read in this way, or what is still wrong, by part of the mapping."""

    rows: list[dict[str, Any]]
    faults: dict[str, str]


class NodeAnswer(BaseModel):
    """A dataset in the picture of a lineage."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    status: str
    rows_good: int
    operation: dict[str, Any] | None
    deleted: bool


class LineageAnswer(BaseModel):
    """Where a dataset comes from and what came of it; edges go from parent to child."""

    model_config = ConfigDict(from_attributes=True)

    nodes: list[NodeAnswer]
    edges: list[tuple[str, str]]


@router.post("/versions", status_code=201)
def make(studio: Here, owner: Person, version: NewVersion) -> DatasetAnswer:
    """Make a new version of one or several datasets; the worker fills it afterwards."""
    made = versions.make(studio, owner, version.operation, version.name)
    return DatasetAnswer.model_validate(made)


@router.post("/hub", status_code=201, openapi_extra=documented(Hub.model_json_schema()))
def from_hub(studio: Here, owner: Person, values: JsonObject) -> DatasetAnswer:
    """Fetch a dataset from the hub by its name there; the worker downloads it afterwards."""
    return DatasetAnswer.model_validate(versions.from_hub(studio, owner, values))


@router.post("/written", status_code=201)
def write(studio: Here, owner: Person, written: WrittenRows) -> DatasetAnswer:
    """Make a dataset of questions and answers written by hand."""
    made = versions.write(studio, owner, written.rows, written.name)
    return DatasetAnswer.model_validate(made)


@router.post("/{dataset_id}/mapping")
def answer(studio: Here, owner: Person, dataset_id: str, chosen: ChosenColumns) -> DatasetAnswer:
    """Say which column is what; the worker reads the file in this way."""
    changed = columns.answer(studio, owner, dataset_id, chosen.mapping, remember=chosen.remember)
    return DatasetAnswer.model_validate(changed)


@router.get("/{dataset_id}/columns")
def look(studio: Here, owner: Person, dataset_id: str) -> dict[str, Any]:
    """Show the columns of a file with examples, the likeliest mapping, and the first rows."""
    return columns.look(studio, owner, dataset_id)


@router.post("/{dataset_id}/mapping/preview")
def preview(studio: Here, owner: Person, dataset_id: str, tried: TriedColumns) -> MappingPreview:
    """Show how the first rows would be read."""
    return MappingPreview.model_validate(columns.preview(studio, owner, dataset_id, tried.mapping))


@router.get("/{dataset_id}/lineage")
def lineage(studio: Here, owner: Person, dataset_id: str) -> LineageAnswer:
    """Show what a dataset came from and what was made of it."""
    return LineageAnswer.model_validate(versions.lineage(studio, owner, dataset_id))


@router.get("/{dataset_id}/compare/{other_id}")
def compare(studio: Here, owner: Person, dataset_id: str, other_id: str) -> dict[str, Any]:
    """Show which rows were added, removed and changed on the way to the other dataset."""
    return versions.compare(studio, owner, dataset_id, other_id)
