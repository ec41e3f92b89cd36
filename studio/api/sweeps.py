"""Sweeps over HTTP: what could be varied, plan, start, watch, stop, go on, keep the best."""

from datetime import datetime
from typing import Any, get_args

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from storage import spaces, specs, trials
from storage.errors import Fault
from storage.specs import RunSpec
from storage.status import RunStatus
from storage.sweeps import Sweep, SweepStatus
from storage.trials import Trial, TrialState
from studio.advice import variations
from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.api.presets import PresetAnswer
from studio.services import sweeps
from studio.words import catalogue

router = APIRouter(prefix="/sweeps", tags=["sweeps"])

_SPEC = documented(RunSpec.model_json_schema())

_RANGE = {
    "type": "object",
    "description": "A range (log: factors count), or a list of choices.",
    "properties": {
        "low": {"type": "number"},
        "high": {"type": "number"},
        "log": {"type": "boolean", "default": False},
        "step": {"type": ["number", "null"]},
        "choices": {"type": "array"},
    },
}
_ASKED = documented(
    {
        "type": "object",
        "required": ["spec", "space"],
        "properties": {
            "name": {"type": "string"},
            "spec": {"type": "object", "description": "The settings of a run, as for /runs."},
            "space": {"type": "object", "additionalProperties": _RANGE},
            "trials": {
                "type": "integer",
                "minimum": sweeps.FEWEST_TRIALS,
                "maximum": sweeps.MOST_TRIALS,
                "default": sweeps.USUAL_TRIALS,
            },
            "seed": {"type": "integer", "default": 0},
        },
    }
)
_NAMED = documented({"type": "object", "properties": {"name": {"type": "string"}}})


class SettingAnswer(BaseModel):
    """A setting that can be varied, in words; `words` are those of its choices."""

    name: str
    title: str
    term: str
    help: str
    words: dict[str, str]


class ProposalAnswer(SettingAnswer):
    """What to try around the `value` that a setting has; `space` as a sweep takes it."""

    value: Any
    space: dict[str, Any]
    is_first: bool


class SweepAnswer(BaseModel):
    """A sweep. `words` say why it has ended; `ended` of its `trials` are over."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    status: SweepStatus
    words: str
    trials: int
    ended: int = 0
    seed: int
    space: dict[str, Any]
    spec: RunSpec
    created_at: datetime
    ended_at: datetime | None


class TrialAnswer(BaseModel):
    """A trial: what it differs in, its best exam so far, and its run (None: deleted).

    `is_best`: of those that came to their end it has the lowest evaluation loss.
    """

    number: int
    run_id: str | None
    name: str
    state: TrialState
    status: RunStatus
    values: dict[str, Any]
    eval_loss: float | None
    best_step: int | None
    step: int
    total_steps: int
    seconds: float
    words: str
    is_best: bool


class WholeAnswer(SweepAnswer):
    """A sweep with its trials, and the settings that it varies."""

    settings: list[SettingAnswer]
    tried: list[TrialAnswer]


class PlanAnswer(BaseModel):
    """What a sweep would take; only `faults` keep it from starting. None: not known yet.

    `steps` and `seconds` are of all trials, before any is ended early; `count` is how many
    different ones there are where that is no large number.
    """

    model_config = ConfigDict(from_attributes=True)

    faults: list[Fault]
    warnings: list[Fault]
    trials: int | None
    steps: int | None
    seconds: float | None
    count: int | None


@router.get("")
def listing(studio: Here, owner: Person, deleted: bool = False) -> list[SweepAnswer]:
    """List the sweeps, newest first; the deleted ones instead where asked."""
    found = sweeps.listing(studio, owner, deleted=deleted)
    return [_answer(sweep, ended) for sweep, ended in found]


@router.post("", status_code=201, openapi_extra=_ASKED)
def start(studio: Here, owner: Person, asked: JsonObject) -> SweepAnswer:
    """Begin a sweep; 422 names every fault by field."""
    return _answer(sweeps.start(studio, owner, asked), 0)


@router.post("/plan", openapi_extra=_ASKED)
def plan(studio: Here, owner: Person, asked: JsonObject) -> PlanAnswer:
    """Say what a sweep would take; changes nothing."""
    return PlanAnswer.model_validate(sweeps.plan(studio, owner, asked))


@router.post("/proposals", openapi_extra=_SPEC)
def proposals(studio: Here, owner: Person, values: JsonObject) -> list[ProposalAnswer]:
    """Propose for each setting of a run that can be varied what to try around its value.

    `is_first`: of those that somebody who has not chosen yet begins with.
    """
    spec, found = sweeps.proposals(studio, owner, values)
    return [
        ProposalAnswer(
            **_setting(name).model_dump(),
            value=getattr(spec, name),
            space=space,
            is_first=name in variations.FIRST,
        )
        for name, space in found.items()
    ]


@router.get("/{sweep_id}")
def details(studio: Here, owner: Person, sweep_id: str) -> WholeAnswer:
    """Show one sweep with its trials."""
    sweep, found = sweeps.get(studio, owner, sweep_id)
    best = trials.best(found)
    ended = sum(not trial.is_under_way for trial in found)
    told = [_trial(sweep, trial, is_best=trial is best) for trial in found]
    varied = [_setting(name) for name in sweep.space]
    return WholeAnswer(**_answer(sweep, ended).model_dump(), settings=varied, tried=told)


@router.post("/{sweep_id}/stop")
def stop(studio: Here, owner: Person, sweep_id: str) -> WholeAnswer:
    """Stop a sweep and its trial under way; what was learned is kept."""
    sweeps.stop(studio, owner, sweep_id)
    return details(studio, owner, sweep_id)


@router.post("/{sweep_id}/resume")
def go_on(studio: Here, owner: Person, sweep_id: str) -> WholeAnswer:
    """Let a stopped sweep go on, trials that were stopped or have failed first."""
    sweeps.go_on(studio, owner, sweep_id)
    return details(studio, owner, sweep_id)


@router.post("/{sweep_id}/preset", status_code=201, openapi_extra=_NAMED)
def keep_best(studio: Here, owner: Person, sweep_id: str, body: JsonObject) -> PresetAnswer:
    """Keep the best trial's settings as a preset of one's own."""
    sweep, _ = sweeps.get(studio, owner, sweep_id)
    name = body.get("name", f"Best of {sweep.name}")
    return PresetAnswer.model_validate(sweeps.keep_best(studio, owner, sweep_id, name))


@router.delete("/{sweep_id}", status_code=204)
def delete(studio: Here, owner: Person, sweep_id: str) -> None:
    """Delete a sweep from view; its runs stay. One that goes on is stopped."""
    sweeps.delete(studio, owner, sweep_id)


@router.post("/{sweep_id}/restore")
def restore(studio: Here, owner: Person, sweep_id: str) -> WholeAnswer:
    """Bring a deleted sweep back."""
    sweeps.restore(studio, owner, sweep_id)
    return details(studio, owner, sweep_id)


def _answer(sweep: Sweep, ended: int) -> SweepAnswer:
    return SweepAnswer.model_validate(sweep).model_copy(update={"ended": ended})


def _setting(name: str) -> SettingAnswer:
    declared = specs.field(name)
    return SettingAnswer(
        name=name,
        title=declared.title or name,
        term=specs.term(name),
        help=declared.description or "",
        words={
            option: catalogue().get(f"train.{name}.{option}", option)
            for option in get_args(declared.annotation)
        },
    )


def _trial(sweep: Sweep, trial: Trial, *, is_best: bool) -> TrialAnswer:
    run, best = trial.run, trial.best
    return TrialAnswer(
        number=trial.number,
        run_id=run.id if run.deleted_at is None else None,
        name=run.name,
        state=trial.state,
        status=run.status,
        values=spaces.values_of(sweep.dimensions, run.spec),
        eval_loss=best[1] if best else None,
        best_step=best[0] if best else None,
        step=run.step,
        total_steps=run.total_steps,
        seconds=run.seconds,
        words=trial.words,
        is_best=is_best,
    )
