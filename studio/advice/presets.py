"""Presets fill in settings and do nothing else; small models learn with larger corrections."""

from typing import Any

from storage.model_facts import ModelFacts

NAMES = ("quick", "balanced", "quality")

SMALL_MODEL = 50_000_000
"""Below this many parameters LoRA needs a learning rate about ten times the usual."""

_EPOCHS = {"quick": 2.0, "balanced": 3.0, "quality": 5.0}
_RANK = {"quick": 8, "balanced": 16, "quality": 32}


def settings(name: str, facts: ModelFacts | None, rows: int) -> dict[str, Any]:
    """Return the values that a preset gives to the settings of `RunSpec`, by name.

    Args:
        name: one of NAMES.
        facts: of the base model; None while it is being prepared (the starter model is small).
        rows: good rows of the dataset; 0 while it is being read.
    """
    small = facts is None or facts.parameters < SMALL_MODEL
    length = 512 if small else 1024
    context = facts.context_length if facts and facts.context_length else length
    return {
        "rank": _RANK[name],
        "alpha": 2.0 * _RANK[name],
        "epochs": _EPOCHS[name] * (2 if small or rows < 500 else 1),
        "learning_rate": 2e-3 if small else 2e-4,
        "batch_size": 1,
        "accumulation": 1 if small else 4,
        "packing": True,
        "max_length": min(length, context),
    }
