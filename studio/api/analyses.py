"""Questions about a dataset over HTTP: ask, look how far the answer is; what a length cuts off."""

from typing import Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from storage.status import WorkStatus
from studio.api.person import Here, Person
from studio.services import analyses

router = APIRouter(tags=["analyses"])


class AnalysisAnswer(BaseModel):
    """A question put to a dataset; `result` is there once its status is ready."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    dataset_id: str
    base_model_id: str | None
    kind: str
    question: dict[str, Any]
    status: WorkStatus
    stage: str
    progress: float
    error: str | None
    hint: str | None
    result: dict[str, Any] | None


class NewAnalysis(BaseModel):
    """What is asked.

    `kind` care: an empty question, no base model. tokens: {"response_only"}. preview: {"rows"
    (numbers from 0, at most 20), "max_length", "response_only"}. memory: {"settings" (of a run),
    "texts" (lengths in tokens of what is read at once), "learned" (share), "asks_first"}.
    safety: {"profile_id"}, no base model.
    """

    model_config = ConfigDict(extra="forbid")

    kind: str
    base_model_id: str | None = None
    question: dict[str, Any] = {}


class LengthAnswer(BaseModel):
    """Of all `rows`, those longer than the limit, and those whose answer is lost entirely."""

    model_config = ConfigDict(from_attributes=True)

    rows: int
    cut: int
    lost: int
    learned_share: float


@router.post("/datasets/{dataset_id}/analyses", status_code=201)
def ask(studio: Here, owner: Person, dataset_id: str, asked: NewAnalysis) -> AnalysisAnswer:
    """Ask; what was asked and answered before is given at once."""
    put = analyses.ask(studio, owner, dataset_id, asked.kind, asked.question, asked.base_model_id)
    return AnalysisAnswer.model_validate(put)


@router.get("/analyses/{analysis_id}")
def details(studio: Here, owner: Person, analysis_id: str) -> AnalysisAnswer:
    """Show how far an answer is, or what it says."""
    return AnalysisAnswer.model_validate(analyses.get(studio, owner, analysis_id))


@router.get("/datasets/{dataset_id}/length")
def length(
    studio: Here,
    owner: Person,
    dataset_id: str,
    base_model_id: str,
    max_length: int = Query(ge=1),
    response_only: bool = True,
) -> LengthAnswer:
    """Say what a length in tokens cuts off; 409 until the analysis `tokens` has counted them."""
    found = analyses.length(
        studio, owner, dataset_id, base_model_id, max_length, response_only=response_only
    )
    return LengthAnswer.model_validate(found)
