"""What makes two sets of settings the same run: all in them that differs from the default."""

import hashlib
import json
from typing import Any

from storage.specs import RunSpec

_FIRST_SETTINGS = frozenset(
    {
        "name", "dataset_id", "base_model_id", "preset", "rank", "alpha", "dropout",
        "target_modules", "use_rslora", "use_dora", "learning_rate", "scheduler", "warmup_ratio",
        "epochs", "max_steps", "batch_size", "accumulation", "optimizer", "weight_decay",
        "max_grad_norm", "seed", "max_length", "packing", "response_only", "eval_share",
        "quantization", "double_quantization", "gradient_checkpointing", "precision", "eval_every",
        "save_every", "keep_checkpoints", "early_stopping",
    }
)  # fmt: skip
"""All settings there were while checkpoints named them all, defaults too."""


def of(spec: RunSpec) -> str:
    """Return the hex sha256 of the settings that differ from their default.

    A setting that a later version adds, at its default, changes nothing.
    """
    return _hash(spec.model_dump(mode="json", exclude_defaults=True))


def is_of(spec: RunSpec, identity: object) -> bool:
    """Tell whether a checkpoint's identity is that of these settings; also as it was once made."""
    added = spec.model_dump(exclude_defaults=True).keys() - _FIRST_SETTINGS
    first = _hash(spec.model_dump(mode="json", include=set(_FIRST_SETTINGS)))
    return identity == of(spec) or (not added and identity == first)


def _hash(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
