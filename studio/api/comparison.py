"""Runs side by side over HTTP, and what one answered to its probe prompts."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from storage.status import RunStatus
from studio.api.person import Here, Person
from studio.api.runs import Columns
from studio.services import comparison, probes
from studio.services.comparison import Compared

router = APIRouter(prefix="/runs", tags=["runs"])


class DifferenceAnswer(BaseModel):
    """A setting in which the runs differ: its label, its term, and its value in each, in words."""

    model_config = ConfigDict(from_attributes=True)

    setting: str
    title: str
    term: str
    words: list[str]


class ComparedAnswer(BaseModel):
    """A run of a comparison.

    `curves` has those asked for, loss, exams, and `tokens` and `seconds`, which say how far it had
    come at a step (runs of earlier releases lack them); `names` has the names of all its curves.
    """

    id: str
    name: str
    status: RunStatus
    method: str
    step: int
    total_steps: int
    best_step: int | None
    best_loss: float | None
    seconds: float
    tokens: float | None
    memory_bytes: int | None
    tokens_per_second: float | None
    curves: dict[str, Columns]
    names: list[str]


class ComparisonAnswer(BaseModel):
    """Runs in the order asked for, and the settings that are not the same in all of them."""

    runs: list[ComparedAnswer]
    differences: list[DifferenceAnswer]


class ProbeAnswer(BaseModel):
    """What was answered to the prompt of that number after a step; step 0: before the first."""

    model_config = ConfigDict(from_attributes=True)

    step: int
    prompt: int
    answer: str
    at: datetime


class ProbesAnswer(BaseModel):
    """A run's probe prompts, and all answers by step, then by prompt."""

    model_config = ConfigDict(from_attributes=True)

    prompts: list[str]
    answers: list[ProbeAnswer]


@router.get("/compare")
def compare(
    studio: Here,
    owner: Person,
    ids: Annotated[str, Query(description="Ids of runs, with commas between them.")],
    curves: Annotated[str, Query(description="Names of further curves, likewise.")] = "",
) -> ComparisonAnswer:
    """Compare runs: their curves, how far each came, and what their settings differ in."""
    found = comparison.compare(studio, owner, _listed(ids), _listed(curves))
    return ComparisonAnswer(
        runs=[_answer(one) for one in found.runs],
        differences=[DifferenceAnswer.model_validate(one) for one in found.differences],
    )


@router.get("/{run_id}/probes")
def answers(studio: Here, owner: Person, run_id: str) -> ProbesAnswer:
    """Show what a run answered to its probe prompts, from before its first step on."""
    return ProbesAnswer.model_validate(probes.of(studio, owner, run_id))


def _answer(one: Compared) -> ComparedAnswer:
    run, (step, loss) = one.run, one.best or (None, None)
    told = {name: getattr(run, name) for name in ComparedAnswer.model_fields if hasattr(run, name)}
    return ComparedAnswer.model_validate(
        {
            **told,
            "method": run.spec.method,
            "best_step": step,
            "best_loss": loss,
            "tokens": one.tokens,
            "curves": {name: Columns.model_validate(curve) for name, curve in one.curves.items()},
            "names": one.names,
        }
    )


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
