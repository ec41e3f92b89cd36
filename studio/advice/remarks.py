"""What is good to know before Start, and keeps no run from starting."""

from typing import Any

from storage import specs, support, teachers
from storage.errors import Fault
from storage.specs import RunSpec
from storage.status import WorkStatus
from storage.support import Degree
from studio.advice import lengths
from studio.advice.fitting import Fit
from studio.advice.known import Known
from studio.advice.memory import Memory, sized

FEW_ROWS = 50

_MANY = 12
"""More values than these are a range, and named by its ends."""


def of(spec: RunSpec, known: Known, takes: Memory | None) -> list[Fault]:
    """List what a person may want to know, by field."""
    found = [*_memory(spec, takes), *_few(known), *_exam(spec, known)]
    found += [*_template(spec, known), *_cut(spec, known), *_strength(spec), *_method(spec, known)]
    return [*found, *_support(known), *_without_effect(spec)]


def _support(known: Known) -> list[Fault]:
    """Say what speaks against the base model; of its chat format `_template` speaks."""
    if known.facts is None:
        return []
    found = support.of(known.facts)
    words = [found.reasons[0]] if found.degree is Degree.LIKELY else []
    if not found.can_chat:
        words.append("It cannot be talked to here; what it learned can be downloaded.")
    return [Fault("base_model_id", " ".join(words))] if words else []


def _memory(spec: RunSpec, takes: Memory | None) -> list[Fault]:
    """Say where it does not fit, and what helps."""
    if takes is None or takes.fit is not Fit.TOO_BIG or takes.room is None:
        return []
    words = f"This may need {sized(takes.total)}; {sized(takes.room)} are free."
    if takes.change is not None:
        return [Fault(next(iter(takes.change.values)), f"{words} {takes.change.words}")]
    if spec.method == "distill":
        return [Fault("teacher_model_id", f"{words} A smaller teacher helps.")]
    return [Fault("base_model_id", f"{words} No single change makes it fit: a smaller model does.")]


def _few(known: Known) -> list[Fault]:
    rows = known.data.rows_good
    if known.data.status is not WorkStatus.READY or rows >= FEW_ROWS:
        return []
    return [Fault("dataset_id", f"Only {rows} examples: expect small changes.")]


def _exam(spec: RunSpec, known: Known) -> list[Fault]:
    if known.data.rows_held_out:
        words = f"The data itself keeps {known.data.rows_held_out:,} rows for the exam; this share"
        return [Fault("eval_share", f"{words} does nothing.")]
    if spec.eval_share == 0 and spec.early_stopping:
        return [Fault("eval_share", "Without an exam the run cannot stop early by itself.")]
    return []


def _template(spec: RunSpec, known: Known) -> list[Fault]:
    if known.facts is None or not specs.applies("chat_template", spec.model_dump()):
        return []
    if spec.chat_template == "model":
        words = (
            "This model has no chat format of its own; a plain one will be used and saved with "
            "what it learns. Under Advanced you can choose another."
        )
        return [] if known.facts.has_chat_template else [Fault("chat_template", words)]
    if not known.facts.has_chat_template:
        return []
    words = "This model was taught another chat format, its own; with this one it begins anew."
    return [Fault("chat_template", words)]


def _cut(spec: RunSpec, known: Known) -> list[Fault]:
    found = lengths.of(spec, known)
    if found is None or found.longest <= spec.max_length or spec.method == "pretrain":
        return []
    about = "" if found.is_exact else "about "
    many = "Most examples are" if found.mean > spec.max_length else "The longest example is"
    size = f"{(found.mean if found.mean > spec.max_length else found.longest):,.0f}"
    beyond = "a row beyond" if spec.method == "reward" else "what is beyond"
    then = "is left out" if spec.method == "reward" else "is cut off"
    words = f"{many} {about}{size} tokens long; {beyond} {spec.max_length:,} {then}."
    return [Fault("max_length", words)]


def _strength(spec: RunSpec) -> list[Fault]:
    if spec.alpha <= 4 * spec.rank or not specs.applies("alpha", spec.model_dump()):
        return []
    return [Fault("alpha", "More than four times the rank often drowns the base model.")]


def _method(spec: RunSpec, known: Known) -> list[Fault]:
    """Say what a way of learning is not for."""
    if spec.method == "reward":
        words = "A reward model gives scores to answers; it cannot be talked to afterwards."
        return [Fault("method", words)]
    if spec.method != "distill" or known.teacher is None:
        return []
    words = teachers.teacher_advice(known.model.facts, known.teacher.facts)
    return [Fault("teacher_model_id", words)] if words else []


def _without_effect(spec: RunSpec) -> list[Fault]:
    """Name what was changed and does nothing beside the other settings."""
    values = spec.model_dump()
    return [
        Fault(name, f"This does nothing here: it counts only with {_beside(name)}.")
        for name in type(spec).model_fields
        if values[name] != specs.field(name).get_default() and not specs.applies(name, values)
    ]


def _beside(name: str) -> str:
    """Return the other settings, and their values, beside which one has an effect."""
    return " and ".join(
        f"{specs.term(other)} {_listed(values)}" for other, values in specs.only(name).items()
    )


def _listed(values: list[Any]) -> str:
    if len(values) > _MANY:
        return f"{values[0]} to {values[-1]}"
    words = [{True: "on", False: "off"}.get(value, str(value)) for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
