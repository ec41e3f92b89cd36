"""What would happen, and what a preset fills in: asked before a run is started."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from storage import specs, starts, teachers
from storage.analyses import Kind
from storage.base_models import Base
from storage.datasets import Dataset
from storage.errors import Fault, NotFound, Refused, StudioError
from storage.mappings import Target
from storage.specs import RunSpec
from studio.advice import lengths, peak_memory, presets
from studio.advice import plan as advice
from studio.advice.known import Known
from studio.advice.machine import Machine, machine
from studio.advice.plan import Plan
from studio.advice.preset_case import Case, Reason
from studio.services import analyses, base_models, datasets, formats, memory_trials
from studio.services.studio import Studio

MOST_CHARACTERS = 10_000_000
"""Of data with fewer the tokens are counted unasked: seconds of one core."""


@dataclass(frozen=True)
class Places:
    """What a run learns from and what it starts from, by their ids."""

    dataset_id: str
    base_model_id: str


def preset(
    studio: Studio,
    owner: str,
    name: str,
    places: Places,
    method: str | None = None,
    adapter: str = "lora",
) -> RunSpec:
    """Return the settings that a preset fills in for this data and model.

    Args:
        studio: the studio.
        owner: whose.
        name: of the preset.
        places: the data and the model.
        method: the way of learning; None: the one that suits the data best.
        adapter: what learns.

    Raises:
        NotFound: there is no such dataset or base model of that owner.
        Refused: there is no such preset.
    """
    if name not in presets.NAMES:
        raise Refused([Fault("preset", f"Must be one of {', '.join(presets.NAMES)}.")])
    data = datasets.get(studio, owner, places.dataset_id)
    model = base_models.get(studio, owner, places.base_model_id)
    chosen = method or presets.LEARNS_BY[data.target]
    values = {
        "dataset_id": data.id,
        "base_model_id": model.id,
        "name": f"{data.name} on {model.name}"[:120],
        "preset": name,
        **presets.settings(name, _case(_known(studio, owner, data, model), chosen, adapter)),
    }
    if chosen == "distill":
        values["teacher_model_id"] = _teacher(studio, owner, model)
    return specs.parse(values)


def count_tokens(studio: Studio, owner: str, places: Places) -> None:
    """Let the worker count the tokens of the rows, so that plans are exact; not of large data.

    Nothing happens while the data or the model is not ready, or is not there.
    """
    try:
        data = datasets.get(studio, owner, places.dataset_id)
        report = data.report or {}
        few = report.get("characters", {}).get("total", MOST_CHARACTERS) < MOST_CHARACTERS
        if few and data.target in (Target.CHAT, Target.TEXT):
            analyses.ask(studio, owner, data.id, Kind.TOKENS, {}, places.base_model_id)
    except StudioError:
        return  # not ready, or gone: the plan says so by itself


def try_memory(studio: Studio, owner: str, values: dict[str, Any]) -> bool:
    """Let the worker take a trial step of a run, so that its memory is exact; tell if it will.

    Nothing happens where the settings cannot be read, or something is not ready or not there.
    """
    try:
        spec = specs.parse(values)
        data = datasets.get(studio, owner, spec.dataset_id)
        model = base_models.get(studio, owner, spec.base_model_id)
        return memory_trials.ask(studio, owner, spec, _known(studio, owner, data, model, spec))
    except StudioError:
        return False


def plan(studio: Studio, owner: str, values: dict[str, Any]) -> Plan:
    """Return what would happen: faults and warnings by field, steps, time, memory.

    Changes nothing. A dataset or model that is not there is a fault like any other.
    """
    try:
        spec = specs.parse(values)
    except Refused as error:
        return Plan.refused(error.faults)
    gone = _gone(studio, owner, spec)
    if gone:
        return Plan.refused(gone)
    data = datasets.get(studio, owner, spec.dataset_id)
    model = base_models.get(studio, owner, spec.base_model_id)
    known = _known(studio, owner, data, model, spec)
    tried = memory_trials.found(studio, owner, spec, known)
    planned = advice.plan(spec, known, machine(), tried)
    judged = formats.judged(planned, spec, model)
    found = [*judged.faults, *_unfit(studio, owner, spec)]
    return replace(judged, faults=found, reasons=_reasons(spec, known))


def _unfit(studio: Studio, owner: str, spec: RunSpec) -> list[Fault]:
    """List why the settings do not go together with what they go on from."""
    if spec.start_from is None:
        return []
    try:
        start = starts.find(studio.database, studio.artifacts, owner, spec.start_from)
    except NotFound as error:
        return [Fault("start_from", str(error))]
    return starts.faults(spec, start)


def _gone(studio: Studio, owner: str, spec: RunSpec) -> list[Fault]:
    """Name the data and the models that are not there, each by its field."""
    wanted: list[tuple[str, str | None, Callable[[Studio, str, str], object]]] = [
        ("dataset_id", spec.dataset_id, datasets.get),
        ("base_model_id", spec.base_model_id, base_models.get),
        ("teacher_model_id", _teacher_of(spec), base_models.get),
    ]
    found = []
    for field, identifier, get_one in wanted:
        try:
            if identifier is not None:
                get_one(studio, owner, identifier)
        except NotFound as error:
            found.append(Fault(field, error.message))
    return found


def _teacher_of(spec: RunSpec) -> str | None:
    return spec.teacher_model_id if spec.method == "distill" else None


def _known(
    studio: Studio, owner: str, data: Dataset, model: Base, spec: RunSpec | None = None
) -> Known:
    """Gather what is known of the data and of the models, for these settings or any."""
    teacher_id = _teacher_of(spec) if spec else None
    teacher = base_models.get(studio, owner, teacher_id) if teacher_id else None
    return Known(
        data=data,
        model=model,
        facts=base_models.facts(model),
        lengths=_lengths(studio, data, model, spec),
        teacher=teacher,
        teacher_facts=base_models.facts(teacher) if teacher else None,
    )


def _lengths(studio: Studio, data: Dataset, model: Base, spec: RunSpec | None) -> Any:
    """Return the tokens of each row where they were counted and written as the spec will."""
    if data.target not in (Target.CHAT, Target.TEXT) or not _as_counted(model, spec):
        return None
    answers_only = spec.response_only if spec else True
    return analyses.token_lengths(studio, data.owner, data.id, model.id, response_only=answers_only)


def _as_counted(model: Base, spec: RunSpec | None) -> bool:
    """Tell whether conversations are written as for counting: the model's format, else a plain."""
    facts = base_models.facts(model)
    chosen = spec.chat_template if spec else "model"
    return facts is not None and (
        chosen == "model" or (chosen == "plain" and not facts.has_chat_template)
    )


def _case(known: Known, method: str, adapter: str) -> Case:
    """Return what a preset has to know."""
    here = machine()
    return Case(
        facts=known.facts,
        rows=known.data.rows_good - known.data.rows_held_out,
        small=presets.is_small(known.model, known.facts),
        method=method,
        adapter=adapter,
        longest=lengths.longest(known),
        mean=lengths.typical(known),
        examined=_examined(known),
        free=here.room,
        needs=partial(_needs, known, here),
    )


def _examined(known: Known) -> float:
    """Return the share of the rows that an exam reads, as a share of those learned from and it."""
    usual = float(specs.field("eval_share").default)
    good = max(1, known.data.rows_good)
    return known.data.rows_held_out / good if known.data.rows_held_out else usual


def _needs(known: Known, here: Machine, values: dict[str, Any]) -> int | None:
    """Return the bytes that a run with a preset's values takes at its peak."""
    places = {"dataset_id": known.data.id, "base_model_id": known.model.id, "name": "Preset"}
    return peak_memory.of(specs.parse({**places, **values}), known, here)


def _reasons(spec: RunSpec, known: Known) -> list[Reason]:
    """Return why the preset gives these settings; nothing about what the person has changed."""
    found = presets.reasons(spec.preset, _case(known, spec.method, spec.adapter))
    values = spec.model_dump()
    return [one for one in found if values[one.field] == one.value]


def _teacher(studio: Studio, owner: str, student: Base) -> str | None:
    """Return the largest model that reads the same tokens; None where none is larger."""
    others = [
        (int(model.facts["parameters"]), model.id)
        for model in base_models.listing(studio, owner)
        if model.id != student.id
        and model.facts
        and not teachers.teacher_fault(student.facts, model.facts)
        and not teachers.teacher_advice(student.facts, model.facts)
    ]
    return max(others)[1] if others else None
