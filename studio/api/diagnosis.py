"""What a run's curves say in words, over HTTP."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from studio.advice.diagnosis import Kind
from studio.api.person import Here, Person
from studio.services import diagnoses

router = APIRouter(prefix="/runs", tags=["runs"])


class ChangeAnswer(BaseModel):
    """A change to try: `settings` by name, the words of a button, and why."""

    model_config = ConfigDict(from_attributes=True)

    settings: dict[str, Any]
    words: str
    why: str


class DiagnosisAnswer(BaseModel):
    """What the curves say; `since`: the step from which on, where there is one."""

    model_config = ConfigDict(from_attributes=True)

    kind: Kind
    words: str
    since: int | None
    changes: list[ChangeAnswer]


@router.get("/{run_id}/diagnosis")
def diagnosis(studio: Here, owner: Person, run_id: str) -> DiagnosisAnswer:
    """Say in words how the run's curves look, since when, and what to change."""
    return DiagnosisAnswer.model_validate(diagnoses.of(studio, owner, run_id))
