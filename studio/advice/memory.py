"""The memory of a run as told before Start: how much, of what, whether it fits, what helps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.specs import RunSpec
from studio.advice import fitting, heaviest, peak_memory
from studio.advice.fitting import Change, Fit
from studio.advice.known import Known
from studio.advice.machine import Machine

SETTINGS = (
    "method", "adapter", "rank", "final_rank", "dropout", "target_modules", "use_dora",
    "extra_tokens", "batch_size", "accumulation", "optimizer", "neftune_alpha", "preference_loss",
    "max_length", "packing", "quantization", "double_quantization", "gradient_checkpointing",
    "precision", "activation_offloading", "attention", "path",
)  # fmt: skip
"""Those that decide about memory; a trial step is told these and no others."""

TRIED = ("sft", "pretrain", "dpo", "kto", "orpo", "reward")
"""Methods of which the worker can take a trial step."""


@dataclass(frozen=True)
class Memory:
    """What a run takes.

    Attributes:
        total: bytes at its fullest moment.
        parts: the bytes of each part, by name.
        is_tried: by a trial step of the worker; else from the sizes of the model alone.
        room: bytes that are free where it trains; None: not known.
        fit: how it fits there.
        change: where it does not fit: the one change that makes it; None: there is none.
    """

    total: int
    parts: Mapping[str, int]
    is_tried: bool = False
    room: int | None = None
    fit: Fit | None = None
    change: Change | None = None


def question(spec: RunSpec, known: Known) -> dict[str, Any] | None:
    """Return what the worker is asked about the memory of a run; None where it cannot be tried."""
    if spec.method not in TRIED or known.facts is None:
        return None
    texts = heaviest.of(spec, known)
    read = spec.max_steps is None or not known.data.rows_good or (
        spec.max_steps * spec.effective_batch >= known.data.rows_good
    )  # fmt: skip
    dumped = spec.model_dump(mode="json")
    return {
        "settings": {name: dumped[name] for name in SETTINGS},
        "texts": list(texts.texts),
        "learned": round(texts.learned, 2),
        "asks_first": bool(read and spec.epochs >= 1),
    }


def judged(
    spec: RunSpec, known: Known, here: Machine, tried: Mapping[str, Any] | None = None
) -> Memory | None:
    """Return what a run takes; None while the model is not ready.

    Args:
        spec: of the run.
        known: its data and models.
        here: the machine.
        tried: what a trial step of the worker found; None: it has taken none.
    """
    estimated = peak_memory.parts(spec, known, here)
    if estimated is None:
        return None
    one, total = dict(estimated.named), estimated.total
    if tried is not None:
        one = {**tried["parts"], "overhead": estimated.overhead}
        total = int(tried["bytes"]) + estimated.overhead
    copies = 1 if here.has_gpu else spec.processes  # each on its own card, or all in one room
    parts, total = {name: size * copies for name, size in one.items()}, total * copies
    if here.room is None:
        return Memory(total, parts, tried is not None)
    fit = fitting.fit(total, here.room)
    times = total / max(1, estimated.total)
    change = fitting.change(spec, known, here, times) if fit is Fit.TOO_BIG else None
    return Memory(total, parts, tried is not None, here.room, fit, change)


def sized(count: int) -> str:
    """Return bytes as people say them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
