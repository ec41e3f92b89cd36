"""Why a run cannot start: all reasons at once, by field, in words, with what to do."""

import difflib

from storage import combinations, specs, support, teachers
from storage.errors import Fault
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from storage.status import WorkStatus
from storage.support import Degree
from studio.advice import amount, formats
from studio.advice.known import Known

_NEAR = 3
"""So many names are offered in place of one that is not there."""


def of(spec: RunSpec, known: Known) -> list[Fault]:
    """List everything that keeps a run from starting."""
    facts = known.facts
    found = [*_data(spec, known), *_model(known)]
    found += combinations.faults(spec, facts.model_type if facts else None)
    found += _format(spec)
    if facts is not None:
        found += [*_support(facts), *_sizes(spec, facts), *_modules(spec, facts)]
        found += [*_teacher(spec, known), *_lengths(spec, known)]
    return found


def _data(spec: RunSpec, known: Known) -> list[Fault]:
    words = _unusable(known) or combinations.data_fault(spec.method, known.data.target)
    if words:
        return [Fault("dataset_id", words)]
    if known.data.status is not WorkStatus.READY:
        return []
    words = _too_few(spec, known)
    return [Fault("dataset_id", words)] if words else []


def _unusable(known: Known) -> str:
    data = known.data
    if data.status is WorkStatus.FAILED:
        return f"{data.name} could not be read: {data.error}"
    if data.status is WorkStatus.UNSURE:
        return f"Say first which column of {data.name} is the question and which the answer."
    return ""


def _too_few(spec: RunSpec, known: Known) -> str:
    data = known.data
    if data.rows_good < 2:
        there = "one good example" if data.rows_good else "no good example"
        return f"{data.name} holds {there}; at least two are needed, and fifty to notice a change."
    if data.rows_held_out >= data.rows_good:
        return f"All rows of {data.name} are kept for the exam; nothing is left to learn from."
    if round(data.rows_good - amount.exam_rows(spec, known)) < 1:
        return "The exam takes every example; keep fewer for it."
    return ""


def _model(known: Known) -> list[Fault]:
    model, teacher = known.model, known.teacher
    found = []
    if model.status is WorkStatus.FAILED:
        found.append(Fault("base_model_id", f"{model.name} cannot be used: {model.error}"))
    if teacher is not None and teacher.status is WorkStatus.FAILED:
        found.append(Fault("teacher_model_id", f"{teacher.name} cannot be used: {teacher.error}"))
    return found


def _format(spec: RunSpec) -> list[Fault]:
    if spec.chat_template != "custom" or not spec.custom_template:
        return []
    words = formats.fault(spec.custom_template)
    return [Fault("custom_template", words)] if words else []


def _support(facts: ModelFacts) -> list[Fault]:
    found = support.of(facts)
    return [Fault("base_model_id", found.reasons[0])] if found.degree is Degree.NO else []


def _sizes(spec: RunSpec, facts: ModelFacts) -> list[Fault]:
    found = []
    if facts.context_length and spec.max_length > facts.context_length:
        words = f"This model reads at most {facts.context_length:,} tokens at once."
        found.append(Fault("max_length", words))
    most = narrowest(facts, spec.target_modules)
    if specs.applies("rank", spec.model_dump()) and spec.rank > most:
        words = f"Must be at most {most:,}, the width of this model's smallest matrix that learns."
        found.append(Fault("rank", words))
    if spec.quantization != "none" and facts.quantized:
        found.append(Fault("quantization", "This model is shrunk already; choose none."))
    return found


def narrowest(facts: ModelFacts, modules: tuple[str, ...] = ()) -> int:
    """Return the shorter side of the smallest matrix that learns; no adapter has a higher rank.

    Args:
        facts: of the base model.
        modules: the names of the parts that learn; none means all.
    """
    sides = [facts.hidden_size, facts.intermediate_size]
    learning = {name.rsplit(".", 1)[-1] for name in modules} or set(facts.linear_modules)
    if facts.heads and facts.kv_heads and learning & {"k_proj", "v_proj"}:
        sides.append(facts.hidden_size // facts.heads * facts.kv_heads)
    return min(sides)


def _modules(spec: RunSpec, facts: ModelFacts) -> list[Fault]:
    if not specs.applies("target_modules", spec.model_dump()):
        return []
    return [
        _unknown(name, facts)
        for name in spec.target_modules
        if name.rsplit(".", 1)[-1] not in facts.linear_modules
    ]


def _unknown(name: str, facts: ModelFacts) -> Fault:
    near = difflib.get_close_matches(name, facts.linear_modules, n=_NEAR)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    there = ", ".join(facts.linear_modules)
    return Fault("target_modules", f"This model has no part called {name}.{meant} It has: {there}.")


def _teacher(spec: RunSpec, known: Known) -> list[Fault]:
    if spec.method != "distill":
        return []
    found = []
    teacher = known.teacher
    words = teachers.teacher_fault(known.model.facts, teacher.facts if teacher else None)
    if words:
        found.append(Fault("teacher_model_id", words))
    contexts = [facts.context_length for facts in (known.facts, known.teacher_facts) if facts]
    most = min([spec.max_length, *(context for context in contexts if context)])
    if spec.answer_tokens >= most:
        words = f"Question and answer share {most:,} tokens; this leaves no room for a question."
        found.append(Fault("answer_tokens", words))
    return found


def _lengths(spec: RunSpec, known: Known) -> list[Fault]:
    """Refuse a maximum with which nothing is left to learn; known where tokens were counted."""
    lengths = known.lengths
    if lengths is None or not len(lengths) or spec.method == "pretrain":
        return []
    longs, firsts = lengths[:, 0], lengths[:, 1]
    learned = firsts < longs
    if not learned.any():
        return [Fault("dataset_id", "No example has an answer, so there is nothing to learn from.")]
    nearest = int(firsts[learned].min())
    if nearest < spec.max_length:
        return []
    words = (
        f"Every answer begins beyond {spec.max_length:,} tokens and would be cut off: nothing "
        f"would be learned. The nearest begins at {nearest:,}; raise this well beyond it, or make "
        "the questions shorter."
    )
    return [Fault("max_length", words)]
