"""How much memory a run takes at its peak, by a dry run of one step."""

import time
from typing import Any

from storage.errors import StudioError
from worker.training.dry_run import shapes, trainers, trial
from worker.training.dry_run.material import Case
from worker.training.dry_run.trial import Found

_DEPTHS = (2, 3)
"""Layers of the trials for a deep model: each more takes the same memory again."""

_DEEP = 8
"""Layers from which a model is tried with fewer; all of them would take many seconds."""

_ALIKE = (
    "llama", "mistral", "mixtral", "phi3", "qwen2", "qwen3", "gemma3_text", "gpt2", "bloom",
    "smollm3",
)  # fmt: skip
"""Kinds of model whose layers all take the same memory; others are tried as they are."""


def of(case: Case) -> dict[str, Any]:
    """Return the peak and its parts in bytes, and the seconds it took to find out.

    Named are `weights`, `adapter`, `gradients`, `optimizer` and `working`: what a step holds
    beside them at its fullest moment, which is the `phase`.

    Raises:
        StudioError: the settings do not fit the model, or cannot be tried.
    """
    if case.spec.method not in trainers.METHODS:
        raise StudioError("This way of learning cannot be tried without the model's numbers.")
    began = time.monotonic()
    found = _found(case)
    phase = max(found.peaks, key=lambda name: found.peaks[name])
    parts = {
        "weights": found.weights,
        "adapter": found.learned,
        "gradients": found.gradients,
        "optimizer": found.memories,
    }
    peak = found.peaks[phase]
    parts["working"] = max(0, peak - sum(parts.values()))
    return {"bytes": peak, "parts": parts, "phase": phase, "seconds": time.monotonic() - began}


def _found(case: Case) -> Found:
    config = shapes.read_config(case.folder)
    if case.spec.method == "reward":
        config.num_labels = 1
    text = config.get_text_config()
    layers = int(text.num_hidden_layers)
    if layers < _DEEP or text.model_type not in _ALIKE:
        return trial.run(case, config)
    few, more = (trial.run(case, shapes.of_depth(config, depth)) for depth in _DEPTHS)
    return _deeper(few, more, layers)


def _deeper(few: Found, more: Found, layers: int) -> Found:
    """Return what so many layers take, which grows by the same with each of them in each phase."""
    times = (layers - _DEPTHS[1]) / (_DEPTHS[1] - _DEPTHS[0])

    def grown(one: int, other: int) -> int:
        return round(other + (other - one) * times)

    return Found(
        {
            name: grown(few.peaks[name], more.peaks[name])
            for name in more.peaks
            if name in few.peaks
        },
        weights=grown(few.weights, more.weights),
        learned=grown(few.learned, more.learned),
        gradients=grown(few.gradients, more.gradients),
        memories=grown(few.memories, more.memories),
    )
