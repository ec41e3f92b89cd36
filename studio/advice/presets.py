"""Presets derive settings from data, model and memory, each with a sentence why."""

import math
from typing import Any

from storage import specs
from storage.base_models import Base, Source
from storage.mappings import Target
from storage.model_facts import ModelFacts
from studio.advice import faults, preset_case
from studio.advice.preset_case import Case, Reason

NAMES = ("quick", "balanced", "quality")

SMALL_MODEL = 50_000_000
"""Below this many parameters LoRA needs a learning rate about ten times the usual."""

LEARNS_BY: dict[str | None, str] = {
    Target.CHAT: "sft", Target.TEXT: "pretrain", Target.PREFERENCE: "dpo", Target.LABELLED: "kto",
    None: "sft",
}  # fmt: skip
"""The way of learning that suits data best, by what its rows are; None: not read yet."""

SMALL_READS = {"quick": 300_000, "balanced": 600_000, "quality": 1_200_000}
"""Tokens that a small model reads of answers in all: a minute of one core for each 300,000."""

_MOST_READINGS = {"quick": 6.0, "balanced": 10.0, "quality": 16.0}
"""Of a small model; beyond these it repeats answers by heart, and six of its samples (245 rows)
take the starter model 31 to 40 seconds."""

_READINGS = {"quick": 2.0, "balanced": 3.0, "quality": 5.0}
"""Of answers by a model that is not small; twice as many of fewer than FEW_ROWS."""

_READINGS_OF_OTHERS = {"quick": 1.0, "balanced": 2.0, "quality": 3.0}
"""Plain text is learned by heart and preferences are overdone when they are read too often."""

FEW_ROWS = 500

_RANK = {"quick": 8, "balanced": 16, "quality": 32}
"""More is of no use to a model that is not small before millions of tokens are learned (Schulman
et al. 2025: capacity of an adapter against the information in the data)."""

_WIDER_FOR_SMALL = 4
"""A small model has small matrices, so that an adapter of the same rank holds less: with four times
the rank it was left with 0.2 less loss in the same steps on two data sets of 60,000 and 250,000
tokens, and with no less on the 13,000 of a sample (tests/benchmarks/defaults)."""

LITTLE_TEXT = 30_000
"""Fewer tokens than these do not fill an adapter of a small model. With more, a rate of 3e-3 and
one block behind a step, which suit little data, made the loss of exams jump up after 200 to 900
steps (on 250,000 tokens), and half of that rate gave as much in 300 steps."""

MUCH_TEXT = 5_000_000
"""From so many tokens on twice the rank is of use."""

_RATES = {
    "sft": (3e-3, 2e-4), "pretrain": (2e-3, 1e-4), "dpo": (2e-4, 1e-5), "kto": (2e-4, 1e-5),
    "orpo": (3e-4, 2e-5), "reward": (1e-3, 1e-4), "distill": (1e-3, 1e-4),
}  # fmt: skip
"""Learning rates with LoRA, of a small model and of others. Preferences move a model by a tenth to
a fortieth of what answers do (Tunstall et al. 2023, Ethayarajh et al. 2024, Hong et al. 2024)."""

_RATE_OF = {"lora": 1.0, "adalora": 2.0, "ia3": 10.0, "full": 0.1}
"""Times the rate of LoRA. IA3 learns few numbers (Liu et al. 2022: 3e-3 where LoRA takes 2e-4 to
3e-4), AdaLoRA loses some on the way, a whole model changes with every number of it."""

_AT_ONCE = {"sft": 1, "pretrain": 1, "dpo": 2, "kto": 4, "orpo": 2, "reward": 2, "distill": 2}
_PACKED = ("sft", "pretrain")
_BLOCKS_BEHIND_A_STEP = 4
"""Packed blocks behind a correction of a model that is not small, where there are enough."""

_CORRECTIONS = 60
"""Fewer corrections than these teach little: fewer blocks stand behind each, then."""

_PAIRS_BEHIND_A_STEP = 16

_LENGTH_STEP = 64

_EXAMS = (4, 10)
"""The fewest and the most exams of a run."""

_EXAM_COST = 0.15
"""Exams may take such a share of the time of the steps; reading takes a third of learning."""


def is_small(model: Base, facts: ModelFacts | None) -> bool:
    """Tell whether a base model is small; of those not ready yet the starter alone is known."""
    return facts.parameters < SMALL_MODEL if facts else model.source is Source.STARTER


def settings(name: str, case: Case) -> dict[str, Any]:
    """Return the values that a preset (one of NAMES) gives to settings of `RunSpec`, by name."""
    return {reason.field: reason.value for reason in reasons(name, case)}


def reasons(name: str, case: Case) -> list[Reason]:
    """Return the same, each with a sentence why, in the order in which they follow on another."""
    rank, length = _rank(name, case), _length(case)
    epochs = _epochs(name, case)
    at_once = Reason("batch_size", _AT_ONCE[case.method], _at_once_words(case))
    behind = _accumulation(case, int(length.value), float(epochs.value))
    found = [
        Reason("method", case.method, "It suits what the data holds."),
        Reason("adapter", case.adapter, "An add-on learns quickly, and the model stays as it is."),
        rank,
        Reason("alpha", 2.0 * rank.value, "Twice the room: the usual strength."),
        Reason("final_rank", max(1, rank.value // 2), "Half of the room is kept where it counts."),
        epochs,
        _rate(case),
        at_once,
        behind,
        Reason("packing", True, "Short examples share a block, so that no time goes into filling."),
        length,
        _answer(case, int(length.value)),
        _exam_interval(case, {one.field: one.value for one in (epochs, at_once, behind, length)}),
    ]
    chosen = {one.field: one.value for one in found}
    return preset_case.within_memory(
        [one for one in found if specs.applies(one.field, chosen)], case
    )


def learning_rate(method: str, adapter: str, *, small: bool) -> float:
    """Return a learning rate to begin with, for a way of learning and for what learns."""
    rate = _RATES[method][0 if small else 1] * _RATE_OF[adapter]
    return float(f"{rate:.2g}")


# One function for each setting.


def _rank(name: str, case: Case) -> Reason:
    rank, tokens = _RANK[name], case.tokens or 0
    words = "Enough for most data: an add-on of this size holds more than some thousand rows."
    if case.small and tokens >= LITTLE_TEXT:
        rank *= _WIDER_FOR_SMALL
        words = f"Small matrices need more room for the {_many(case)} tokens of these data."
    elif case.small:
        words = "Enough for so little data; more room would only take longer."
    elif tokens >= MUCH_TEXT:
        rank, words = 2 * rank, f"More room, as there is much to learn: {_many(case)} tokens."
    most = faults.narrowest(case.facts) if case.facts else rank
    if rank > most:
        rank, words = most, "As much as this model's smallest matrix has."
    return Reason("rank", rank, words)


def _epochs(name: str, case: Case) -> Reason:
    if case.method != "sft":
        few = 2 if case.small and 0 < case.rows < FEW_ROWS else 1
        words = "Read too often, preferences are overdone."
        if case.method in ("pretrain", "distill"):
            words = "Read too often, texts are learned by heart."
        return Reason("epochs", _READINGS_OF_OTHERS[name] * few, words)
    if not case.small:
        few = 2 if case.rows < FEW_ROWS else 1
        words = "Few examples need more readings." if few == 2 else "Usual for so many examples."
        return Reason("epochs", _READINGS[name] * few, words)
    if not case.tokens:
        return Reason("epochs", _MOST_READINGS[name], "A small model learns from repetition.")
    readings = max(1.0, min(_MOST_READINGS[name], float(round(SMALL_READS[name] / case.tokens))))
    words = f"A small model learns from repetition; each reading is about {_many(case)} tokens."
    return Reason("epochs", readings, words)


def _rate(case: Case) -> Reason:
    rate = learning_rate(case.method, case.adapter, small=case.small)
    words = "A small model learns with larger corrections." if case.small else "Usual for its size."
    if case.small and case.method == "sft" and (case.tokens or 0) >= LITTLE_TEXT:
        rate, words = rate / 2, "Half of what little data takes: over many steps more goes astray."
    if case.method in ("dpo", "kto", "orpo"):
        words = "Preferences move a model with far smaller corrections than answers do."
    if case.adapter == "full":
        words = "Low, because every number of the model changes."
    return Reason("learning_rate", rate, words)


def _at_once_words(case: Case) -> str:
    if case.method in _PACKED:
        return "A filled block at a time wastes nothing and needs the least memory."
    return "A few at a time keep the memory low."


def _accumulation(case: Case, length: int, epochs: float) -> Reason:
    at_once = _AT_ONCE[case.method]
    if case.method not in _PACKED:
        behind = _PAIRS_BEHIND_A_STEP // (2 if case.small else 1)
        return Reason(
            "accumulation",
            behind // at_once,
            f"In all {behind} stand behind each correction, which makes it calm.",
        )
    if case.small:
        return Reason("accumulation", 1, "Many small corrections teach a small model the most.")
    blocks = epochs * math.ceil(case.tokens / length) if case.tokens else math.inf
    behind = int(max(1, min(_BLOCKS_BEHIND_A_STEP, blocks // _CORRECTIONS)))
    words = "Several blocks behind each correction make it calmer."
    if behind < _BLOCKS_BEHIND_A_STEP:
        words = (
            "There is little data: fewer blocks stand behind each correction, so there are more."
        )
    return Reason("accumulation", behind, words)


def _length(case: Case) -> Reason:
    """Return a maximum that cuts no answer where that takes at most twice the usual."""
    usual = 512 if case.small else 1024
    most, words = 2 * usual, "Every example fits into it."
    if case.longest is None or case.method == "pretrain":
        words = "A usual length; longer texts are divided."
        words = words if case.method == "pretrain" else "A usual length."
    elif case.longest > most:
        usual, words = most, "The longest examples are cut: whole ones would take far more memory."
    else:
        usual = max(usual, _LENGTH_STEP * math.ceil(case.longest / _LENGTH_STEP))
    context = case.facts.context_length if case.facts else None
    if context and context < usual:
        usual, words = context, "As much as this model reads at once."
    return Reason("max_length", usual, words)


def _answer(case: Case, length: int) -> Reason:
    tokens = min(64 if case.small else 128, length // 2)
    return Reason("answer_tokens", tokens, "Long enough to show how it answers; writing is slow.")


def _exam_interval(case: Case, values: dict[str, Any]) -> Reason:
    """Return the steps between exams where ten of them would cost too much of the learning."""
    fewest, most = _EXAMS
    learned = max(1e-9, 1 - case.examined)
    affordable = 3 * _EXAM_COST * values["epochs"] * learned / max(case.examined, 1e-9)
    if not case.tokens or case.method == "distill" or affordable >= most:
        return Reason("eval_every", None, "About ten exams: enough to see the run's course.")
    packed = case.method in _PACKED
    examples = case.tokens / values["max_length"] if packed else float(case.rows)
    a_reading = math.ceil(learned * examples / (values["batch_size"] * values["accumulation"]))
    steps = max(1, math.ceil(values["epochs"] * a_reading))
    exams = int(max(fewest, affordable))
    words = f"About {exams} exams: more would take too much of the time beside so few readings."
    return Reason("eval_every", max(1, math.ceil(steps / exams)), words)


def _many(case: Case) -> str:
    """Return the tokens of a reading, roughly, as people say it."""
    tokens = case.tokens or 0.0
    if tokens >= 1e6:
        return f"{tokens / 1e6:.1f} million"
    return f"{float(f'{tokens:.2g}'):,.0f}"
