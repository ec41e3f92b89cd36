"""Presets fill in settings and do nothing else; small models learn with larger corrections."""

from typing import Any

from storage.base_models import Base, Source
from storage.model_facts import ModelFacts

NAMES = ("quick", "balanced", "quality")

SMALL_MODEL = 50_000_000
"""Below this many parameters LoRA needs a learning rate about ten times the usual."""

_EPOCHS = {"quick": 2.0, "balanced": 3.0, "quality": 5.0}

FEW_ROWS = 2000
_EPOCHS_OF_A_SMALL_MODEL = {"quick": 6.0, "balanced": 10.0, "quality": 16.0}
"""On few rows; six readings of its samples (245 rows) take the starter model 31 to 40 seconds."""

_RANK = {"quick": 8, "balanced": 16, "quality": 32}


def is_small(model: Base, facts: ModelFacts | None) -> bool:
    """Tell whether a base model is small; of those not ready yet the starter alone is known."""
    return facts.parameters < SMALL_MODEL if facts else model.source is Source.STARTER


def settings(name: str, facts: ModelFacts | None, rows: int, *, small: bool) -> dict[str, Any]:
    """Return the values that a preset gives to the settings of `RunSpec`, by name.

    Args:
        name: one of NAMES.
        facts: of the base model; None while it is being prepared.
        rows: good rows of the dataset; 0 while it is being read.
        small: see `is_small`.
    """
    length = 512 if small else 1024
    context = facts.context_length if facts and facts.context_length else length
    rank = min(_RANK[name], facts.hidden_size) if facts else _RANK[name]
    return {
        "rank": rank,
        "alpha": 2.0 * rank,
        "epochs": _epochs(name, rows, small=small),
        "learning_rate": 3e-3 if small else 2e-4,
        "batch_size": 1,
        "accumulation": 1 if small else 4,
        "packing": True,
        "max_length": min(length, context),
    }


def _epochs(name: str, rows: int, *, small: bool) -> float:
    if small and rows < FEW_ROWS:
        return _EPOCHS_OF_A_SMALL_MODEL[name]
    return _EPOCHS[name] * (2 if small or rows < 500 else 1)
