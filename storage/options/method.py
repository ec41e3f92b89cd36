"""What is learned from the data: the method, and what only one method asks."""

from typing import Literal

from pydantic import BaseModel

from storage.options.basics import Identifier
from storage.options.declared import setting

Method = Literal["sft", "pretrain", "dpo", "kto", "orpo", "reward", "distill"]

PreferenceLoss = Literal[
    "sigmoid", "ipo", "hinge", "robust", "exo_pair", "nca_pair", "bco_pair", "sppo_hard",
    "aot", "aot_unpaired", "apo_zero", "apo_down", "discopop", "sigmoid_norm",
]  # fmt: skip

_PAIRS = {"method": ("dpo",)}
_JUDGED = {"method": ("kto",)}
_TEACHER = {"method": ("distill",)}


class MethodSettings(BaseModel):
    """How the model learns."""

    method: Method = setting(
        "sft", "method", "method", "Way of learning",
        "Learn from answers, from plain text, from better and worse answers, or from a larger "
        "model.",
    )  # fmt: skip
    preference_loss: PreferenceLoss = setting(
        "sigmoid", "method", "DPO loss", "How preferences count",
        "The usual one suits most; IPO holds on to the original more, Robust forgives wrong "
        "judgements.",
        only=_PAIRS,
    )  # fmt: skip
    beta: float = setting(
        0.1, "method", "beta", "Loyalty to the original",
        "The larger, the less the model moves away from how it answered before.",
        gt=0, le=10, only={"method": ("dpo", "kto", "orpo")},
    )  # fmt: skip
    label_smoothing: float = setting(
        0.0, "method", "label smoothing", "Wrong judgements to expect",
        "Share of pairs in which better and worse may be swapped by mistake.",
        ge=0, lt=0.5,
        only={**_PAIRS, "preference_loss": ("robust", "exo_pair", "aot", "aot_unpaired")},
    )  # fmt: skip
    desirable_weight: float = setting(
        1.0, "method", "desirable weight", "Weight of good answers",
        "Raise it where good answers are far fewer than bad ones.", gt=0, le=100, only=_JUDGED,
    )  # fmt: skip
    undesirable_weight: float = setting(
        1.0, "method", "undesirable weight", "Weight of bad answers",
        "Raise it where bad answers are far fewer than good ones.", gt=0, le=100, only=_JUDGED,
    )  # fmt: skip
    teacher_model_id: Identifier | None = setting(
        None, "method", "teacher model", "Teacher",
        "The larger model that it learns to answer like; it must read the same tokens.",
        only=_TEACHER,
    )  # fmt: skip
    divergence: float = setting(
        1.0, "method", "divergence beta", "Whose answers count",
        "0 covers all that the teacher might say, 1 keeps to what it would most likely say.",
        ge=0, le=1, only=_TEACHER,
    )  # fmt: skip
    answer_tokens: int = setting(
        128, "method", "maximum completion length", "Longest answer it tries",
        "In tokens; it writes answers of its own while it learns, which is what takes the time.",
        ge=1, le=8192, only=_TEACHER,
    )  # fmt: skip
    answer_temperature: float = setting(
        1.0, "method", "sampling temperature", "Variety of the answers it tries",
        "Higher tries more unusual answers.", gt=0, le=5, only=_TEACHER,
    )  # fmt: skip
