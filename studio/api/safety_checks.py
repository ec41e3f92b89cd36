"""The safety check over HTTP: plan, ask, look, read question by question, take away."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from storage.evaluations import Line
from storage.status import WorkStatus
from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.services import model_cards, safety_checks, safety_files

router = APIRouter(prefix="/safety-checks", tags=["safety"])

_ASKED = documented(
    {
        "type": "object",
        "required": ["contestant"],
        "properties": {
            "contestant": {"type": "string"},
            "profile_id": {"type": ["string", "null"]},
            "longest": {"type": "integer", "minimum": 8, "maximum": 1024},
        },
    }
)
_FILE: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"content": {"text/csv": {}}, "description": "The file"}},
}
_TEXT: dict[str, Any] = {
    "response_class": PlainTextResponse,
    "responses": {200: {"content": {"text/markdown": {}}, "description": "Markdown"}},
}


class PlanAnswer(BaseModel):
    """What a check would do; `seconds`: about, null where that is not known."""

    model_config = ConfigDict(from_attributes=True)

    contestants: list[str]
    titles: list[str]
    questions: int
    harmless: int
    seconds: float | None


class RowAnswer(BaseModel):
    """A kind of question; the last row is `all`.

    `share`: of those asked that are as they should be, from 0 to 1; `low` and `high`: where it lies
    with 95 % confidence. Null where nothing was asked.
    """

    category: str
    asked: int
    passed: int
    missed: int
    false_alarms: int
    share: float | None
    low: float | None
    high: float | None


class DifferenceAnswer(BaseModel):
    """Beside the base model, question by question.

    `chance`: how likely a difference so uneven is by chance, from 0 to 1.
    """

    category: str
    pairs: int
    better: int
    worse: int
    chance: float


class SideAnswer(BaseModel):
    """A contestant: the answers as written, and as the profile let them through.

    Null: it has not answered (`error`: why), or there is no profile.
    """

    contestant: str
    title: str
    raw: list[RowAnswer] | None
    guarded: list[RowAnswer] | None
    cut_off: int
    error: str | None
    hint: str | None


class CheckAnswer(BaseModel):
    """A safety check, and how far it is; `sides` are there once it is ready, the base first.

    `differences`: the contestant beside its base model, as written and with the profile; null where
    there is none. `classifier_left_out`: why the profile's classifier was not asked.
    """

    id: str
    name: str
    created_at: datetime
    contestant: str
    title: str
    profile_id: str | None
    profile_name: str | None
    longest: int
    questions: int
    status: WorkStatus
    stage: str
    progress: float
    error: str | None
    hint: str | None
    sides: list[SideAnswer]
    differences: list[DifferenceAnswer] | None
    guarded_differences: list[DifferenceAnswer] | None
    classifier_left_out: str | None


class CaseAnswer(BaseModel):
    """A question and what became of the answer; `shown`: what the profile let through, if less."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    category: str
    text: str
    expect: str
    why: str
    answer: str
    ended: str
    shown: str | None
    outcome: str
    reason: str
    phrase: str


@router.get("/plan")
def plan(
    studio: Here,
    owner: Person,
    contestant: str,
    longest: int = Query(safety_checks.LONGEST, ge=8, le=1024),
) -> PlanAnswer:
    """Say what a check of a contestant would do, and how long it takes about."""
    return PlanAnswer.model_validate(safety_checks.plan(studio, owner, contestant, longest))


@router.post("", status_code=201, openapi_extra=_ASKED)
def ask(studio: Here, owner: Person, body: JsonObject) -> CheckAnswer:
    """Put the questions to a contestant and its base model; the same one twice is done once."""
    return _told(safety_checks.ask(studio, owner, body))


@router.get("")
def listing(studio: Here, owner: Person, contestant: str | None = None) -> list[CheckAnswer]:
    """List the checks, newest first; of one contestant, where it is named."""
    return [_told(line) for line in safety_checks.listing(studio, owner, contestant)]


@router.get("/{check_id}")
def details(studio: Here, owner: Person, check_id: str) -> CheckAnswer:
    """Show how far a check is, or what it found."""
    return _told(safety_checks.get(studio, owner, check_id))


@router.get("/{check_id}/cases")
def cases(
    studio: Here,
    owner: Person,
    check_id: str,
    side: int = Query(ge=0),
    guarded: bool = False,
) -> list[CaseAnswer]:
    """Show every question with its answer and the verdict; `guarded`: as the profile let it."""
    found = safety_checks.cases(studio, owner, check_id, side, guarded=guarded)
    return [CaseAnswer.model_validate(case) for case in found]


@router.get("/{check_id}/card", **_TEXT)
def card(studio: Here, owner: Person, check_id: str) -> PlainTextResponse:
    """Show what the model card says of this check."""
    words = model_cards.section(safety_checks.get(studio, owner, check_id))
    return PlainTextResponse(words, media_type="text/markdown; charset=utf-8")


@router.get("/{check_id}/export", **_FILE)
def export(studio: Here, owner: Person, check_id: str) -> Response:
    """Download questions, answers and verdicts as CSV that is safe for a spreadsheet."""
    name, content = safety_files.table(studio, owner, check_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Response(content, headers=headers, media_type="text/csv; charset=utf-8")


def _told(found: Line) -> CheckAnswer:
    result, profile = found.result or {}, found.profile or {}
    differences = result.get("differences") or {}
    return CheckAnswer.model_validate(
        {
            **vars(found),
            "contestant": found.contestants[-1],
            "title": found.titles[-1],
            "profile_id": profile.get("id"),
            "profile_name": (profile.get("profile") or {}).get("name"),
            "longest": found.sampling["max_tokens"],
            "sides": [_side(result, place) for place in range(len(result.get("sides", ())))],
            "differences": differences.get("raw"),
            "guarded_differences": differences.get("guarded"),
            "classifier_left_out": result.get("classifier_left_out"),
        }
    )


def _side(result: dict[str, Any], place: int) -> dict[str, Any]:
    told, scored = result["sides"][place], result["scores"][place]
    rows = {name: (scored.get(name) or {}).get("rows") for name in ("raw", "guarded")}
    return {**{name: told[name] for name in SideAnswer.model_fields.keys() - rows.keys()}, **rows}
