"""What to change where a curve went wrong: settings, the words of a button, and why."""

from dataclasses import dataclass
from typing import Any

from storage import specs
from storage.specs import RunSpec

_HIGHEST_RATE = 0.05
"""No learning rate above this is ever advised."""


@dataclass(frozen=True)
class Change:
    """A change to try: `settings` by name, what a button says, and a sentence why."""

    settings: dict[str, Any]
    words: str
    why: str


def slower(spec: RunSpec, by: int) -> Change:
    """Return a learning rate that is so many times lower."""
    part = {2: "half", 4: "a quarter of", 10: "a tenth of"}[by]
    return Change(
        {"learning_rate": _rounded(spec.learning_rate / by)},
        f"Duplicate with {part} the learning speed",
        "Smaller corrections do not throw away what was learned before.",
    )


def faster(spec: RunSpec, usual: float | None) -> list[Change]:
    """Return a higher learning rate: the usual one where this is lower, else three times it."""
    if usual is not None and spec.learning_rate < usual / 1.5:
        words = f"Duplicate with the usual learning speed, {usual:g}"
        why = f"{spec.learning_rate:g} is low for this model and way of learning."
        return [Change({"learning_rate": usual}, words, why)]
    rate = _rounded(spec.learning_rate * 3)
    if rate > _HIGHEST_RATE:
        return []
    why = "Larger corrections may move it; so far they were too small to notice."
    return [Change({"learning_rate": rate}, "Duplicate with three times the learning speed", why)]


def gentler(spec: RunSpec) -> list[Change]:
    """Return what keeps single bad batches from throwing the model about."""
    if spec.max_grad_norm <= 0.3:
        return []
    words = "Duplicate with smaller single corrections"
    why = "A single odd batch then pulls at most a third as hard."
    return [Change({"max_grad_norm": _rounded(spec.max_grad_norm / 3)}, words, why)]


def until(spec: RunSpec, step: int, total_steps: int) -> list[Change]:
    """Return a run that ends about where this one was best."""
    why = f"It was best at step {step:,}; what came later did harm."
    if spec.max_steps is not None:
        words = f"Duplicate with {step:,} steps"
        return [Change({"max_steps": step}, words, why)] if step < spec.max_steps else []
    readings = max(0.1, round(spec.epochs * step / max(total_steps, 1), 1))
    if readings >= spec.epochs:
        return []
    words = f"Duplicate with {readings:g} readings instead of {spec.epochs:g}"
    return [Change({"epochs": readings}, words, why)]


def longer(spec: RunSpec) -> Change:
    """Return a run that is twice as long."""
    why = "It was still getting better when it ended."
    if spec.max_steps is not None:
        words = f"Duplicate with {2 * spec.max_steps:,} steps"
        return Change({"max_steps": min(10_000_000, 2 * spec.max_steps)}, words, why)
    readings = min(1000.0, 2 * spec.epochs)
    return Change({"epochs": readings}, f"Duplicate with {readings:g} readings", why)


def forgetful(spec: RunSpec) -> list[Change]:
    """Return an add-on of which a part is switched off at random while it learns."""
    if spec.dropout >= 0.1 or not specs.applies("dropout", spec.model_dump()):
        return []
    words = "Duplicate with some forgetting"
    why = "What is switched off now and then learns less by heart (dropout 0.1)."
    return [Change({"dropout": 0.1}, words, why)]


def roomier(spec: RunSpec) -> list[Change]:
    """Return an add-on with twice the room to learn."""
    if not specs.applies("rank", spec.model_dump()) or spec.rank > 64:
        return []
    settings = {"rank": 2 * spec.rank, "alpha": 2 * spec.alpha}
    why = "More room lets it take up more of what the examples hold."
    return [Change(settings, "Duplicate with twice the room to learn", why)]


def examined(spec: RunSpec) -> list[Change]:
    """Return a run with an exam, where there is none."""
    if spec.eval_share:
        return []
    why = "Only an exam tells learning from learning by heart, and finds the best state."
    return [Change({"eval_share": 0.1}, "Duplicate with an exam", why)]


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
