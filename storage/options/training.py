"""How the learning goes: speed, readings, batches, optimizer."""

from typing import Literal

from pydantic import BaseModel

from storage.options.declared import setting

Scheduler = Literal[
    "linear", "cosine", "constant", "constant_with_warmup", "cosine_with_restarts", "polynomial",
    "inverse_sqrt",
]  # fmt: skip
Optimizer = Literal[
    "adamw_torch", "adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "lion_8bit",
    "adafactor",
]  # fmt: skip


class TrainingSettings(BaseModel):
    """The course of the learning."""

    learning_rate: float = setting(
        2e-4, "training", "learning rate", "Learning speed",
        "Size of each correction. Too high and it forgets how to speak, too low and it stays.",
        gt=0, le=1,
    )  # fmt: skip
    scheduler: Scheduler = setting(
        "cosine", "training", "learning-rate scheduler", "Course of the learning speed",
        "How the learning speed falls towards the end.",
    )  # fmt: skip
    warmup_ratio: float = setting(
        0.05, "training", "warm-up ratio", "Gentle start",
        "Share of the run in which the learning speed rises from zero.", ge=0, lt=1,
    )  # fmt: skip
    epochs: float = setting(
        3.0, "training", "epochs", "Readings of your data", "How often it rereads your data.",
        gt=0, le=1000,
    )  # fmt: skip
    max_steps: int | None = setting(
        None, "training", "maximum steps", "Stop after this many steps",
        "Leave empty to go by the number of readings; a number here overrules it.",
        ge=1, le=10_000_000,
    )  # fmt: skip
    batch_size: int = setting(
        4, "training", "batch size", "Examples at once",
        "How many examples (or packed blocks) it reads in one go; more needs more memory.",
        ge=1, le=1024,
    )  # fmt: skip
    accumulation: int = setting(
        1, "training", "gradient accumulation", "Readings per correction",
        "Collects several batches before each correction: the effect of a larger batch.",
        ge=1, le=4096,
    )  # fmt: skip
    optimizer: Optimizer = setting(
        "adamw_torch", "training", "optimizer", "Optimizer",
        "How corrections are computed; the 8-bit ones need less memory.",
    )  # fmt: skip
    weight_decay: float = setting(
        0.0, "training", "weight decay", "Pull towards zero",
        "Keeps the add-on's numbers small.", ge=0, le=1,
    )  # fmt: skip
    max_grad_norm: float = setting(
        1.0, "training", "gradient clipping", "Largest single correction",
        "Corrections larger than this are scaled down.", gt=0, le=1000,
    )  # fmt: skip
    seed: int = setting(
        42, "training", "seed", "Seed",
        "The same seed on the same machine gives the same result.", ge=0, le=2**32 - 1,
    )  # fmt: skip
    neftune_alpha: float = setting(
        0.0, "training", "NEFTune noise alpha", "Noise on what it reads",
        "A little noise keeps it from learning answers by heart; 5 is usual, 0 is off.",
        ge=0, le=100, only={"method": ("sft",)},
    )  # fmt: skip
