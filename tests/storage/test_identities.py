"""A run goes on from its checkpoints also after an update of the studio that added settings."""

import hashlib
import json
from typing import Any

from storage import identities
from storage.specs import RunSpec

PLACES = {"dataset_id": "data_1", "base_model_id": "model_1"}


def spec(**changes: Any) -> RunSpec:
    return RunSpec(**{**PLACES, **changes})


def as_once_made(whole: dict[str, Any]) -> str:
    """Return the identity as the first version made it: of all settings there were."""
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


FIRST_VERSION: dict[str, Any] = {
    "name": "New run", **PLACES, "preset": "balanced", "rank": 16, "alpha": 32.0, "dropout": 0.0,
    "target_modules": [], "use_rslora": False, "use_dora": False, "learning_rate": 0.0002,
    "scheduler": "cosine", "warmup_ratio": 0.05, "epochs": 3.0, "max_steps": None, "batch_size": 4,
    "accumulation": 1, "optimizer": "adamw_torch", "weight_decay": 0.0, "max_grad_norm": 1.0,
    "seed": 42, "max_length": 1024, "packing": True, "response_only": True, "eval_share": 0.1,
    "quantization": "none", "double_quantization": True, "gradient_checkpointing": False,
    "precision": "auto", "eval_every": None, "save_every": None, "keep_checkpoints": 2,
    "early_stopping": 3,
}  # fmt: skip
"""All settings of the first version, with the values of a run of that time."""


def test_a_setting_at_its_default_does_not_count() -> None:
    assert identities.of(spec(rank=16)) == identities.of(spec())
    assert identities.of(spec(rank=8)) != identities.of(spec())


def test_a_checkpoint_of_the_first_version_is_still_its_run() -> None:
    mine = spec(**{**FIRST_VERSION, "target_modules": ()})
    assert identities.is_of(mine, as_once_made(FIRST_VERSION))
    assert identities.is_of(mine, identities.of(mine))
    assert not identities.is_of(mine, as_once_made({**FIRST_VERSION, "rank": 8}))


def test_an_old_identity_says_nothing_of_settings_that_came_later() -> None:
    mine = spec(**{**FIRST_VERSION, "target_modules": (), "beginning": "pissa"})
    assert not identities.is_of(mine, as_once_made(FIRST_VERSION))
