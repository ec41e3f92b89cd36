"""Whether a run fits into the memory there is, and the one change with least harm that makes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from storage import combinations, specs
from storage.specs import RunSpec
from studio.advice import lengths, peak_memory
from studio.advice.known import Known
from studio.advice.machine import Machine

_TIGHT = 0.85
"""Share of the room from which little is left for what else the machine does."""

_LENGTH_STEP = 64
_SHORTEST = 64
_LEAST_RANK = 4


class Fit(StrEnum):
    """How a run fits."""

    FITS = "fits"
    TIGHT = "tight"
    TOO_BIG = "too_big"


@dataclass(frozen=True)
class Change:
    """What makes a run fit.

    Attributes:
        values: the settings to change, by name.
        words: a sentence for the person, with what it costs.
        memory_bytes: what the run takes then.
    """

    values: dict[str, Any]
    words: str
    memory_bytes: int


def fit(needed: int, room: int) -> Fit:
    """Return how so many bytes fit into a room."""
    if needed > room:
        return Fit.TOO_BIG
    return Fit.TIGHT if needed > _TIGHT * room else Fit.FITS


def change(spec: RunSpec, known: Known, here: Machine, times: float = 1.0) -> Change | None:
    """Return the single change with least harm with which a run fits; None: none does.

    Args:
        spec: of the run that does not fit.
        known: its data and models.
        here: the machine.
        times: by how much a trial step was above the estimate for this spec.
    """
    if here.room is None or known.facts is None:
        return None
    model_type = known.facts.model_type
    allowed = combinations.faults(spec, model_type)
    for values, words in _candidates(spec, known):
        changed = specs.parse({**spec.model_dump(), **values})
        if len(combinations.faults(changed, model_type)) > len(allowed):
            continue
        estimated = peak_memory.of(changed, known, here)
        if estimated is not None and estimated * times <= here.room:
            return Change(values, words, round(estimated * times))
    return None


def _candidates(spec: RunSpec, known: Known) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield changes, those that change least of what is learned first."""
    yield from _harmless_length(spec, known)
    yield from _batches(spec)
    if not spec.gradient_checkpointing:
        words = "Trade time for memory: a fifth slower, the same result."
        yield {"gradient_checkpointing": True}, words
    if not spec.optimizer.endswith("8bit"):
        yield {"optimizer": "adamw_bnb_8bit"}, "Use the 8-bit optimizer: nearly the same result."
    yield from _shrunk(spec)
    if spec.adapter == "full":
        words = "Let an add-on (LoRA) learn instead of the whole model."
        yield {"adapter": "lora", "learning_rate": min(1.0, spec.learning_rate * 10)}, words
    yield from _ranks(spec)
    yield from _lengths(spec)


def _harmless_length(spec: RunSpec, known: Known) -> Iterator[tuple[dict[str, Any], str]]:
    longest = lengths.longest(known)
    if longest is None or spec.method in ("pretrain", "distill"):
        return
    enough = max(_SHORTEST, -(-round(longest) // _LENGTH_STEP) * _LENGTH_STEP)
    if enough < spec.max_length:
        yield {"max_length": enough}, f"Shorten the length to {enough:,}: no example is cut."


def _batches(spec: RunSpec) -> Iterator[tuple[dict[str, Any], str]]:
    batch, behind = spec.batch_size, spec.accumulation
    while batch % 2 == 0 and batch > 1:
        batch, behind = batch // 2, behind * 2
        words = f"Read {batch} at once and collect {behind} readings: slower, the same result."
        yield {"batch_size": batch, "accumulation": behind}, words


def _shrunk(spec: RunSpec) -> Iterator[tuple[dict[str, Any], str]]:
    if spec.quantization == "none":
        words = "Shrink the base model to 8 bits: slower, hardly less exact."
        yield {"quantization": "8bit"}, words
    if spec.quantization in ("none", "8bit"):
        yield (
            {"quantization": "nf4"},
            "Shrink the base model to 4 bits: slower, a little less exact.",
        )


def _ranks(spec: RunSpec) -> Iterator[tuple[dict[str, Any], str]]:
    rank = spec.rank
    while spec.adapter == "lora" and rank // 2 >= _LEAST_RANK:
        rank //= 2
        alpha = spec.alpha * rank / spec.rank
        yield {"rank": rank, "alpha": alpha}, f"Leave less room to learn: a rank of {rank}."


def _lengths(spec: RunSpec) -> Iterator[tuple[dict[str, Any], str]]:
    length = spec.max_length
    while length // 2 >= _SHORTEST:
        length //= 2
        yield {"max_length": length}, f"Shorten the length to {length:,}: what is longer is cut."
