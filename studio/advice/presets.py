"""Presets fill in settings and do nothing else; small models learn with larger corrections."""

import math
from dataclasses import dataclass
from typing import Any

from storage import specs
from storage.base_models import Base, Source
from storage.mappings import Target
from storage.model_facts import ModelFacts
from studio.advice import faults

NAMES = ("quick", "balanced", "quality")

SMALL_MODEL = 50_000_000
"""Below this many parameters LoRA needs a learning rate about ten times the usual."""

LEARNS_BY: dict[str | None, str] = {
    Target.CHAT: "sft", Target.TEXT: "pretrain", Target.PREFERENCE: "dpo", Target.LABELLED: "kto",
    None: "sft",
}  # fmt: skip
"""The way of learning that suits data best, by what its rows are; None: not read yet."""

_EPOCHS = {"quick": 2.0, "balanced": 3.0, "quality": 5.0}

FEW_ROWS = 2000
_EPOCHS_OF_A_SMALL_MODEL = {"quick": 6.0, "balanced": 10.0, "quality": 16.0}
"""On few rows; six readings of its samples (245 rows) take the starter model 31 to 40 seconds."""

_EPOCHS_OF_OTHERS = {"quick": 1.0, "balanced": 2.0, "quality": 3.0}
"""Plain text is learned by heart and preferences are overdone when they are read too often."""

_RANK = {"quick": 8, "balanced": 16, "quality": 32}

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
_BEHIND_A_STEP = {"sft": 4, "pretrain": 4}
"""Examples behind a correction of a model that is not small; packed blocks of sft and pretrain."""

_PAIRS_BEHIND_A_STEP = 16

_LENGTH_STEP = 64


@dataclass(frozen=True)
class Case:
    """What a preset is for.

    Attributes:
        facts: of the base model; None while it is being prepared.
        rows: good rows of the dataset; 0 while it is being read.
        small: see `is_small`.
        method: the way of learning.
        adapter: what learns.
        longest: tokens of the longest row, estimated or counted; None: not known.
    """

    facts: ModelFacts | None
    rows: int
    small: bool
    method: str = "sft"
    adapter: str = "lora"
    longest: float | None = None


def is_small(model: Base, facts: ModelFacts | None) -> bool:
    """Tell whether a base model is small; of those not ready yet the starter alone is known."""
    return facts.parameters < SMALL_MODEL if facts else model.source is Source.STARTER


def settings(name: str, case: Case) -> dict[str, Any]:
    """Return the values that a preset (one of NAMES) gives to settings of `RunSpec`, by name."""
    rank = min(_RANK[name], faults.narrowest(case.facts)) if case.facts else _RANK[name]
    at_once = _AT_ONCE[case.method]
    chosen = {
        "method": case.method,
        "adapter": case.adapter,
        "rank": rank,
        "alpha": 2.0 * rank,
        "final_rank": max(1, rank // 2),
        "epochs": _epochs(name, case),
        "learning_rate": learning_rate(case.method, case.adapter, small=case.small),
        "batch_size": at_once,
        "accumulation": _accumulation(case, at_once),
        "packing": True,
        "max_length": _length(case),
        "answer_tokens": min(64 if case.small else 128, _length(case) // 2),
    }
    return {field: value for field, value in chosen.items() if specs.applies(field, chosen)}


def learning_rate(method: str, adapter: str, *, small: bool) -> float:
    """Return a learning rate to begin with, for a way of learning and for what learns."""
    rate = _RATES[method][0 if small else 1] * _RATE_OF[adapter]
    return float(f"{rate:.2g}")


def _accumulation(case: Case, at_once: int) -> int:
    if case.method in _BEHIND_A_STEP:
        return 1 if case.small else _BEHIND_A_STEP[case.method]
    behind = _PAIRS_BEHIND_A_STEP // (2 if case.small else 1)
    return behind // at_once


def _epochs(name: str, case: Case) -> float:
    few = case.small and case.rows < FEW_ROWS
    if case.method != "sft":
        return _EPOCHS_OF_OTHERS[name] * (2 if few else 1)
    if few:
        return _EPOCHS_OF_A_SMALL_MODEL[name]
    return _EPOCHS[name] * (2 if case.small or case.rows < 500 else 1)


def _length(case: Case) -> int:
    """Return a maximum that cuts no answer where that takes at most twice the usual."""
    usual = 512 if case.small else 1024
    most = 2 * usual
    if case.longest is not None and case.method != "pretrain":
        usual = max(usual, min(most, _LENGTH_STEP * math.ceil(case.longest / _LENGTH_STEP)))
    context = case.facts.context_length if case.facts else None
    return min(usual, context or usual)
