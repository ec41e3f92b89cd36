"""Evaluations over HTTP: ask many questions, read the answers, take them away."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response, StreamingResponse

from storage.evaluations import Line
from storage.status import WorkStatus
from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.services import evaluation_files, evaluations

router = APIRouter(prefix="/evaluations", tags=["evaluations"])

MOST_ROWS = 200
"""So many questions one page of the table has at most."""

_TEXT = {"type": "string"}
_ASKED = documented(
    {
        "type": "object",
        "required": ["contestants"],
        "properties": {
            "name": _TEXT,
            "contestants": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 4},
            "prompt_set_id": _TEXT,
            "prompts": {"type": "array"},
            "text": _TEXT,
            "layout": {"enum": ["auto", "lines", "blocks", "table", "records"]},
            "sampling": {"type": "object"},
            "system": _TEXT,
            "profile_id": _TEXT,
        },
    }
)
_FILE: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"content": {"application/octet-stream": {}}, "description": "The file"}},
}
_KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


class EvaluationAnswer(BaseModel):
    """Questions to contestants (`titles`: as they were called), and how far the answers are.

    `answered`: answers of all sides together. `result`, once it is ready: `sides`, with what each
    contestant did or why it could not, `differ`, and what the kind adds. `profile_id`: the safety
    profile that was asked for.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    created_at: datetime
    kind: str
    contestants: list[str]
    titles: list[str]
    prompt_set_id: str | None
    system: str
    sampling: dict[str, Any]
    profile_id: str | None
    questions: int
    answered: int
    status: WorkStatus
    stage: str
    progress: float
    error: str | None
    hint: str | None
    result: dict[str, Any] | None


class GivenAnswer(BaseModel):
    """What a contestant answered.

    `ended`: stop, length, content_filter, too_long or refused. `facts`: `tokens`, `sure` (mean
    log-probability of a token), `verdicts` of the safety rules.
    """

    model_config = ConfigDict(from_attributes=True)

    text: str
    ended: str
    facts: dict[str, Any]


class QuestionAnswer(BaseModel):
    """A row of the table: a question, and an answer for each contestant; null: not there yet."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    text: str
    expected: str
    differs: bool
    answers: list[GivenAnswer | None]


class TableAnswer(BaseModel):
    """Some rows; `total`: rows with that search and filter."""

    model_config = ConfigDict(from_attributes=True)

    questions: list[QuestionAnswer]
    total: int


def told(found: Line) -> EvaluationAnswer:
    """Return what the API says of an evaluation."""
    values = {**vars(found), "profile_id": (found.profile or {}).get("id")}
    return EvaluationAnswer.model_validate(values)


@router.get("")
def listing(
    studio: Here, owner: Person, kind: str | None = None, deleted: bool = False
) -> list[EvaluationAnswer]:
    """List the evaluations, newest first; of the kind answers or safety, or the deleted ones."""
    return [told(one) for one in evaluations.listing(studio, owner, kind, deleted=deleted)]


@router.post("", status_code=201, openapi_extra=_ASKED)
def ask(studio: Here, owner: Person, body: JsonObject) -> EvaluationAnswer:
    """Put questions to up to four models; 422 names every fault by field."""
    return told(evaluations.ask(studio, owner, body))


@router.get("/{evaluation_id}")
def details(studio: Here, owner: Person, evaluation_id: str) -> EvaluationAnswer:
    """Show how far the answers are, or what came of them."""
    return told(evaluations.get(studio, owner, evaluation_id))


@router.get("/{evaluation_id}/answers")
def answers(  # noqa: PLR0913  (a query's parameters)
    studio: Here,
    owner: Person,
    evaluation_id: str,
    start: int = Query(0, ge=0),
    count: int = Query(50, ge=1, le=MOST_ROWS),
    search: str = Query("", max_length=1000),
    differ: bool = False,
) -> TableAnswer:
    """Show rows of the table; `differ`: only questions that were answered in different ways."""
    found = evaluations.questions(
        studio, owner, evaluation_id, (start, count), search, differ=differ
    )
    return TableAnswer.model_validate(found)


@router.get("/{evaluation_id}/export", **_FILE)
def export(
    studio: Here,
    owner: Person,
    evaluation_id: str,
    kind: Annotated[evaluation_files.Kind, Query(alias="format")] = "csv",
) -> Response:
    """Download questions and answers; CSV is safe for a spreadsheet."""
    file = evaluation_files.export(studio, owner, evaluation_id, kind)
    headers = {
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(file.blocks, headers=headers, media_type=_KINDS[kind])


@router.post("/{evaluation_id}/retry")
def retry(studio: Here, owner: Person, evaluation_id: str) -> EvaluationAnswer:
    """Let a failed one go on with what is missing."""
    return told(evaluations.again(studio, owner, evaluation_id))


@router.delete("/{evaluation_id}", status_code=204)
def delete(studio: Here, owner: Person, evaluation_id: str) -> None:
    """Delete an evaluation from view; one under way stops."""
    evaluations.delete(studio, owner, evaluation_id)


@router.post("/{evaluation_id}/restore")
def restore(studio: Here, owner: Person, evaluation_id: str) -> EvaluationAnswer:
    """Bring a deleted evaluation back; one that was not ready goes on."""
    return told(evaluations.restore(studio, owner, evaluation_id))
